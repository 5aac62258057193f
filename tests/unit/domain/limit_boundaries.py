"""For every type of the table the last order that passes and the first that is refused: one step lies between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from breakwater.domain.exposure import NodeState, Scope, Standing
from breakwater.domain.limit_types import KILL_SWITCH, REDUCE_ONLY, ProposedOrder
from breakwater.domain.limits import Finding
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import NOW, activity_of, exposure_of, market_of, order_for, refusals, scope_of

NOT_SETTABLE = frozenset({KILL_SWITCH, REDUCE_ONLY})  # States of a node and a flag of an order.
STEP = timedelta(microseconds=1)
WINDOW = {"window_s": 60}
_OF_THE_ORDER = frozenset(
    {"side", "quantity", "price", "market", "at", "venue", "located", "same_terms_at", "fee_rates", "reference_age_s"}
)


@dataclass(frozen=True)
class Boundary:
    """`both` holds for either order. Words are those of `order_for` and of `scope_of`, parameters of the limit among
    them."""

    limit_type: str
    value: str | None
    both: Mapping[str, Any]
    passes: Mapping[str, Any]
    refuses: Mapping[str, Any]

    def build(self, words: Mapping[str, Any]) -> tuple[Scope, ProposedOrder]:
        told = {**self.both, **words}
        of_order = {word: told.pop(word) for word in _OF_THE_ORDER & set(told)}
        scope = scope_of(None if self.limit_type in NOT_SETTABLE else self.limit_type, self.value, **told)
        return scope, order_for(scope, **of_order)

    def refused(self, words: Mapping[str, Any]) -> list[Finding]:
        return refusals(*self.build(words), reduce_only=self.limit_type == REDUCE_ONLY)


def _boundary(
    limit_type: str, value: str | None, passes: Mapping[str, Any], refuses: Mapping[str, Any], **both: Any
) -> Boundary:
    return Boundary(limit_type, value, both, passes, refuses)


def _quantity(limit_type: str, value: str | None, largest: str, **both: Any) -> Boundary:
    """Of an order of this quantity, and of one lot more."""
    more = str(Decimal(largest) + Decimal("0.0001"))
    return _boundary(limit_type, value, {"quantity": largest}, {"quantity": more}, **both)


def _held(symbol: str = "ETH/USDT", **amounts: str) -> Any:
    held: dict[str, Any] = {name: Decimal(amount) for name, amount in amounts.items()}
    return exposure_of(symbol, **held)


def _usdt(amount: str) -> dict[str, Decimal]:
    return {"USDT": Decimal(amount)}


ONE_ETH = [_held(filled_qty="1")]
AT_NOON = {"days": ["MON"], "from": "09:00", "until": "12:00"}

BOUNDARIES = (
    _boundary("PRICE_COLLAR", "0.05", {"price": "2100"}, {"price": "2100.01"}),
    _boundary("PRICE_COLLAR", "0.05", {"price": "1900"}, {"price": "1899.99"}, side=Side.SELL),
    _quantity("MAX_ORDER_QTY", "2", "2"),
    _quantity("MAX_ORDER_NOTIONAL", "2000", "1"),
    _quantity("MAX_ORDER_NOTIONAL", "2100", "1", price=None),
    _quantity("ADV_PCT", "0.01", "1", market=market_of(average_daily_qty=Decimal(100))),
    _boundary("RESTRICTED_LIST", None, {"mode": "ALLOW"}, {"mode": "DENY"}, symbols=["ETH/USDT"]),
    _boundary("ORDER_PERMISSION", None, {"side": Side.BUY}, {"side": Side.SELL}, sides=["BUY"]),
    _boundary("ORDER_PERMISSION", None, {"at": NOW - STEP}, {"at": NOW}, hours=AT_NOON),
    _quantity("SHORT_SALE", None, "3", side=Side.SELL, exposures=[_held(filled_qty="5", open_sell_qty="2")]),
    _boundary("STALE_DATA", "2", {"reference_age_s": Decimal(2)}, {"reference_age_s": Decimal("2.000001")}),
    _boundary(
        "MESSAGE_RATE",
        "5",
        {"activity": [activity_of(new_count=2, cancel_count=1, replace_count=1)]},
        {"activity": [activity_of(new_count=2, cancel_count=2, replace_count=1)]},
        **WINDOW,
    ),
    _boundary(
        "DUPLICATE_ORDER",
        None,
        {"same_terms_at": NOW - timedelta(seconds=60) - STEP},
        {"same_terms_at": NOW - timedelta(seconds=60)},
        **WINDOW,
    ),
    _boundary(
        "REPEAT_EXECUTION",
        "3",
        {"activity": [activity_of(automated_fill_count=2)]},
        {"activity": [activity_of(automated_fill_count=3)]},
        **WINDOW,
    ),
    _boundary("REJECT_STREAK", "3", {"standing": Standing(reject_streak=2)}, {"standing": Standing(reject_streak=3)}),
    _boundary(
        "ORDER_TO_TRADE",
        "4",
        {"activity": [activity_of(new_count=11, fill_count=3)]},
        {"activity": [activity_of(new_count=12, fill_count=3)]},
        messages_min="10",
        **WINDOW,
    ),
    _quantity(
        "WINDOW_VOLUME",
        "5000",
        "1",
        activity=[activity_of(traded_notional=Decimal(2000))],
        exposures=[_held(open_notional="1000")],
        **WINDOW,
    ),
    _boundary(
        "OPEN_ORDER_COUNT",
        "3",
        {"exposures": [exposure_of(open_order_count=2)]},
        {"exposures": [exposure_of(open_order_count=3)]},
    ),
    _boundary(
        "DAILY_ORDER_COUNT",
        "3",
        {"exposures": [exposure_of(session_order_count=2)]},
        {"exposures": [exposure_of(session_order_count=3)]},
    ),
    _quantity("LONG_POSITION", "10", "3", exposures=[_held(filled_qty="4", open_buy_qty="3", open_sell_qty="9")]),
    _quantity(
        "SHORT_POSITION",
        "10",
        "3",
        side=Side.SELL,
        exposures=[_held(filled_qty="-4", open_sell_qty="3", open_buy_qty="9")],
    ),
    _quantity("NET_NOTIONAL", "6000", "1", exposures=[_held(filled_qty="1", open_buy_qty="1")]),
    _quantity("GROSS_NOTIONAL", "7000", "1", exposures=[*ONE_ETH, _held("BTC/USDT", filled_qty="-0.05")]),
    _quantity("OPEN_ORDER_NOTIONAL", "3000", "1", exposures=[_held(open_notional="1000")]),
    _quantity("CREDIT", "0", "1", cash=_usdt("2002"), fee_rates={"SIM": Decimal("0.001")}),
    _quantity("CREDIT", "500", "1", cash=_usdt("2500"), exposures=[_held(open_buy_notional="1000")]),
    _quantity("DAILY_TRADED_NOTIONAL", "6000", "1", exposures=[_held(traded_notional="3000", open_notional="1000")]),
    _quantity(
        "MARGIN",
        "0.5",
        "1",
        cash=_usdt("4000"),
        exposures=ONE_ETH,
        market=market_of(initial_margin=Decimal("0.5")),
    ),
    _quantity("LEVERAGE", "2", "1", cash=_usdt("2000"), exposures=ONE_ETH),
    _quantity("CONCENTRATION", "0.5", "1", cash=_usdt("8000"), exposures=ONE_ETH),
    # Two ETH at 2000, of a volatility of 1 % a day and the quantile 2.3263478740.
    _quantity(
        "INCREMENTAL_VAR",
        "93.05391496",
        "1",
        exposures=ONE_ETH,
        market=market_of(daily_volatility=Decimal("0.01")),
    ),
    _boundary(
        "DAILY_LOSS",
        "100",
        {"standing": Standing(pnl=Decimal(-70), pnl_open=Decimal(30), observed_at=NOW)},
        {"standing": Standing(pnl=Decimal("-70.01"), pnl_open=Decimal(30), observed_at=NOW)},
    ),
    _boundary(
        "DRAWDOWN",
        "100",
        {"standing": Standing(pnl=Decimal(-50), pnl_peak=Decimal(50), observed_at=NOW)},
        {"standing": Standing(pnl=Decimal("-50.01"), pnl_peak=Decimal(50), observed_at=NOW)},
    ),
    _boundary(
        "LOSS_STREAK",
        "3",
        {"standing": Standing(loss_streak=3, cool_until=NOW)},
        {"standing": Standing(loss_streak=3, cool_until=NOW + STEP)},
        cool_down_s=900,
    ),
    _quantity(KILL_SWITCH, None, "5", side=Side.SELL, state=NodeState.REDUCE_ONLY, exposures=[_held(filled_qty="5")]),
    _boundary(
        "DEAD_MAN",
        "30",
        {"standing": Standing(heartbeat_at=NOW - timedelta(seconds=30))},
        {"standing": Standing(heartbeat_at=NOW - timedelta(seconds=30) - STEP)},
    ),
    _quantity(REDUCE_ONLY, None, "5", exposures=[_held(filled_qty="-7", open_buy_qty="2")]),
)
