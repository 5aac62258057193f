"""A strategy of freqtrade: it buys whenever it may, and sells what it has held for a while. Not meant to earn."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqtrade.strategy import IStrategy

HELD = timedelta(seconds=20)


class AlwaysInAndOut(IStrategy):  # type: ignore[misc]  # Its types are in an environment of its own.
    INTERFACE_VERSION = 3
    timeframe = "1m"
    startup_candle_count = 0
    process_only_new_candles = False
    minimal_roi: ClassVar = {"0": 10}
    stoploss = -0.5
    order_types: ClassVar = {"entry": "limit", "exit": "limit", "stoploss": "market", "stoploss_on_exchange": False}

    def populate_indicators(self, dataframe: Any, metadata: Any) -> Any:
        return dataframe

    def populate_entry_trend(self, dataframe: Any, metadata: Any) -> Any:
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: Any, metadata: Any) -> Any:
        dataframe["exit_long"] = 0
        return dataframe

    def custom_exit(self, pair: str, trade: Any, current_time: datetime, *_: Any, **__: Any) -> str | None:
        return "held long enough" if current_time - trade.date_last_filled_utc > HELD else None
