"""The limits ledger: what an order is judged by, what stands against each scope, and the reservations behind it.

Who changes what belongs to a node locks the node first, and nodes are locked in the order of their ids, so two orders
never deadlock. FOR NO KEY UPDATE lets the foreign keys of others pass.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row

from breakwater.db import limit_statements as statements
from breakwater.domain.exposure import Activity, Exposure, Fills, Limit, Node, Scope, Standing
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import LIMIT_TYPES, Need
from breakwater.domain.limits import needs, window_begins
from breakwater.domain.market import Market, Quote, RiskTerms
from breakwater.domain.orders import Side
from breakwater.domain.settlement import ExposureChange, HeldReservation
from breakwater.errors import TreeChanged

_BOOKED = {name: f"booked_{name}" for name in ExposureChange.__slots__}
WINDOWED_TYPES = [name for name, limit_type in LIMIT_TYPES.items() if Need.ACTIVITY in limit_type.needs]


@dataclass(frozen=True, slots=True)
class OpenOrder:
    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str


class LimitRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock_scopes(self, leaf_id: uuid.UUID, at: datetime) -> list[Scope]:
        """Lock the node and all above it, in key order, root first in what is returned. Raises TreeChanged."""
        wanted = {"leaf_id": leaf_id, "at": at}
        with self._connection.cursor(row_factory=class_row(Node)) as cursor:
            scopes = _scopes(cursor.execute(statements.LOCK_PATH, wanted).fetchall(), [], [], [])
        check_path(leaf_id, scopes)
        return scopes

    def market(self, at: datetime) -> Market:
        """Every instrument with its reference price, the firm's own terms of it, and the fees of venues."""
        with self._connection.cursor(row_factory=class_row(RiskTerms)) as cursor:
            terms = cursor.execute(statements.RISK_TERMS).fetchall()
        return replace(market_of(at, self._dicts(statements.QUOTES, {}), terms), fee_rates=self.fee_rates())

    def fee_rates(self) -> dict[str, Decimal]:
        """What a taker pays at each venue, of the notional."""
        return fee_rates_of(self._dicts(statements.FEE_RATES, {}))

    def hold(self, reservation: HeldReservation, change: ExposureChange, account_id: uuid.UUID, at: datetime) -> None:
        """Write the reservation and book it in every scope. The scopes are locked."""
        values = fields_of(reservation) | _booked(change)
        values |= {"node_ids": array_text(reservation.node_ids), "account_id": account_id, "at": at}
        self._connection.execute(statements.HOLD, values | {"tenant_id": self._tenant_id})

    def lock_reservation(self, order_id: uuid.UUID) -> HeldReservation | None:
        """The order's reservation, its scopes locked first; None when there is none."""
        connection = self._connection
        with connection.pipeline():
            connection.execute(statements.LOCK_RESERVED_NODES, {"order_id": order_id})
            cursor = connection.cursor(row_factory=dict_row)
            cursor.execute(statements.LOCK_RESERVATION, {"order_id": order_id})
        row = cursor.fetchone()
        return None if row is None else HeldReservation(**{**row, "side": Side(row["side"])})

    def settle(self, after: HeldReservation, change: ExposureChange, at: datetime) -> None:
        """Replace the reservation and book the change in every scope, on the session day of `at`. Both are locked."""
        self._connection.execute(statements.SETTLE, {**fields_of(after), **_booked(change), "at": at})

    def note_in_cash(self, order_id: uuid.UUID, notional: Decimal) -> None:
        """The balances hold so much more of what the order has filled. Its reservation is locked."""
        self._connection.execute(statements.NOTE_IN_CASH, {"order_id": order_id, "notional": notional})

    def count_activity(
        self, node_ids: Sequence[uuid.UUID], symbol: str, venue: str, at: datetime, **counts: int | Decimal
    ) -> None:
        """Add to the windows of those of the nodes whose limits look back over one."""
        nothing = dict.fromkeys(
            ("new_count", "replace_count", "cancel_count", "fill_count", "automated_fill_count", "traded_notional"), 0
        )
        about = {"node_ids": list(node_ids), "symbol": symbol, "venue": venue, "at": at, "tenant_id": self._tenant_id}
        self._connection.execute(
            statements.COUNT_ACTIVITY, {**nothing, **counts, **about, "windowed_types": WINDOWED_TYPES}
        )

    def count_cancel(self, order_id: uuid.UUID, at: datetime) -> None:
        """One message more at the order's nodes. They are locked."""
        wanted = {"order_id": order_id, "at": at, "windowed_types": WINDOWED_TYPES}
        self._connection.execute(statements.COUNT_CANCEL, wanted)

    def count_reject(self, node_ids: Sequence[uuid.UUID]) -> None:
        """One refusal more in a row, at each of the nodes. They are locked."""
        self._connection.execute(statements.COUNT_REJECT, {"node_ids": list(node_ids), "tenant_id": self._tenant_id})

    def end_reject_streak(self, node_ids: Sequence[uuid.UUID]) -> None:
        self._connection.execute(statements.END_REJECT_STREAK, {"node_ids": list(node_ids)})

    def repeated_executions(
        self, node_ids: Sequence[uuid.UUID], symbol: str, venue: str, at: datetime
    ) -> list[dict[str, Any]]:
        """The limits on automated fills that are reached at these nodes: node_id, limit_id, instrument, value, action,
        fills, and whether they look at a fill of this symbol and venue (is_of_fill)."""
        about = {"node_ids": list(node_ids), "symbol": symbol, "venue": venue, "at": at}
        return self._dicts(statements.REPEATED_EXECUTIONS, about)

    def count_round_trip(self, account_id: uuid.UUID, *, lost: bool, at: datetime) -> list[dict[str, Any]]:
        """A position of the account was closed: at a loss it adds to the streak of each of its scopes with a limit.

        The limits that it has reached: node_id, limit_id, instrument, value, action, losses.
        """
        return self._dicts(statements.COUNT_ROUND_TRIP, {"account_id": account_id, "lost": int(lost), "at": at})

    def heartbeat(self, node_id: uuid.UUID, at: datetime) -> None:
        self._connection.execute(statements.HEARTBEAT, {"node_id": node_id, "tenant_id": self._tenant_id, "at": at})

    def node(self, node_id: uuid.UUID, at: datetime, *, lock: bool = False) -> Node | None:
        statement = statements.LOCK_NODE if lock else statements.NODE
        with self._connection.cursor(row_factory=class_row(Node)) as cursor:
            return cursor.execute(statement, {"node_id": node_id, "at": at}).fetchone()

    def find_nodes(self, told: str | None, at: datetime, root_ids: Sequence[uuid.UUID] | None) -> list[Node]:
        """Those with this name, in whatever case, or whose id begins so; all for None. Parents before their children.

        With roots those below and above them.
        """
        wanted = {"told": told, "at": at, "root_ids": _listed(root_ids), "above": True}
        with self._connection.cursor(row_factory=class_row(Node)) as cursor:
            return cursor.execute(statements.FIND_NODES, wanted).fetchall()

    def scopes(self, at: datetime, root_ids: Sequence[uuid.UUID] | None = None, *, above: bool = False) -> list[Scope]:
        """The scopes from these roots down, with those above them if asked; without roots all of the organisation.

        Parents come before their children.
        """
        wanted = {"at": at, "root_ids": None if root_ids is None else list(root_ids), "above": above}
        with self._connection.cursor(row_factory=class_row(Node)) as cursor:
            nodes = cursor.execute(statements.NODES, wanted).fetchall()
        return self._with_history(self._of_nodes(nodes, at), at)

    def scopes_of(self, at: datetime, node_ids: Sequence[uuid.UUID]) -> list[Scope]:
        """These nodes alone, as `scopes` has them."""
        return self._with_history(self.scopes_at(at, node_ids), at)

    def scopes_at(self, at: datetime, node_ids: Sequence[uuid.UUID]) -> list[Scope]:
        """These nodes alone, with limits, standings and positions, and neither cash nor activity."""
        with self._connection.cursor(row_factory=class_row(Node)) as cursor:
            nodes = cursor.execute(statements.NODES_OF, {"at": at, "node_ids": list(node_ids)}).fetchall()
        return self._of_nodes(nodes, at)

    def _of_nodes(self, nodes: Sequence[Node], at: datetime) -> list[Scope]:
        """Found by their ids: under row-level security a search through paths reads every node of the organisation."""
        wanted = {"at": at, "node_ids": [node.node_id for node in nodes]}
        connection = self._connection
        with connection.pipeline():
            limits = connection.cursor(row_factory=class_row(Limit)).execute(statements.LIMITS_OF, wanted)
            exposures = connection.cursor(row_factory=class_row(Exposure)).execute(statements.EXPOSURES_OF, wanted)
            standings = connection.cursor(row_factory=dict_row).execute(statements.STANDINGS_OF, wanted)
        return _scopes(nodes, limits.fetchall(), exposures.fetchall(), standings.fetchall())

    def _with_history(self, scopes: list[Scope], at: datetime) -> list[Scope]:
        """With cash and activity where a limit shows a use of them."""
        needed = {scope.node.node_id: needs([scope], "") for scope in scopes}
        busy = [node_id for node_id, need in needed.items() if need & (Need.CASH | Need.ACTIVITY)]
        if not busy:
            return scopes
        wanted = {"node_ids": busy, **windows_of(scopes, at)}
        activity, cash = self._dicts(statements.ACTIVITY, wanted), self._dicts(statements.CASH, wanted)
        on_their_way = self._dicts(statements.FILLS_NOT_IN_CASH, wanted)
        return [completed(scope, activity, cash, on_their_way) for scope in scopes]

    def set_state(self, node_id: uuid.UUID, state: str, *, reason: str, changed_by: str, at: datetime) -> None:
        values = {"node_id": node_id, "state": state, "reason": reason, "changed_by": changed_by, "at": at}
        self._connection.execute(statements.SET_STATE, {**values, "cancels": False})

    def request_cancels(self, node_id: uuid.UUID, state: str, *, reason: str, changed_by: str, at: datetime) -> None:
        """As `set_state`, and ask the watch to cancel all open orders below the node."""
        values = {"node_id": node_id, "state": state, "reason": reason, "changed_by": changed_by, "at": at}
        self._connection.execute(statements.SET_STATE, {**values, "cancels": True})

    def rearm(self, node_id: uuid.UUID, at: datetime) -> None:
        """End streaks and cool-downs, and take the dead man's switch off until the next heartbeat."""
        self._connection.execute(statements.REARM, {"node_id": node_id, "tenant_id": self._tenant_id, "at": at})

    def account_ids_below(self, node_id: uuid.UUID) -> list[uuid.UUID]:
        rows = self._connection.execute(statements.ACCOUNTS_BELOW, {"node_id": node_id}).fetchall()
        return [row[0] for row in rows]

    def open_orders(self, node_id: uuid.UUID) -> list[OpenOrder]:
        """The orders below the node whose reservation is not final."""
        with self._connection.cursor(row_factory=class_row(OpenOrder)) as cursor:
            return cursor.execute(statements.OPEN_ORDERS, {"node_id": node_id}).fetchall()

    def reservations(
        self,
        node_id: uuid.UUID | None,
        account_ids: Sequence[uuid.UUID] | None,
        order_id: uuid.UUID | None,
        *,
        before: tuple[datetime, uuid.UUID] | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Those that are not final, or whatever that order's is, of the node or of all, of these accounts or of all.

        The newest first.
        """
        before_at, before_id = before or (None, None)
        wanted = {"node_id": node_id, "account_ids": _listed(account_ids), "order_id": order_id, "limit": limit}
        return self._dicts(statements.RESERVATIONS, {**wanted, "before_at": before_at, "before_id": before_id})

    def breaches(
        self,
        topics: Sequence[str],
        node_ids: Sequence[uuid.UUID] | None,
        account_ids: Sequence[uuid.UUID] | None,
        *,
        before: tuple[int, uuid.UUID] | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Events of these topics, of the nodes or of all, the newest first; of these accounts and of no account."""
        before_ns, before_id = before or (None, None)
        wanted = {"topics": list(topics), "node_ids": _listed(node_ids), "account_ids": _listed(account_ids)}
        about = {"tenant_id": self._tenant_id, "before_ns": before_ns, "before_id": before_id, "limit": limit}
        return self._dicts(statements.BREACHES, {**wanted, **about})

    def node_ids_of_key(self, api_key_id: str) -> list[uuid.UUID]:
        rows = self._connection.execute(
            "SELECT node_id FROM limits.nodes WHERE api_key_id = %s", (api_key_id,)
        ).fetchall()
        return [row[0] for row in rows]

    def node_ids_of_accounts(self, account_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        rows = self._connection.execute(
            "SELECT node_id FROM limits.nodes WHERE account_id = ANY (%s)", (list(account_ids),)
        ).fetchall()
        return [row[0] for row in rows]

    def ledger_differences(self) -> list[dict[str, Any]]:
        """Every exposure that is not, to the last digit, what the reservations add up to. Empty when all is well.

        Of orders that rested over midnight the reservations do not tell which part traded on the last day; with them
        the traded notional is held between what must and what can have traded on it.
        """
        return self._dicts(statements.LEDGER_DIFFERENCES, {})

    def order_differences(self) -> list[dict[str, Any]]:
        """Every order and reservation that disagree on what is filled or final. Empty when all is settled."""
        return self._dicts(statements.ORDER_DIFFERENCES, {})

    def _dicts(self, statement: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, wanted).fetchall()


def check_path(leaf_id: uuid.UUID, locked: Sequence[Scope]) -> None:
    """Which nodes to lock was read before the wait for them: what moved meanwhile would be judged by its old place."""
    leaf = locked[-1].node if locked else None
    if leaf is None or leaf.node_id != leaf_id or list(leaf.path) != [scope.node.node_id for scope in locked]:
        raise TreeChanged("the tree of limits was changed at this moment; send it again")


def fields_of(row: HeldReservation | ExposureChange | Limit) -> dict[str, Any]:
    """dataclasses.asdict without its deep copies, which cost more than the statement while nodes are locked."""
    return {field: getattr(row, field) for field in row.__slots__}


def array_text(items: Iterable[uuid.UUID | datetime]) -> str:
    """As Postgres reads an array: for a list the driver takes longer than for all the rest of a statement."""
    return f"{{{','.join(map(str, items))}}}"


def windows_of(scopes: Iterable[Scope], at: datetime) -> dict[str, str]:
    """What ACTIVITY asks for: every moment that limits of a scope tell apart, with the scope's node."""
    told = [(scope.node.node_id, begin) for scope in scopes for begin in window_begins(scope, at)]
    return {
        "window_node_ids": array_text(node_id for node_id, _ in told),
        "window_begins": array_text(begin for _, begin in told),
    }


def _listed(ids: Sequence[uuid.UUID] | None) -> list[uuid.UUID] | None:
    return None if ids is None else list(ids)


def _booked(change: ExposureChange) -> dict[str, Any]:
    return {parameter: getattr(change, name) for name, parameter in _BOOKED.items()}


def market_of(at: datetime, quotes: Iterable[Mapping[str, Any]], terms: Iterable[RiskTerms]) -> Market:
    told = [quote_of(row) for row in quotes]
    return Market(at, {quote.instrument.symbol: quote for quote in told}, {each.symbol: each for each in terms})


def fee_rates_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    return {row["name"]: row["rate"] for row in rows}


def quote_of(row: Mapping[str, Any]) -> Quote:
    of_instrument = {name: row[name] for name in Instrument.__slots__}
    return Quote(Instrument(**of_instrument), row["reference"], row["observed_at"])


def completed(
    scope: Scope,
    activity: Iterable[Mapping[str, Any]],
    cash: Iterable[Mapping[str, Any]],
    fills: Iterable[Mapping[str, Any]],
) -> Scope:
    def own(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        return (row for row in rows if row["node_id"] == scope.node.node_id)

    return replace(
        scope,
        activity=[Activity(**{name: row[name] for name in Activity.__slots__}) for row in own(activity)],
        cash={row["asset"]: row["total"] for row in own(cash)},
        fills_not_in_cash=[Fills(**{name: row[name] for name in Fills.__slots__}) for row in own(fills)],
    )


def _scopes(
    nodes: Iterable[Node],
    limits: Iterable[Limit],
    exposures: Iterable[Exposure],
    standings: Iterable[Mapping[str, Any]],
) -> list[Scope]:
    limits_by_node: dict[uuid.UUID, list[Limit]] = defaultdict(list)
    for limit in limits:
        limits_by_node[limit.node_id].append(limit)
    exposures_by_node: dict[uuid.UUID, list[Exposure]] = defaultdict(list)
    for exposure in exposures:
        exposures_by_node[exposure.node_id].append(exposure)
    standing_of = {row["node_id"]: Standing(**{name: row[name] for name in Standing._fields}) for row in standings}
    return [
        Scope(
            node,
            limits_by_node[node.node_id],
            exposures_by_node[node.node_id],
            standing_of.get(node.node_id, Standing()),
        )
        for node in sorted(nodes, key=lambda node: len(node.path))
    ]
