"""What digests sum up, as SQL: orders, fills, refusals, what was decided, who signed in. Each of one day or week."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row

from breakwater.domain.digests import Span
from breakwater.domain.times import nanoseconds

ROWS_MAX = 10_000

_ORDERS = """
SELECT o.account_id, count(*) AS placed, count(*) FILTER (WHERE o.status = 'FILLED') AS filled,
  count(*) FILTER (WHERE o.status = 'REJECTED') AS refused,
  count(*) FILTER (WHERE o.status IN ('CANCELED', 'EXPIRED')) AS ended,
  count(*) FILTER (WHERE o.status NOT IN ('FILLED', 'REJECTED', 'CANCELED', 'EXPIRED')) AS still_open
FROM trading.orders o
WHERE o.tenant_id = %(tenant_id)s AND o.account_id = ANY(%(account_ids)s) AND NOT o.is_external
  AND o.created_at >= %(begins_at)s AND o.created_at < %(ends_at)s
GROUP BY o.account_id LIMIT %(rows)s
"""
# A fee is paid in one of the pair's two assets; one in another is not known here, and must not look like none.
_FILLS = """
SELECT t.account_id, t.symbol, i.quote_asset, count(*) AS fills,
  coalesce(sum(t.last_qty) FILTER (WHERE t.side = 'BUY'), 0) AS bought,
  coalesce(sum(t.last_qty) FILTER (WHERE t.side = 'SELL'), 0) AS sold,
  sum(t.last_qty * t.last_px) AS notional, sum(t.realised_pnl) AS realised_pnl,
  CASE WHEN bool_and(t.fee = 0 OR t.fee_currency IN (i.base_asset, i.quote_asset))
    THEN sum(CASE WHEN t.fee_currency = i.base_asset THEN t.fee * t.last_px ELSE t.fee END) END AS fees
FROM trading.trades t JOIN market.instruments i ON i.symbol = t.symbol
WHERE t.tenant_id = %(tenant_id)s AND t.account_id = ANY(%(account_ids)s)
  AND t.transact_time >= %(begins_at)s AND t.transact_time < %(ends_at)s
GROUP BY t.account_id, t.symbol, i.quote_asset ORDER BY t.account_id, t.symbol LIMIT %(rows)s
"""
_WITHIN: LiteralString = """
FROM trading.events e
WHERE e.tenant_id = %(tenant_id)s AND e.occurred_at_ns >= %(begins_ns)s AND e.occurred_at_ns < %(ends_ns)s
"""
# With the predicate of the index that each is found by.
_OF_LIMITS = f"{_WITHIN} AND e.topic LIKE 'limits.%%'"
_OF_PEOPLE = (
    f"{_WITHIN} AND (e.topic LIKE 'identity.%%' OR e.topic LIKE 'users.%%' OR e.topic LIKE 'audit.Trail%%'"
    " OR e.topic LIKE 'audit.Sensitive%%')"
)
_OF_ACCOUNTS = " AND (%(account_ids)s::uuid[] IS NULL OR e.account_id = ANY(%(account_ids)s))"
# By prices and fills: where no order was asked none was refused.
_IS_CROSSED = "e.payload ->> 'order_id' IS NULL AND e.payload ->> 'threshold_pct' = '100'"
_BREACHES = f"""
SELECT e.payload ->> 'node_name' AS node, e.payload ->> 'limit_type' AS limit_type,
  e.payload ->> 'instrument' AS instrument,
  count(DISTINCT e.payload ->> 'order_id') FILTER (WHERE e.payload ->> 'action' = 'REJECT') AS refused,
  count(*) FILTER (WHERE {_IS_CROSSED}) AS crossed,
  count(*) FILTER (WHERE e.payload ->> 'action' = 'WARN' AND NOT ({_IS_CROSSED})) AS warned
{_OF_LIMITS} AND e.topic LIKE 'limits.LimitBreached.%%' {_OF_ACCOUNTS}
GROUP BY 1, 2, 3 ORDER BY refused DESC, crossed DESC, warned DESC, 1, 2, 3 LIMIT %(rows)s
"""  # Constants of this module; every value is a parameter.
_REFUSED = f"""
SELECT count(DISTINCT e.payload ->> 'order_id')
{_OF_LIMITS} AND e.topic = 'limits.LimitBreached.v1' AND e.payload ->> 'action' = 'REJECT' {_OF_ACCOUNTS}
"""
_LIMIT_EVENTS = f"""
SELECT e.topic, e.occurred_at_ns, e.actor, e.payload
{_OF_LIMITS} AND e.topic = ANY(%(topics)s)
  AND (%(node_ids)s::uuid[] IS NULL OR e.aggregate_id = ANY(%(node_ids)s))
ORDER BY e.occurred_at_ns DESC, e.event_id LIMIT %(rows)s
"""
_PEOPLE_EVENTS = f"""
SELECT e.topic, e.occurred_at_ns, e.actor, e.payload
{_OF_PEOPLE} AND e.topic = ANY(%(topics)s) ORDER BY e.occurred_at_ns DESC, e.event_id LIMIT %(rows)s
"""
_COUNTS = f"""
SELECT e.topic, coalesce(e.payload ->> 'change', '') AS change, count(*) {_OF_LIMITS} GROUP BY 1, 2
UNION ALL SELECT e.topic, coalesce(e.payload ->> 'change', ''), count(*) {_OF_PEOPLE} GROUP BY 1, 2
"""
_SIGN_INS = f"""
SELECT e.payload ->> 'username' AS username,
  count(*) FILTER (WHERE e.topic = 'identity.SignedIn.v1') AS sign_ins,
  count(*) FILTER (WHERE e.topic = 'identity.SignedIn.v1' AND NOT (e.payload ->> 'second_factor')::boolean)
    AS without_second_factor,
  count(*) FILTER (WHERE e.topic = 'identity.SignInFailed.v1') AS failures,
  count(DISTINCT e.payload ->> 'source_ip') AS addresses
{_OF_PEOPLE} AND e.topic IN ('identity.SignedIn.v1', 'identity.SignInFailed.v1')
GROUP BY 1 ORDER BY failures DESC, sign_ins DESC, 1 LIMIT %(rows)s
"""
_PEOPLE = """
SELECT u.role, count(*) AS users, count(u.disabled_at) AS disabled,
  count(*) FILTER (WHERE EXISTS (SELECT FROM identity.sessions s WHERE s.user_id = u.user_id
    AND s.last_seen_at >= %(begins_at)s AND s.signed_in_at < %(ends_at)s)) AS active
FROM identity.users u WHERE u.tenant_id = %(tenant_id)s GROUP BY u.role ORDER BY u.role
"""
_KEYS = """
SELECT count(*) AS working,
  count(*) FILTER (WHERE k.expires_at < %(ends_at)s + interval '14 days') AS expiring,
  count(*) FILTER (WHERE coalesce(k.last_used_at, k.created_at) < %(ends_at)s - interval '90 days') AS unused,
  count(*) FILTER (WHERE k.last_used_at >= %(begins_at)s) AS used,
  count(*) FILTER (WHERE starts_with(k.key_id, 'bwc_')) AS clients
FROM identity.api_keys k
WHERE k.tenant_id = %(tenant_id)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(at)s)
"""
_ALERTS = """
SELECT a.severity, a.kind, count(*) AS alerts, count(a.acknowledged_at) AS acknowledged,
  sum((SELECT count(*) FROM alerts.deliveries d WHERE d.alert_id = a.alert_id AND d.state = 'FAILED'))::bigint AS untold
FROM alerts.alerts a
WHERE a.tenant_id = %(tenant_id)s AND (%(account_ids)s::uuid[] IS NULL OR a.account_id = ANY(%(account_ids)s))
  AND a.created_at >= %(begins_at)s AND a.created_at < %(ends_at)s
GROUP BY a.severity, a.kind
ORDER BY array_position(ARRAY['CRITICAL', 'ERROR', 'WARNING', 'INFO'], a.severity), alerts DESC, a.kind LIMIT %(rows)s
"""
_UNSETTLED = """
SELECT count(*) FROM trading.orders o WHERE o.tenant_id = %(tenant_id)s
  AND o.status IN ('PENDING_NEW', 'UNKNOWN', 'PENDING_CANCEL') AND o.updated_at < %(at)s - interval '1 minute'
"""
_TRAIL = """
SELECT h.sequence, h.anchored_sequence,
  (SELECT max(a.stored_at) FROM audit.anchors a WHERE a.tenant_id = h.tenant_id AND a.sequence = h.anchored_sequence)
    AS anchored_at,
  (SELECT count(*) FROM audit.records r WHERE r.tenant_id = h.tenant_id
     AND r.sealed_at >= %(begins_at)s AND r.sealed_at < %(ends_at)s) AS sealed,
  (SELECT count(*) FROM audit.gaps g WHERE g.tenant_id = h.tenant_id AND g.approved_at >= %(begins_at)s
     AND g.approved_at < %(ends_at)s) AS gaps
FROM audit.heads h WHERE h.tenant_id = %(tenant_id)s
"""


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """Orders that came in the span, by what has become of them until now."""

    account_id: uuid.UUID
    placed: int
    filled: int
    refused: int
    ended: int
    still_open: int


@dataclass(frozen=True, slots=True)
class Fills:
    """Of one account in one symbol, in the quote asset; `realised_pnl` is before fees. `fees` None: not known."""

    account_id: uuid.UUID
    symbol: str
    quote_asset: str
    fills: int
    bought: Decimal
    sold: Decimal
    notional: Decimal
    realised_pnl: Decimal
    fees: Decimal | None


@dataclass(frozen=True, slots=True)
class Breaches:
    """`refused` orders, `crossed` times by prices and fills, and `warned` times that a soft threshold was passed."""

    node: str
    limit_type: str
    instrument: str
    refused: int
    crossed: int
    warned: int


@dataclass(frozen=True, slots=True)
class SignIns:
    username: str
    sign_ins: int
    without_second_factor: int
    failures: int
    addresses: int


@dataclass(frozen=True, slots=True)
class RoleCounts:
    role: str
    users: int
    disabled: int
    active: int


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """Of those that work now: `expiring` within 14 days after the span, `unused` for 90, `used` in it."""

    working: int
    expiring: int
    unused: int
    used: int
    clients: int


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """`acknowledged` until now; `untold`: messages of theirs that could not be sent."""

    severity: str
    kind: str
    alerts: int
    acknowledged: int
    untold: int


@dataclass(frozen=True, slots=True)
class Trail:
    """`anchored_at` None: nothing was ever anchored. `sealed`, `gaps`: in the span."""

    sequence: int
    anchored_sequence: int
    anchored_at: datetime | None
    sealed: int
    gaps: int


@dataclass(frozen=True, slots=True)
class PlatformState:
    """Of all organisations, now. `oldest_event_s` None: nothing waits."""

    organisations: int
    events_waiting: int
    oldest_event_s: float | None
    orders_unsettled: int
    degraded: int
    trails_behind: int
    digests_failed: int


def platform_state(connection: psycopg.Connection[TupleRow]) -> PlatformState:
    """Asked of no tenant: counts and ages alone, and nothing of anybody's business."""
    with connection.cursor(row_factory=class_row(PlatformState)) as cursor:
        return cursor.execute("SELECT * FROM alerts.platform_state()").fetchall()[0]


class DigestFigures:
    """Of one span. `account_ids`: of these; None, where it may be, of the whole organisation."""

    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID, span: Span) -> None:
        self._connection = connection
        self._about = {
            "tenant_id": tenant_id,
            "begins_at": span.begins_at,
            "ends_at": span.ends_at,
            "begins_ns": nanoseconds(span.begins_at),
            "ends_ns": nanoseconds(span.ends_at),
            "rows": ROWS_MAX,
        }

    def orders(self, account_ids: Sequence[uuid.UUID]) -> list[OrderCounts]:
        return self._rows(OrderCounts, _ORDERS, account_ids=list(account_ids))

    def fills(self, account_ids: Sequence[uuid.UUID]) -> list[Fills]:
        return self._rows(Fills, _FILLS, account_ids=list(account_ids))

    def breaches(self, account_ids: Sequence[uuid.UUID] | None) -> list[Breaches]:
        return self._rows(Breaches, _BREACHES, account_ids=_listed(account_ids))

    def refused_orders(self, account_ids: Sequence[uuid.UUID] | None) -> int:
        """Each counted once, however many limits refused it."""
        row = self._connection.execute(_REFUSED, {**self._about, "account_ids": _listed(account_ids)}).fetchone()
        return 0 if row is None else int(row[0])

    def limit_events(self, topics: Sequence[str], node_ids: Sequence[uuid.UUID] | None = None) -> list[dict[str, Any]]:
        """`topic`, `occurred_at_ns`, `actor`, `payload`; the newest first; about these nodes, or any."""
        return self._dicts(_LIMIT_EVENTS, topics=list(topics), node_ids=_listed(node_ids))

    def people_events(self, topics: Sequence[str]) -> list[dict[str, Any]]:
        """The same of events of identity, users and audit."""
        return self._dicts(_PEOPLE_EVENTS, topics=list(topics))

    def counts(self) -> dict[tuple[str, str], int]:
        """How many events of each topic and `change` ("" where it has none)."""
        rows = self._connection.execute(_COUNTS, self._about).fetchall()
        return {(topic, change): count for topic, change, count in rows}

    def sign_ins(self) -> list[SignIns]:
        """By user name, those with failures first."""
        return self._rows(SignIns, _SIGN_INS)

    def people(self) -> list[RoleCounts]:
        """`active`: who had a session in the span."""
        return self._rows(RoleCounts, _PEOPLE)

    def keys(self, at: datetime) -> KeyCounts:
        return self._rows(KeyCounts, _KEYS, at=at)[0]

    def alerts(self, account_ids: Sequence[uuid.UUID] | None) -> list[AlertCounts]:
        return self._rows(AlertCounts, _ALERTS, account_ids=_listed(account_ids))

    def unsettled_orders(self, at: datetime) -> int:
        """Those of which nothing is known for a minute."""
        row = self._connection.execute(_UNSETTLED, {**self._about, "at": at}).fetchone()
        return 0 if row is None else int(row[0])

    def trail(self) -> Trail | None:
        """None: nothing was sealed yet."""
        return next(iter(self._rows(Trail, _TRAIL)), None)

    def _rows[Row](self, row: type[Row], statement: LiteralString, **values: Any) -> list[Row]:
        with self._connection.cursor(row_factory=class_row(row)) as cursor:
            return cursor.execute(statement, {**self._about, **values}).fetchall()

    def _dicts(self, statement: LiteralString, **values: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, {**self._about, **values}).fetchall()


def _listed(ids: Sequence[uuid.UUID] | None) -> list[uuid.UUID] | None:
    return None if ids is None else list(ids)
