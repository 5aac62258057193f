"""What must be true: of the limits after every commit, of the engine after every step, and of the books at the end."""

import uuid
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson
import psycopg

from breakwater.db.connection import Database
from breakwater.domain.orders import FINAL_STATUSES, OrderSnapshot, OrdStatus
from events.orders import OrderLeased, OrderPlaced, OrderRefused, TradeExecuted
from events.trades import TradeFailed
from tests.integration.limits.firm import SYMBOL, Firm

LONG_POSITION_MAX = Decimal(12)  # The orders of all scenarios, and two more.
LIMITS = {
    "LONG_POSITION": LONG_POSITION_MAX,
    "OPEN_ORDER_COUNT": Decimal(7),
    "DAILY_TRADED_NOTIONAL": Decimal(26_000),
}
_BEGINNINGS = (OrderPlaced.topic, OrderRefused.topic, OrderLeased.topic)
_UNSETTLED = ("PENDING_NEW", "PENDING_CANCEL", "UNKNOWN")


class Books:
    """One firm's, read by their owner on a connection of its own, so that a reader sees what is committed."""

    def __init__(self, admin: psycopg.Connection[Any], database: Database, firm: Firm) -> None:
        self._admin = admin
        self._database = database
        self.firm = firm
        self._final: set[uuid.UUID] = set()

    def look(self) -> list[str]:
        """What is wrong just after a commit, in words: a limit that is passed, an end that was none."""
        final = {
            order_id
            for (order_id,) in self._rows(
                "SELECT order_id FROM trading.orders JOIN limits.reservations r USING (order_id)"
                " WHERE r.tenant_id = %s AND r.state = 'FINAL' AND status = ANY (%s)",
                self.firm.tenant_id,
                [status.value for status in FINAL_STATUSES],
            )
        }
        undone, self._final = self._final - final, final
        return [*self._limits_passed(), *(f"order {order_id} was final" for order_id in undone)]

    def _limits_passed(self) -> list[str]:
        """What is used and reserved of the firm's limits, as the ledger has it."""
        ((filled, open_buys, open_count, open_notional, traded),) = self._rows(
            "SELECT coalesce(sum(filled_qty), 0), coalesce(sum(open_buy_qty), 0), coalesce(sum(open_order_count), 0),"
            " coalesce(sum(open_notional), 0), coalesce(sum(traded_notional), 0)"
            " FROM limits.exposures WHERE node_id = %s AND symbol = %s",
            self.firm.firm,
            SYMBOL,
        )
        ended_qty, ended_count, ended_notional = self._ended_unheard()
        used = {
            "LONG_POSITION": filled + open_buys - ended_qty,
            "OPEN_ORDER_COUNT": open_count - ended_count,
            "DAILY_TRADED_NOTIONAL": traded + open_notional - ended_notional,
        }
        return [f"{used[name]} of {name} {most}" for name, most in LIMITS.items() if used[name] > most]

    def _ended_unheard(self) -> tuple[Any, ...]:
        """What orders of leases still hold although the engine's word on their lease has said that it is over.

        It is free for others from that word on. An order that ended before it is open in the ledger until its event.
        """
        (row,) = self._rows(
            "SELECT coalesce(sum(greatest(0, buy_taken - buy_held)), 0),"
            " coalesce(sum(greatest(0, live_orders - orders_held)), 0),"
            " coalesce(sum(greatest(0, buy_taken - buy_held) * price_held), 0)"
            " FROM limits.leases WHERE tenant_id = %s",
            self.firm.tenant_id,
        )
        return tuple(row)

    def what_is_unsettled(self, truth: dict[uuid.UUID, OrderSnapshot | None]) -> list[str]:
        """In words; empty when every order is final or rests with exactly its reservation, as the engine says it."""
        with self._database.tenant_transaction(self.firm.tenant_id) as tx:
            differences = tx.limits.ledger_differences() + tx.limits.order_differences()
        problems = [str(difference) for difference in differences]
        rows = self.orders()
        heard_of = {row[0] for row in rows}
        problems += [f"order {each} is only at the engine" for each in truth if truth[each] and each not in heard_of]
        for row in rows:
            order_id, status, cum_qty, leaves_qty, cum_notional, open_qty, state, quantity, price = row
            said = truth.get(order_id)
            if said is None:
                known = (OrdStatus.REJECTED, Decimal(0), Decimal(0), Decimal(0))
            else:
                known = (said.status, said.cum_qty, said.leaves_qty, said.cum_notional)
            if status in _UNSETTLED or state == "HELD":
                problems.append(f"order {order_id} is {status}, its reservation {state}")
            elif (status, cum_qty, leaves_qty, cum_notional) != known or (open_qty or 0) != leaves_qty:
                problems.append(f"order {order_id} is {row[1:]}, and the engine says {known}")
            elif said is not None and not said.status.is_final and _terms_differ(said, quantity, price):
                problems.append(f"order {order_id} is for {quantity} at {price}, at the engine for {said.quantity}")
        undecided = "SELECT order_id FROM trading.order_replaces WHERE tenant_id = %s AND state = 'PENDING'"
        problems += [f"a replace of {row[0]} is undecided" for row in self._rows(undecided, self.firm.tenant_id)]
        return problems

    def orders(self) -> list[Any]:
        return self._rows(
            "SELECT order_id, o.status, o.cum_qty, o.leaves_qty, o.cum_notional, r.open_qty, r.state, o.quantity,"
            " o.price FROM trading.orders o LEFT JOIN limits.reservations r USING (order_id) WHERE o.tenant_id = %s",
            self.firm.tenant_id,
        )

    def assert_trades_are_what_the_engine_told(self, truth: dict[uuid.UUID, OrderSnapshot | None]) -> None:
        """Each fill once: in the events, in the trades, in the positions."""
        told = self._rows(
            "SELECT aggregate_id, payload ->> 'trade_id', (payload ->> 'last_qty')::numeric FROM trading.events"
            " WHERE tenant_id = %s AND topic = %s",
            self.firm.tenant_id,
            TradeExecuted.topic,
        )
        filled = {order_id: said.cum_qty for order_id, said in truth.items() if said is not None and said.cum_qty}
        assert _sums((order_id, quantity) for order_id, _, quantity in told) == filled
        booked = self._rows("SELECT trade_id::text FROM trading.trades WHERE tenant_id = %s", self.firm.tenant_id)
        assert sorted(trade_id for (trade_id,) in booked) == sorted(trade_id for _, trade_id, _ in told)
        positions = self._rows(
            "SELECT coalesce(sum(quantity), 0) FROM trading.positions WHERE tenant_id = %s", self.firm.tenant_id
        )
        assert positions == [(sum(filled.values()),)]

    def assert_each_end_is_told_once(self) -> None:
        """Whoever follows the feed hears once that an order was placed or refused, and once how it ended."""
        told: dict[uuid.UUID, Counter[str]] = {row[0]: Counter() for row in self.orders()}
        for order_id, topic, status in self._rows(
            "SELECT aggregate_id, topic, payload -> 'order' ->> 'status' FROM trading.events"
            " WHERE tenant_id = %s AND aggregate_id IN (SELECT order_id FROM trading.orders)"
            " AND topic NOT LIKE 'audit.%%' AND topic <> %s",  # Who asks for a cancel, or waits, is no state of it.
            self.firm.tenant_id,
            TradeFailed.topic,
        ):
            is_end = topic not in _BEGINNINGS and OrdStatus(status).is_final
            told[order_id][topic if topic in _BEGINNINGS else "end" if is_end else "else"] += 1
        for order_id, topics in told.items():
            refused, placed = topics[OrderRefused.topic], topics[OrderPlaced.topic] + topics[OrderLeased.topic]
            assert (refused, placed, topics["end"]) in {(1, 0, 0), (0, 1, 1)}, f"told of order {order_id}: {topics}"

    def assert_nothing_is_held(self) -> None:
        rows = self._rows(
            "SELECT sum(open_buy_qty), sum(open_sell_qty), sum(open_order_count), sum(open_notional)"
            " FROM limits.exposures WHERE node_id = %s HAVING count(*) > 0",
            self.firm.firm,
        )
        assert rows in ([], [(0, 0, 0, 0)]), f"reserved for nobody: {rows}"

    def pass_a_minute(self) -> None:
        """As if nothing had happened for so long."""
        for table in ("trading.orders", "limits.reservations"):
            self._admin.execute(
                f"UPDATE {table} SET updated_at = updated_at - interval '1 minute' WHERE tenant_id = %s",
                (self.firm.tenant_id,),
            )
        self._admin.execute(
            "UPDATE trading.order_replaces SET requested_at = requested_at - interval '1 minute' WHERE tenant_id = %s",
            (self.firm.tenant_id,),
        )

    def _rows(self, statement: str, *parameters: Any) -> list[Any]:
        return self._admin.execute(statement, parameters).fetchall()


def assert_no_order_is_twice_in_the_journal(admin: psycopg.Connection[Any]) -> None:
    """Every order id was given to the engine's core once: submitted, refused or voided."""
    spoken: Counter[str] = Counter()
    for (details,) in admin.execute("SELECT details FROM trading.journal WHERE details <> ''").fetchall():
        for _, kind, document in orjson.loads(details):
            if kind == "Refused":
                spoken[document["order"]["order_id"]] += 1
            elif kind in {"SubmitOrder", "VoidOrder"}:
                spoken[document["order_id"]] += 1
    assert spoken
    twice = [order_id for order_id, count in spoken.items() if count > 1]
    assert not twice, f"more than once at the engine: {twice}"


def _terms_differ(said: OrderSnapshot, quantity: Decimal, price: Decimal) -> bool:
    """Only of an order that was to be replaced does the engine say a price."""
    return said.quantity != quantity or (said.price is not None and said.price != price)


def _sums(quantities: Iterable[tuple[uuid.UUID, Decimal]]) -> dict[uuid.UUID, Decimal]:
    sums: dict[uuid.UUID, Decimal] = {}
    for order_id, quantity in quantities:
        sums[order_id] = sums.get(order_id, Decimal(0)) + quantity
    return sums
