"""The sagas of an organisation's orders by how they ended: from the database, which has the truth (decision 50)."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from breakwater.db.connection import TenantTransaction
from breakwater.db.sagas import SagaRow
from breakwater.domain.permissions import Caller
from breakwater.domain.times import TimeText, format_time
from breakwater.errors import InvalidRequest
from breakwater.services.cursors import decode_cursor, next_cursor
from breakwater.services.orders import visible_accounts

SEEN_MAX = 20_000  # So many orders are looked at: a firm that places more sees the newest of them.
FROM_DEFAULT = timedelta(days=1)
FROM_MAX = timedelta(days=7)
LEEWAY = timedelta(minutes=1)  # For clocks that are not quite ours.


class SagaState(StrEnum):
    """UNRESOLVED: ended without an answer, and the reconciler has none yet. RECOVERED: so too, and settled since.

    REJECTED: limits, engine or venue have said no.
    """

    UNDER_WAY = "UNDER_WAY"
    UNRESOLVED = "UNRESOLVED"
    RECOVERED = "RECOVERED"
    REJECTED = "REJECTED"
    CONFIRMED = "CONFIRMED"


_IS_OPEN = {SagaState.UNDER_WAY, SagaState.UNRESOLVED}
_NOT_WELL = tuple(state for state in SagaState if state is not SagaState.CONFIRMED)


class SagaView(TypedDict):
    """`step`, `outcome` and `detail`: of the newest step that has ended, null before the first.

    `took_ms`: from the order to the end of that step; to now, where the outcome is not known yet.
    """

    order_id: str
    account_id: str
    client_order_id: str
    symbol: str
    state: SagaState
    order_status: str
    step: str | None
    outcome: str | None
    detail: str | None
    started_at: TimeText
    ended_at: TimeText | None
    took_ms: int


class SagaPage(TypedDict):
    """`counts` by state, of all that began since `from_at`; `items` of the states that were asked for."""

    from_at: TimeText
    counts: dict[SagaState, int]
    items: list[SagaView]
    next_cursor: str | None


def page(
    caller: Caller,
    tx: TenantTransaction,
    *,
    state: SagaState | None,
    from_at: datetime | None,
    cursor: str | None,
    limit: int,
    at: datetime,
) -> SagaPage:
    """Without a state: all that have not ended well. InvalidRequest for a time that is not looked back to."""
    since = at - FROM_DEFAULT if from_at is None else from_at
    if not at - FROM_MAX - LEEWAY < since < at + LEEWAY:
        raise InvalidRequest(f"sagas are shown of the last {FROM_MAX.days} days", field="from")
    accounts = visible_accounts(caller, tx, None)
    counted = tx.sagas.counts(accounts, since=since, seen_max=SEEN_MAX)
    if counted.oldest is not None and sum(counted.by_state.values()) == SEEN_MAX:
        since = counted.oldest
    states = _NOT_WELL if state is None else (state,)
    rows = tx.sagas.page(
        accounts, states, since=since, seen_max=SEEN_MAX, before=decode_cursor(cursor), limit=limit + 1
    )
    shown, cursor_behind = next_cursor(rows, limit, _place)
    return {
        "from_at": format_time(since),
        "counts": {each: counted.by_state.get(each, 0) for each in SagaState},
        "items": [_view(row, at) for row in shown],
        "next_cursor": cursor_behind,
    }


def _place(row: SagaRow) -> tuple[datetime, uuid.UUID]:
    return row.created_at, row.order_id


def _view(row: SagaRow, at: datetime) -> SagaView:
    state = SagaState(row.state)
    ended_at = None if state is SagaState.UNDER_WAY else row.finished_at
    until = at if state in _IS_OPEN or ended_at is None else ended_at
    return {
        "order_id": str(row.order_id),
        "account_id": str(row.account_id),
        "client_order_id": row.client_order_id,
        "symbol": row.symbol,
        "state": state,
        "order_status": row.status,
        "step": row.step,
        "outcome": row.outcome,
        "detail": row.detail,
        "started_at": format_time(row.created_at),
        "ended_at": None if ended_at is None else format_time(ended_at),
        "took_ms": max(0, (until - row.created_at) // timedelta(milliseconds=1)),
    }
