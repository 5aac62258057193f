"""Which algorithm works which execution. Adding one: its model in domain/executions.py, its function, its line here."""

from functools import partial

from breakwater.domain.executions import (
    Execution,
    Iceberg,
    Oco,
    PercentageOfVolume,
    Route,
    Stop,
    TakeProfit,
    TrailingStop,
    Twap,
    Vwap,
)
from fargate_engine.routing.exits import oco, stop, take_profit, trailing_stop
from fargate_engine.routing.moves import Algorithm
from fargate_engine.routing.route import route
from fargate_engine.routing.slicing import iceberg, percentage_of_volume, twap, vwap


def algorithm_of(execution: Execution) -> Algorithm:  # noqa: PLR0911 - one line for each
    match execution:
        case Route():
            return partial(route, execution)
        case Twap():
            return partial(twap, execution)
        case Vwap():
            return partial(vwap, execution)
        case PercentageOfVolume():
            return partial(percentage_of_volume, execution)
        case Iceberg():
            return partial(iceberg, execution)
        case Stop():
            return partial(stop, execution)
        case TakeProfit():
            return partial(take_profit, execution)
        case TrailingStop():
            return partial(trailing_stop, execution)
        case Oco():
            return partial(oco, execution)
