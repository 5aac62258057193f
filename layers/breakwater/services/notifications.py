"""What a WebSocket client hears: a snapshot when it subscribes, then every event of its channels with its sequence."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.db.feed import latest_sequence, sequence_of
from breakwater.db.orders import OrderFilter
from breakwater.domain.money import format_amount
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Principal
from breakwater.domain.times import format_time
from breakwater.errors import InvalidRequest
from breakwater.services import acknowledgements
from breakwater.services.acknowledgements import Note
from breakwater.services.order_views import Order
from events.alerts import AlertAcknowledged, AlertEscalated, AlertRaised, AlertRaisedBefore, IncidentCalled
from events.envelope import Envelope
from events.orders import TradeExecuted

Json = dict[str, Any]
SNAPSHOT_ROWS_MAX = 50  # A message of the gateway has at most 128 KiB.
ACCOUNTS_AT_ONCE_MAX = 20
PERMISSION_OF_CHANNEL = {"orders": "orders:read", "positions": "portfolio:read", "alerts": "alerts:read"}
_OF_ALERTS = {
    *(AlertRaised.topic, AlertRaisedBefore.topic),
    *(AlertAcknowledged.topic, AlertEscalated.topic, IncidentCalled.topic),
}
_ORGANISATION = "*"  # In place of an account: alerts that concern the organisation.


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Subscribe(_Action):
    """`since`: the last sequence the client has; the answer is then what it missed, in place of a snapshot."""

    action: Literal["subscribe"]
    channel: Literal["orders", "positions", "alerts"]
    account_id: uuid.UUID | None = None  # None: every account the client may see.
    since: Annotated[int, Field(ge=0, le=2**62)] | None = None


class Ping(_Action):
    action: Literal["ping"]


class Acknowledge(_Action):
    """Take up an alert, and with it those of its group that are no worse."""

    action: Literal["acknowledge"]
    alert_id: uuid.UUID
    note: Note | None = None


type Action = Subscribe | Ping | Acknowledge
ACTIONS: TypeAdapter[Action] = TypeAdapter(Annotated[Subscribe | Ping | Acknowledge, Field(discriminator="action")])


def subscribe(
    wanted: Subscribe, who: Principal, tx: TenantTransaction, listen: Callable[[set[str]], None]
) -> list[Json]:
    """The answers, one an account; `listen` is told of the channels first, so nothing falls between them and updates.

    NotPermitted without the channel's permission, NotFound for an account that is not the client's to see.
    """
    who.require(PERMISSION_OF_CHANNEL[wanted.channel])
    if wanted.account_id is None:
        account_ids = tx.identity.accessible_account_ids(who.subject, who.role)
    else:
        account_ids = [tx.identity.require_account(who.subject, who.role, wanted.account_id).account_id]
    if len(account_ids) > ACCOUNTS_AT_ONCE_MAX or (wanted.since is not None and len(account_ids) != 1):
        raise InvalidRequest("name one account_id", field="account_id")
    channels = {f"{wanted.channel}/{account_id}" for account_id in account_ids}
    if wanted.channel == "alerts" and wanted.account_id is None and who.role in ROLES_WITH_ALL_ACCOUNTS:
        channels.add(f"alerts/{_ORGANISATION}")
    if not channels:
        raise InvalidRequest("there is no account to listen to", field="account_id")
    listen(channels)
    return [_answer(wanted, account_id, tx) for account_id in account_ids]


def is_pushed(topic: str) -> bool:
    """Whether a channel carries events of the topic."""
    return topic.startswith("orders.") or topic in {TradeExecuted.topic, *_OF_ALERTS}


def acknowledge(wanted: Acknowledge, who: Principal, tx: TenantTransaction, at: datetime) -> list[Json]:
    """The alert, with who was first; NotPermitted and NotFound as of the use case."""
    alert = acknowledgements.acknowledge(wanted.alert_id, who, "WEBSOCKET", tx, at, note=wanted.note)
    return [{"type": "acknowledged", "alert": _alert(alert)}]


def channels_of(envelope: Envelope) -> set[str]:
    """Those an event belongs to; none for an event that no channel carries."""
    account = str(envelope.account_id or _ORGANISATION)
    if envelope.topic == TradeExecuted.topic:
        return {f"orders/{account}", f"positions/{account}"}
    if envelope.topic in _OF_ALERTS:
        return {f"alerts/{account}"}
    return {f"orders/{account}"} if envelope.topic.startswith("orders.") else set()


def update(envelope: Envelope, channel: str, sequence: int | None) -> Json:
    return {
        "type": "update",
        "channel": channel.partition("/")[0],
        "account_id": None if envelope.account_id is None else str(envelope.account_id),
        "sequence": sequence,
        "event": envelope.model_dump(mode="json"),
    }


def sequence_in_feed(envelope: Envelope, tx: TenantTransaction) -> int | None:
    return sequence_of(tx.connection, tx.tenant_id, envelope.event_id)


def _answer(wanted: Subscribe, account_id: uuid.UUID, tx: TenantTransaction) -> Json:
    # The sequence is read before the rows: an event between the two is then heard twice and not missed.
    sequence = latest_sequence(tx.connection, tx.tenant_id, account_id)
    answer: Json = {"channel": wanted.channel, "account_id": str(account_id), "sequence": sequence}
    if wanted.since is None:
        return {"type": "snapshot", **answer, "items": _SNAPSHOTS[wanted.channel](account_id, tx)}
    missed = tx.portfolio.feed(account_id, since=wanted.since, limit=SNAPSHOT_ROWS_MAX)
    updates = []
    for row in missed:
        envelope = Envelope.model_validate({name: value for name, value in row.items() if name != "sequence"})
        if f"{wanted.channel}/{account_id}" in channels_of(envelope):
            updates.append(update(envelope, wanted.channel, row["sequence"]))
    reached = missed[-1]["sequence"] if missed else sequence
    # `sequence` behind the feed's end says that there is more: GET /events has it.
    return {"type": "resumed", **answer, "sequence": reached, "updates": updates}


def _orders(account_id: uuid.UUID, tx: TenantTransaction) -> list[Json]:
    rows = tx.orders.page([account_id], wanted=OrderFilter(), before=None, limit=SNAPSHOT_ROWS_MAX)
    return [Order.of(row).model_dump(mode="json") for row in rows]


def _positions(account_id: uuid.UUID, tx: TenantTransaction) -> list[Json]:
    return [
        {
            "symbol": row.symbol,
            "quantity": format_amount(row.position.quantity),
            "average_price": format_amount(row.position.average_price),
            "realised_pnl": format_amount(row.position.realised_pnl),
            "updated_at": format_time(row.updated_at),
        }
        for row in tx.portfolio.positions([account_id])
    ]


def _alerts(account_id: uuid.UUID, tx: TenantTransaction) -> list[Json]:
    return [_alert(alert) for alert in tx.alerts.page([account_id], before=None, limit=SNAPSHOT_ROWS_MAX)]


def _alert(alert: Alert) -> Json:
    return {
        "alert_id": str(alert.alert_id),
        "kind": alert.kind,
        "severity": alert.severity,
        "title": alert.title,
        "body": alert.body,
        "created_at": format_time(alert.created_at),
        "acknowledged_at": None if alert.acknowledged_at is None else format_time(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
    }


_SNAPSHOTS: dict[str, Callable[[uuid.UUID, TenantTransaction], list[Json]]] = {
    "orders": _orders,
    "positions": _positions,
    "alerts": _alerts,
}
