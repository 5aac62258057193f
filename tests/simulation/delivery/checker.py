"""Whether every event reached every consumer, in order where its queue keeps one, and took effect exactly once."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import psycopg

from breakwater.services.alerts import TOPICS as ALERTING_TOPICS
from breakwater.services.projections import ORDER_EVENTS
from events.alerts import AlertRaised
from events.orders import TradeExecuted
from tests.simulation.delivery.history import History
from tests.simulation.delivery.hops import FifoQueue

PROJECTED = {*ORDER_EVENTS, TradeExecuted.topic}


def problems(connection: psycopg.Connection, history: History, fifo: FifoQueue) -> list[str]:
    rows = connection.execute(
        "SELECT event_id, topic, event.account_id, sequence FROM trading.events event"
        " LEFT JOIN trading.account_feed feed USING (event_id) WHERE event.tenant_id = %s ORDER BY recorded_no",
        (history.firm.tenant_id,),
    ).fetchall()
    checker = _Checker(connection, history, fifo, rows)
    return [
        *checker.of_the_feed(),
        *checker.of_the_queue(),
        *checker.of_the_projections(),
        *checker.of_the_books(),
        *checker.of_the_alerts(),
        *checker.of_the_hooks(),
    ]


class _Checker:
    def __init__(
        self, connection: psycopg.Connection, history: History, fifo: FifoQueue, events: Sequence[tuple[Any, ...]]
    ) -> None:
        self._connection = connection
        self._history = history
        self._tenant = history.firm.tenant_id
        self._fifo = fifo
        self._events = events
        self._of_account: dict[uuid.UUID, list[tuple[uuid.UUID, str, int | None]]] = defaultdict(list)
        for event_id, topic, account_id, sequence in events:
            if account_id is not None:
                self._of_account[account_id].append((event_id, topic, sequence))

    def of_the_feed(self) -> Iterator[str]:
        """Each account's events are numbered from one, without a gap; its order is the one that counts from here on."""
        for account_id, told in self._of_account.items():
            if sorted(sequence or 0 for _, _, sequence in told) != list(range(1, len(told) + 1)):
                yield f"feed: the numbers of account {account_id} have a gap, or one is missing"
            told.sort(key=lambda each: each[2] or 0)

    def of_the_queue(self) -> Iterator[str]:
        """It took each account's events in the order of the feed; what came again came later."""
        for account_id, told in self._of_account.items():
            first_times = list(dict.fromkeys(self._fifo.taken.get(str(account_id), [])))
            if first_times != [str(event_id) for event_id, _, _ in told]:
                yield f"queue: the events of account {account_id} are not all there, or in another order"

    def of_the_projections(self) -> Iterator[str]:
        """Each was taken once, and in the order of the feed."""
        taken = [
            row[0]
            for row in self._connection.execute(
                "SELECT event_id FROM trading.inbox JOIN trading.events USING (event_id)"
                " WHERE consumer = 'projections' AND tenant_id = %s ORDER BY processed_at",
                (self._tenant,),
            )
        ]
        for account_id, told in self._of_account.items():
            wanted = [event_id for event_id, topic, _ in told if topic in PROJECTED]
            if [event_id for event_id in taken if event_id in set(wanted)] != wanted:
                yield f"projections: the events of account {account_id} were not all taken, or in another order"

    def of_the_books(self) -> Iterator[str]:
        """What the events say is in them once."""
        positions: dict[uuid.UUID, Decimal] = dict(
            self._connection.execute(
                "SELECT account_id, quantity FROM trading.positions WHERE tenant_id = %s", (self._tenant,)
            ).fetchall()
        )
        for account_id, quantity in self._history.positions.items():
            if positions.get(account_id, Decimal(0)) != quantity:
                yield f"books: the position of account {account_id} is {positions.get(account_id)}, not {quantity}"
        if self._count("trading.trades") != self._history.trades:
            yield f"books: {self._count('trading.trades')} trades, not {self._history.trades}"
        open_orders = self._count("trading.orders", "status NOT IN ('FILLED', 'CANCELED')")
        if open_orders:
            yield f"books: {open_orders} orders never heard of their end"

    def of_the_alerts(self) -> Iterator[str]:
        alarming = sum(topic in ALERTING_TOPICS for _, topic, _, _ in self._events)
        told = sum(topic == AlertRaised.topic for _, topic, _, _ in self._events)
        if not self._count("alerts.alerts") == told == alarming:
            yield f"alerts: {self._count('alerts.alerts')} alerts, told of {told} times, of {alarming} events"

    def of_the_hooks(self) -> Iterator[str]:
        """Each event once, with the number that its feed gives it."""
        rows = self._connection.execute(
            "SELECT event_id, sequence FROM hooked WHERE tenant_id = %s", (self._tenant,)
        ).fetchall()
        heard = Counter(rows)
        wanted = Counter((event_id, sequence) for event_id, _, _, sequence in self._events)
        if lost := wanted - heard:
            yield f"hooks: {lost.total()} events were lost, or have another number"
        if doubled := heard - wanted:
            yield f"hooks: {doubled.total()} events took effect twice"

    def _count(self, table: str, condition: str = "true") -> int:
        row = self._connection.execute(
            f"SELECT count(*) FROM {table} WHERE tenant_id = %s AND {condition}",
            (self._tenant,),
        ).fetchone()
        assert row is not None
        return int(row[0])
