"""POST /limits/what-if: a recorded day's orders against changed limits. It reads, and writes nothing."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import BASE_CURRENCY, Scope
from breakwater.domain.limit_types import LIMIT_TYPES, Need, settings
from breakwater.domain.market import Market, MissingReference, RiskTerms
from breakwater.domain.money import AmountText, format_amount, trim
from breakwater.domain.orders import OrderTerms, OrdStatus, Side
from breakwater.domain.permissions import Caller
from breakwater.domain.portfolio import Fill, Position
from breakwater.domain.times import format_time, from_nanoseconds
from breakwater.domain.what_if import (
    WORTH_AGE_MAX,
    Change,
    Day,
    Outcome,
    RecordedFill,
    RecordedOrder,
    RecordedWorth,
    Refused,
    asks_for_worth,
    market_of,
    profit,
    with_changes,
)
from breakwater.errors import AnswerTooLarge, InvalidRequest, NotFound
from breakwater.services.limit_settings import LimitSetting, limit_of
from breakwater.services.what_if_views import JudgedOrderView, RefusedOrderView, WhatIfAnswer, WhatIfPnl

ORDERS_MAX = 5_000
FILLS_MAX = 200_000  # Of the whole organisation: prices are taken from them.
CHANGES_MAX = 100
WORTH_MAX = 200_000  # Notes of what accounts were worth: 26 of each.
TOLD_MAX = 500  # Of each list of orders; the counts are of all.
NOT_JUDGED = {  # And why.
    "CREDIT": "what the accounts had of one currency alone at a moment of that day is not kept",
    "DEAD_MAN": "heartbeats are not recorded",
    "STALE_DATA": "when prices were seen is not recorded",
}
ASSUMPTIONS = [
    "reference prices are the last trades of the organisation before each order, and never stale",
    f"profits in other currencies are turned into {BASE_CURRENCY} by the same prices",
    "an order that was refused then and passes now trades nothing",
    "nodes are taken to be active, and limits other than the changed ones to be those that hold now, as overrides have"
    " them",
    "of a node above the one that is asked for only what is below that one counts",
    "MARGIN, LEVERAGE and CONCENTRATION are judged where they are tried, and not where they only hold now",
    "equity is what was noted of the accounts at the beginning of the hour, at the market's prices, and what the day as"
    " it is tried has earned since, at those of the organisation's own trades; where nothing was noted within two hours"
    " such a limit refuses",
    "volumes, volatilities, margins and sectors are those that the firm said until then; without them such a limit"
    " refuses",
    "losing streaks (LOSS_STREAK), peaks (DRAWDOWN) and orders sent twice (DUPLICATE_ORDER) begin with the day",
    *(f"{limit_type} is not judged: {why}" for limit_type, why in NOT_JUDGED.items()),
]


class TriedLimit(LimitSetting):
    """A limit as it would have been, or without which the day is to be tried.

    `is_removed` null: it is taken away where neither a value nor parameters are told and its type needs one of them.
    """

    is_removed: bool | None = None


class WhatIf(BaseModel):
    """The body: a UTC day, the limits to try, and the node it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    changes: Annotated[list[TriedLimit], Field(min_length=1, max_length=CHANGES_MAX)]
    node_id: uuid.UUID | None = None  # None: the whole organisation.


def what_if(question: WhatIf, caller: Caller, tx: TenantTransaction, at: datetime) -> WhatIfAnswer:
    """Which orders would have been refused, and what exposure and profit would have followed.

    NotFound for a node, InvalidRequest for a change that makes no sense and for a day that has not begun.
    AnswerTooLarge for one with more than FILLS_MAX fills, or ORDERS_MAX orders: then ask for a part of the tree.
    """
    caller.require("limits:manage")
    begin = datetime.combine(question.day, time(), UTC)
    if begin > at:
        raise InvalidRequest("that day has not begun", field="day")
    end = begin + timedelta(days=1)
    roots = None if question.node_id is None else [question.node_id]
    scopes = {scope.node.node_id: scope for scope in tx.limits.scopes(at, roots, above=True)}
    if question.node_id is not None and question.node_id not in scopes:
        raise NotFound("no such node", field="node_id")
    changes = [_checked(*each, scopes) for each in enumerate(question.changes)]
    tried = with_changes(_judged(scopes), changes)
    accounts = {
        node_id: scope.node.account_id
        for node_id, scope in scopes.items()
        if scope.node.account_id is not None and (question.node_id is None or question.node_id in scope.node.path)
    }
    rows = tx.recorded_day.orders(list(accounts.values()), begin, end, most=ORDERS_MAX)
    if len(rows) > ORDERS_MAX:
        told = f"that day has more than {ORDERS_MAX} orders there: ask for a part of the tree as node_id"
        raise AnswerTooLarge(told, field="node_id")
    instruments = {instrument.symbol: instrument for instrument in tx.market.instruments()}
    orders = _orders(rows, {account_id: node_id for node_id, account_id in accounts.items()}, scopes, begin, end)
    traded = tx.recorded_day.fills(begin, end, most=FILLS_MAX)
    if len(traded) > FILLS_MAX:
        raise AnswerTooLarge(f"that day has more than {FILLS_MAX} fills, too many to be tried", field="day")
    market = [_fill(row) for row in traded]
    ids = {order.order_id for order in orders}
    fills = [fill for fill in market if fill.order_id in ids]
    opening = _opening(tx.recorded_day.opening(list(accounts.values()), begin))
    terms = [_terms(row) for row in tx.recorded_day.risk_terms(begin, end)]
    worth = _worth(tried.values(), list(accounts.values()), tx, begin, end)
    opened = tx.recorded_day.opened(list(accounts.values())) if worth else {}
    outcome = Day(tried, instruments, opening, accounts, opened).run(orders, fills, market, terms, worth)
    closing = market_of(instruments, outcome.marks, end)
    pnl: list[WhatIfPnl] = [
        {
            "account_id": str(account_id),
            "node_id": str(node_id),
            "actual": _pnl(outcome.actual_positions, account_id, closing),
            "what_if": _pnl(outcome.positions, account_id, closing),
        }
        for node_id, account_id in accounts.items()
    ]
    return _answer(question, outcome, pnl, scopes)


def _judged(scopes: Mapping[uuid.UUID, Scope]) -> dict[uuid.UUID, Scope]:
    """Without what is not judged, and what is only where it is tried: with nothing noted it would refuse all."""
    limits = [limit for scope in scopes.values() for limit in scope.limits]
    return with_changes(scopes, [Change(limit, is_removed=True) for limit in limits if _is_left_out(limit.limit_type)])


def _is_left_out(limit_type: str) -> bool:
    return limit_type in NOT_JUDGED or Need.CASH in LIMIT_TYPES[limit_type].needs


def _checked(place: int, tried: TriedLimit, scopes: Mapping[uuid.UUID, Scope]) -> Change:
    """What is wrong with it is said at its fields, below its `place` among the changes."""
    at = f"changes.{place}"
    if tried.node_id not in scopes:
        raise NotFound("no such node", field=f"{at}.node_id")
    limit_type = LIMIT_TYPES.get(tried.limit_type)
    if limit_type is None:
        raise InvalidRequest(f"{tried.limit_type} cannot be tried on a recorded day", field=f"{at}.limit_type")
    if tried.limit_type in NOT_JUDGED:
        told = f"{tried.limit_type} cannot be tried on a recorded day: {NOT_JUDGED[tried.limit_type]}"
        raise InvalidRequest(told, field=f"{at}.limit_type")
    is_told = tried.value is not None or bool(tried.parameters)
    if is_told and tried.is_removed:
        raise InvalidRequest("a limit that is taken away has no value and no parameters", field=f"{at}.is_removed")
    is_removed = tried.is_removed
    if is_removed is None:
        is_removed = not is_told and limit_type.check_setting is not settings.nothing
    if not is_removed:
        try:
            limit_type.check_setting(tried.value, tried.parameters)
            limit_type.check_currency(tried.currency)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, field=f"{at}.{error.extensions['field']}") from error
    return Change(limit_of(tried, limit_type.action), is_removed)


def _orders(
    rows: Sequence[Mapping[str, Any]],
    node_of: Mapping[uuid.UUID, uuid.UUID],
    scopes: Mapping[uuid.UUID, Scope],
    begin: datetime,
    end: datetime,
) -> list[RecordedOrder]:
    orders = []
    for row in rows:
        terms = OrderTerms(**{name: row[name] for name in OrderTerms.model_fields.keys() - {"valid_until"}})
        status = OrdStatus(row["status"])
        path = row["node_ids"] or scopes[node_of[terms.account_id]].node.path
        ended_at = row["updated_at"] if status.is_final and row["updated_at"] < end else None
        orders.append(
            RecordedOrder(
                order_id=row["order_id"],
                path=[node_id for node_id in path if node_id in scopes],
                terms=terms,
                placed_at=max(row["created_at"], begin),
                ended_at=ended_at,
                # What the engine or a venue rejected had passed the limits: it was reserved.
                was_refused=status is OrdStatus.REJECTED and row["node_ids"] is None,
                is_automated=bool(row["is_automated"]),
                before_day=row["created_at"] < begin,
                was_rejected=status is OrdStatus.REJECTED and row["node_ids"] is not None,
            )
        )
    return orders


def _fill(row: Mapping[str, Any]) -> RecordedFill:
    fill = Fill(Side(row["side"]), row["last_qty"], row["last_px"], row["fee"], row["fee_currency"])
    return RecordedFill(row["order_id"], row["symbol"], row["transact_time"], fill)


def _terms(row: Mapping[str, Any]) -> tuple[datetime, RiskTerms]:
    """As the event has them; amounts are decimal strings there."""
    told = dict(row["payload"])
    del told["changed_by"]
    for name in ("average_daily_qty", "initial_margin", "daily_volatility"):
        told[name] = None if told[name] is None else Decimal(told[name])
    told["as_of"] = None if told["as_of"] is None else date.fromisoformat(told["as_of"])
    return from_nanoseconds(row["occurred_at_ns"]), RiskTerms(**told)


def _worth(
    scopes: Iterable[Scope], account_ids: Sequence[uuid.UUID], tx: TenantTransaction, begin: datetime, end: datetime
) -> list[RecordedWorth]:
    """Only where a limit asks for it."""
    if not any(asks_for_worth(scope) for scope in scopes):
        return []
    rows = tx.recorded_day.worth(account_ids, begin - WORTH_AGE_MAX, end, most=WORTH_MAX)
    if len(rows) > WORTH_MAX:
        raise AnswerTooLarge("too many accounts to be tried: ask for a part of the tree as node_id", field="node_id")
    return [RecordedWorth(**row) for row in rows]


def _opening(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[uuid.UUID, str], Position]:
    """At the last price before the day, so that its profit begins at nothing."""
    return {
        (row["account_id"], row["symbol"]): Position(quantity=row["quantity"], average_price=row["last_px"])
        for row in rows
        if row["quantity"]
    }


def _answer(
    question: WhatIf,
    outcome: Outcome,
    pnl: list[WhatIfPnl],
    scopes: Mapping[uuid.UUID, Scope],
) -> WhatIfAnswer:
    return {
        "day": question.day.isoformat(),
        "judged_count": outcome.judged_count,
        "refused_count": len(outcome.refused),
        "refused": [_refused_json(refusal) for refusal in outcome.refused[:TOLD_MAX]],
        "passed_count": len(outcome.passed),
        "passed": [_order_json(order) for order in outcome.passed[:TOLD_MAX]],
        "exposure": [
            {
                "node_id": str(node_id),
                "node_name": scopes[node_id].node.name,
                "symbol": symbol,
                "peak_position": format_amount(trim(filled)),
                "peak_open_notional": format_amount(trim(outcome.peak_open_notional[node_id, symbol])),
            }
            for (node_id, symbol), filled in sorted(outcome.peak_filled.items(), key=lambda item: str(item[0]))
        ],
        "pnl": pnl,
        "currency": BASE_CURRENCY,
        "assumptions": ASSUMPTIONS,
    }


def _pnl(
    positions: Mapping[tuple[uuid.UUID, str], Position], account_id: uuid.UUID, closing: Market
) -> AmountText | None:
    """Of the day at its last prices; None where none of them leads into the base currency."""
    own = [(symbol, position) for (of_account, symbol), position in positions.items() if of_account == account_id]
    try:
        return format_amount(trim(profit(own, closing)))
    except MissingReference:
        return None


def _order_json(order: RecordedOrder) -> JudgedOrderView:
    terms = order.terms
    return {
        "order_id": str(order.order_id),
        "client_order_id": terms.client_order_id,
        "account_id": str(terms.account_id),
        "symbol": terms.symbol,
        "side": terms.side,
        "quantity": format_amount(terms.quantity),
        "price": None if terms.price is None else format_amount(terms.price),
        "placed_at": format_time(order.placed_at),
    }


def _refused_json(refusal: Refused) -> RefusedOrderView:
    told = _order_json(refusal.order)
    return {**told, "refusals": [finding.to_json() for finding in refusal.findings], "missing": refusal.missing}
