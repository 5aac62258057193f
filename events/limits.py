"""What happens to limits."""

import uuid
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from events.envelope import Amount, Event


class LimitBreached(Event):
    """A limit refused an order (REJECT), or its use passed a soft threshold (WARN)."""

    topic: ClassVar[str] = "limits.LimitBreached.v1"
    is_of_account: ClassVar[bool | None] = True
    node_id: uuid.UUID
    node_name: str
    limit_id: uuid.UUID | None  # None: the node itself is killed, suspended or reduce-only.
    limit_type: str
    instrument: str
    action: Literal["WARN", "REJECT"]
    threshold_pct: int  # 70 or 90 for WARN, 100 for REJECT.
    limit: Amount | None
    used: Amount | None
    reserved: Amount | None
    attempted: Amount | None
    order_id: uuid.UUID
    symbol: str


# Version 1 has an order and so an account, always; both versions are told.
class LimitBreachedByLoss(Event):
    """A limit was crossed (100), or its use passed a soft threshold, by prices and fills: no order was asked.

    REJECT: crossed, and new orders are refused; WARN: a soft threshold, or a limit that only warns. A field of an order
    is null where there is none.
    """

    model_config = ConfigDict(title="LimitBreached")
    topic: ClassVar[str] = "limits.LimitBreached.v2"
    node_id: uuid.UUID
    node_name: str
    limit_id: uuid.UUID | None
    limit_type: str
    instrument: str
    action: Literal["WARN", "REJECT"]
    threshold_pct: int
    limit: Amount | None
    used: Amount | None
    reserved: Amount | None
    attempted: Amount | None
    order_id: uuid.UUID | None
    symbol: str | None


class LimitChanged(Event):
    """Somebody set, replaced or removed a limit. Values and parameters are null where there was, or is, no limit."""

    topic: ClassVar[str] = "limits.LimitChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    node_id: uuid.UUID
    node_name: str
    limit_id: uuid.UUID
    limit_type: str
    instrument: str
    value_before: Amount | None
    value: Amount | None
    parameters_before: dict[str, Any] | None
    parameters: dict[str, Any] | None
    changed_by: str


class LeaseChanged(Event):
    """The engine may (OPEN), or may not any more (STOPPED), trade by itself for an account within a lease."""

    topic: ClassVar[str] = "limits.LeaseChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    lease_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    venue: str
    state: Literal["OPEN", "STOPPED"]
    reason: str
    changed_by: str


class OverrideChanged(Event):
    """Another value for a limit was asked for (REQUESTED), let count (APPROVED), or is over (ENDED)."""

    topic: ClassVar[str] = "limits.OverrideChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    override_id: uuid.UUID
    limit_id: uuid.UUID
    node_id: uuid.UUID
    limit_type: str
    state: str
    value: Amount
    starts_at_ns: int
    ends_at_ns: int
    reason: str
    requested_by: str
    changed_by: str


# Version 1 always has a value; one override is told by one of both.
class OverrideOfParametersChanged(Event):
    """As version 1, of an override that has other parameters, or under which a limit does not hold (`is_exempt`).

    Value and parameters are null where they stay as they are set.
    """

    model_config = ConfigDict(title="OverrideChanged")
    topic: ClassVar[str] = "limits.OverrideChanged.v2"
    is_of_account: ClassVar[bool | None] = False
    override_id: uuid.UUID
    limit_id: uuid.UUID
    node_id: uuid.UUID
    limit_type: str
    state: str
    value: Amount | None
    parameters: dict[str, Any] | None
    is_exempt: bool
    starts_at_ns: int
    ends_at_ns: int
    reason: str
    requested_by: str
    changed_by: str


class RiskTermsChanged(Event):
    """What the firm says of an instrument was replaced; null where it says nothing."""

    topic: ClassVar[str] = "limits.RiskTermsChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    symbol: str
    average_daily_qty: Amount | None
    initial_margin: Amount | None
    sector: str | None
    daily_volatility: Amount | None
    as_of: str | None
    changed_by: str


class DeadManExpired(Event):
    """Nothing was heard of an account or key for longer than its DEAD_MAN limit: its open orders are cancelled."""

    topic: ClassVar[str] = "limits.DeadManExpired.v1"
    is_of_account: ClassVar[bool | None] = False
    node_id: uuid.UUID
    node_name: str
    heartbeat_at_ns: int
    open_orders: int  # How many there were.


class ExternalFillBooked(Event):
    """A fill that the platform did not originate was booked, whatever the limits say; its account only reduces now."""

    topic: ClassVar[str] = "limits.ExternalFillBooked.v1"
    is_of_account: ClassVar[bool | None] = True
    order_id: uuid.UUID
    account_id: uuid.UUID
    external_id: str
    symbol: str
    side: str
    quantity: Amount
    price: Amount
    venue: str
    booked_by: str


class ScopeChanged(Event):
    """A node came, got another name, calendar or parent, or went: `change` is CREATED, CHANGED, MOVED or DELETED."""

    topic: ClassVar[str] = "limits.ScopeChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    node_id: uuid.UUID
    node_name: str
    kind: str
    parent_id: uuid.UUID | None
    change: str
    changed_by: str


class NodeStateChanged(Event):
    """A node was killed, suspended or armed again."""

    topic: ClassVar[str] = "limits.NodeStateChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    node_id: uuid.UUID
    node_name: str
    state_before: str
    state: str
    reason: str
    changed_by: str


class DegradedModeChanged(Event):
    """The organisation's ledger is silent (CACHED, EMERGENCY, CLOSED), its positions are old (STALE), or NORMAL again.

    `since_ns` is when it began: the first reservation that failed, or the oldest fill that is not booked. The counts
    are of the orders that have passed beside the ledger since then.
    """

    topic: ClassVar[str] = "limits.DegradedModeChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    kind: Literal["LEDGER", "POSITIONS"]
    mode_before: str
    mode: str
    since_ns: int
    provisional_orders: int
    provisional_notional: Amount


class ProvisionalOrderBooked(Event):
    """An order that passed while the ledger was silent stands in it now, with what has become of it."""

    topic: ClassVar[str] = "limits.ProvisionalOrderBooked.v1"
    is_of_account: ClassVar[bool | None] = False
    order_id: uuid.UUID
    account_id: uuid.UUID
    mode: str  # In which it passed: CACHED, EMERGENCY.
    symbol: str
    side: str
    quantity: Amount
    cum_qty: Amount
    valuation_price: Amount
