"""Every control of the platform, one row each: adding one is a function, a row here, and its tests.

A type is one small pure function (scope, order, limit) -> verdict. Arithmetic runs in the exact context that
`breakwater.domain.limits` opens. The rows are in the order in which the limits of a node are asked.
"""

from collections.abc import Mapping

from breakwater.domain.exposure import Action
from breakwater.domain.limit_types import conduct, emergency, exposures, losses, per_order, settings
from breakwater.domain.limit_types.verdict import (
    IN_BASE_CURRENCY,
    Above,
    Leasing,
    LimitType,
    Need,
    ProposedOrder,
    Verdict,
)

__all__ = [
    "DEAD_MAN",
    "KILL_SWITCH",
    "LIMIT_TYPES",
    "OPEN_ORDER_COUNT",
    "PRICE_COLLAR",
    "REDUCE_ONLY",
    "RESTRICTED_LIST",
    "SELF_TRADE",
    "STALE_DATA",
    "Above",
    "Leasing",
    "LimitType",
    "Need",
    "ProposedOrder",
    "Verdict",
]

KILL_SWITCH = "KILL_SWITCH"
REDUCE_ONLY = "REDUCE_ONLY"
PRICE_COLLAR = "PRICE_COLLAR"
RESTRICTED_LIST = "RESTRICTED_LIST"
SELF_TRADE = "SELF_TRADE"
DEAD_MAN = "DEAD_MAN"
STALE_DATA = "STALE_DATA"
OPEN_ORDER_COUNT = "OPEN_ORDER_COUNT"

LIMIT_TYPES: Mapping[str, LimitType] = {
    PRICE_COLLAR: LimitType(
        1, per_order.price_collar, settings.fraction, "fraction of the reference price",
        "a buy's limit price is at most ref * (1 + x), a sell's at least ref * (1 - x)", above=Above.BINDING,
        leasing=Leasing.EACH_ORDER,
    ),
    "MAX_ORDER_QTY": LimitType(
        2, per_order.max_order_qty, settings.positive, "base units",
        "the quantity of an order", above=Above.BINDING, leasing=Leasing.EACH_ORDER,
    ),
    "MAX_ORDER_NOTIONAL": LimitType(
        3, per_order.max_order_notional, settings.positive, "currency",
        "quantity times price; a market order is valued at the collar", needs=Need.RATES, above=Above.BINDING,
        leasing=Leasing.EACH_ORDER,
    ),
    "ADV_PCT": LimitType(
        4, per_order.adv_pct, settings.fraction, "fraction of the average daily volume",
        "the quantity against the 20-day average volume of the instrument", needs=Need.MARKS, above=Above.BINDING,
        leasing=Leasing.EACH_ORDER,
    ),
    RESTRICTED_LIST: LimitType(
        5, per_order.restricted_list, settings.symbol_list, "parameters",
        "the symbol is on the list that allows, or not on the list that denies", leasing=Leasing.EACH_ORDER,
    ),
    "ORDER_PERMISSION": LimitType(
        6, per_order.order_permission, settings.permission, "parameters",
        "order type, time in force, side, venue and hours of the day are among those allowed", leasing=Leasing.NEVER,
    ),
    "SHORT_SALE": LimitType(
        7, per_order.short_sale, settings.nothing, "none",
        "a sell beyond F - S is marked as located (`located`)",
    ),
    STALE_DATA: LimitType(
        8, per_order.stale_data, settings.positive, "seconds",
        "the age of the reference price", above=Above.BINDING, leasing=Leasing.EACH_ORDER,
    ),
    "MESSAGE_RATE": LimitType(
        9, conduct.message_rate, settings.windowed_count, "messages in the window",
        "new orders, replaces and cancels; cancels are counted and never blocked",
        needs=Need.ACTIVITY, accumulates=True, above=Above.BINDING, leasing=Leasing.NEVER,
    ),
    "DUPLICATE_ORDER": LimitType(
        10, conduct.duplicate_order, settings.window_alone, "parameters",
        "the account sent no order of the same symbol, side, price and quantity within the window",
        needs=Need.SAME_TERMS, leasing=Leasing.NEVER,
    ),
    "REPEAT_EXECUTION": LimitType(
        11, conduct.repeat_execution, settings.windowed_count, "fills in the window",
        "fewer fills of automated orders than this; at it the node stops until a person re-arms it",
        needs=Need.ACTIVITY, action=Action.SUSPEND, accumulates=True,
    ),
    "REJECT_STREAK": LimitType(
        12, conduct.reject_streak, settings.streak_length, "refusals in a row",
        "fewer refusals in a row than this; at it the node stops until it is re-armed", action=Action.SUSPEND,
        accumulates=True, leasing=Leasing.NEVER,
    ),
    "ORDER_TO_TRADE": LimitType(
        13, conduct.order_to_trade, settings.ratio, "messages for each fill",
        "messages in the window for each fill in it, once there were `messages_min`", needs=Need.ACTIVITY,
        leasing=Leasing.NEVER,
    ),
    "WINDOW_VOLUME": LimitType(
        14, conduct.window_volume, settings.windowed, "currency",
        "traded in the window plus open plus this order", needs=Need.ACTIVITY | Need.RATES, accumulates=True,
        above=Above.BINDING,
    ),
    OPEN_ORDER_COUNT: LimitType(
        15, conduct.open_order_count, settings.whole_number, "orders",
        "open orders and this one", accumulates=True, above=Above.BINDING,
    ),
    "DAILY_ORDER_COUNT": LimitType(
        16, conduct.daily_order_count, settings.whole_number, "orders",
        "orders since the session began and this one", accumulates=True, above=Above.BINDING, leasing=Leasing.NEVER,
    ),
    "LONG_POSITION": LimitType(
        17, exposures.long_position, settings.not_negative, "base units, in each symbol",
        "F + B + quantity of a buy", accumulates=True, above=Above.NETTED,
    ),
    "SHORT_POSITION": LimitType(
        18, exposures.short_position, settings.not_negative, "base units, in each symbol",
        "S - F + quantity of a sell", accumulates=True, above=Above.NETTED,
    ),
    "NET_NOTIONAL": LimitType(
        19, exposures.net_notional, settings.not_negative, "currency",
        "longs against shorts at mark, at the worse of all buys or all sells filling",
        needs=Need.MARKS, accumulates=True, above=Above.NETTED,
    ),
    "GROSS_NOTIONAL": LimitType(
        20, exposures.gross_notional, settings.not_negative, "currency",
        "sum of max(|F + B|, |F - S|) at mark", needs=Need.MARKS, accumulates=True, above=Above.NETTED,
    ),
    "OPEN_ORDER_NOTIONAL": LimitType(
        21, exposures.open_order_notional, settings.not_negative, "currency",
        "what open orders and this one may cost", needs=Need.RATES, accumulates=True, above=Above.BINDING,
    ),
    "CREDIT": LimitType(
        22, exposures.credit, settings.not_negative, "currency",
        "what open buys and this one may cost, with fees, is within cash plus this line, in this currency alone",
        needs=Need.CASH, accumulates=True,
    ),
    "DAILY_TRADED_NOTIONAL": LimitType(
        23, exposures.daily_traded_notional, settings.not_negative, "currency",
        "traded since the session began plus open plus this order", needs=Need.RATES, accumulates=True,
        above=Above.BINDING,
    ),
    "MARGIN": LimitType(
        24, exposures.margin, settings.positive, "fraction of the equity",
        "initial margin of positions and open orders", needs=Need.MARKS | Need.CASH, accumulates=True,
    ),
    "LEVERAGE": LimitType(
        24, exposures.leverage, settings.positive, "times the equity",
        "gross notional of positions and open orders", needs=Need.MARKS | Need.CASH, accumulates=True,
    ),
    "CONCENTRATION": LimitType(
        25, exposures.concentration, settings.concentration, "fraction of the equity",
        "exposure to the order's instrument, its sector or its venue", needs=Need.MARKS | Need.CASH, accumulates=True,
    ),
    "INCREMENTAL_VAR": LimitType(
        26, exposures.incremental_var, settings.value_at_risk, "currency",
        "value at risk of one day with the order in it", needs=Need.MARKS, accumulates=True, above=Above.NETTED,
    ),
    "DAILY_LOSS": LimitType(
        27, losses.daily_loss, settings.positive, IN_BASE_CURRENCY,
        "realised plus unrealised minus fees plus funding since the session began is not below -value",
        action=Action.REDUCE_ONLY, above=Above.NETTED, accumulates=True,
    ),
    "DRAWDOWN": LimitType(
        28, losses.drawdown, settings.drawdown, IN_BASE_CURRENCY,
        "from the peak to now: STATIC, TRAILING or END_OF_DAY", action=Action.REDUCE_ONLY, accumulates=True,
    ),
    "LOSS_STREAK": LimitType(
        29, losses.loss_streak, settings.streak, "losing round trips in a row",
        "losing round trips in a row; at it nothing but what reduces until the cool-down is over",
    ),
    SELF_TRADE: LimitType(
        30, emergency.self_trade, settings.self_trade, "parameters",
        "an order that would meet the firm's own resting order: cancel newest, oldest, both, or decrement",
    ),
    KILL_SWITCH: LimitType(
        31, emergency.kill_switch, settings.built_in, "none",
        "the state of the node: killed and suspended never, reduce-only what reduces",
    ),
    DEAD_MAN: LimitType(
        32, emergency.dead_man, settings.positive, "seconds",
        "time since the last heartbeat; then all open orders are cancelled",
        kinds=frozenset({"ACCOUNT", "API_KEY"}),
    ),
    REDUCE_ONLY: LimitType(
        33, emergency.reduce_only, settings.built_in, "none",
        "what `reduce_only` asks of an order",
    ),
}  # fmt: skip
