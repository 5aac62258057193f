"""A firm, a receiver and senders, with a queue in memory in SQS's place: it forgets order, as that may."""

import itertools
import os
import random
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from breakwater.db.connection import Database
from breakwater.db.webhooks import WebhookEndpoint
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.domain.webhook_addresses import AddressPolicy
from breakwater.domain.webhooks import SealedSecret, open_secret
from breakwater.services import webhooks
from breakwater.services.webhook_calls import WebhookCaller, resolve_name
from breakwater.services.webhook_dispatch import Wake, dispatch
from breakwater.services.webhook_sending import Sender, Sent
from breakwater.services.webhooks import DataKey, Filters, NewWebhookEndpoint
from events.envelope import Envelope
from tests.integration.limits.firm import Firm

TOPIC = "orders.OrderAccepted.v1"


def admin_of(tenant_id: uuid.UUID, **changes: Any) -> Caller:
    told: dict[str, Any] = {
        "tenant_id": tenant_id,
        "subject": "admin-sub",
        "username": "admin",
        "role": "organisation_admin",
        "scopes": frozenset({"session"}),
        "correlation_id": "c-1",
    }
    return Caller(**told | changes)


def make_data_key(_tenant_id: uuid.UUID, _endpoint_id: uuid.UUID) -> DataKey:
    key = os.urandom(32)
    return DataKey(key, key[::-1], "master")


def opened(sealed: SealedSecret, tenant_id: uuid.UUID) -> str:
    return open_secret(sealed, sealed.wrapped_key[::-1], tenant_id)


@dataclass
class Scene:
    admin_conninfo: str
    database: Database
    firm: Firm
    policy: AddressPolicy = field(default_factory=lambda: AddressPolicy(allows_local=True))
    wakes: list[Wake] = field(default_factory=list)
    later: list[Wake] = field(default_factory=list)
    now: datetime | None = None  # None: the clock's.
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))
    numbers: Any = field(default_factory=itertools.count)

    @property
    def caller(self) -> Caller:
        return admin_of(self.firm.tenant_id)

    def at(self) -> datetime:
        return self.now or datetime.now(UTC)

    def add(
        self, url: str, *topics: str, name: str = "hook", accounts: Sequence[uuid.UUID] | None = None
    ) -> NewWebhookEndpoint:
        return webhooks.create_endpoint(
            self.caller,
            self.database.tenant_transaction,
            name=name,
            url=url,
            filters=Filters(topics or ("*",), accounts),
            check_url=WebhookCaller(self.policy, resolve_name).check,
            make_data_key=make_data_key,
            at=self.at(),
        )

    def endpoint(self, endpoint_id: uuid.UUID) -> WebhookEndpoint:
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            return tx.webhooks.endpoint(endpoint_id)

    def happen(self, account: uuid.UUID | None, topic: str = TOPIC, at: datetime | None = None) -> Envelope:
        """An event in the store and, of an account, in its feed, as the relay leaves it. Nobody is told yet."""
        envelope = Envelope(
            event_id=uuid.uuid4(),
            topic=topic,
            tenant_id=self.firm.tenant_id,
            account_id=account,
            aggregate_id=uuid.uuid4(),
            correlation_id=f"c-{next(self.numbers)}",
            occurred_at_ns=nanoseconds(at or self.at()),
            payload={"number": 1, "text": "ü"},
        )
        with psycopg.connect(self.admin_conninfo) as connection:
            connection.execute(
                "INSERT INTO trading.events (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id,"
                " occurred_at_ns, payload) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(envelope.event_id, topic, self.firm.tenant_id, account, envelope.aggregate_id),
                    *(envelope.correlation_id, envelope.occurred_at_ns, Jsonb(envelope.payload)),
                ),
            )
            if account is not None:
                connection.execute(
                    "INSERT INTO trading.account_feed (account_id, sequence, event_id, tenant_id)"
                    " SELECT %(account)s, coalesce(max(sequence), 0) + 1, %(event)s, %(tenant)s"
                    " FROM trading.account_feed WHERE account_id = %(account)s",
                    {"account": account, "event": envelope.event_id, "tenant": self.firm.tenant_id},
                )
        return envelope

    def dispatch(self, *envelopes: Envelope) -> None:
        for envelope in envelopes:
            dispatch(envelope, self.database.tenant_transaction, self.send_wakes, at=self.at())

    def send_wakes(self, wakes: Sequence[Wake]) -> None:
        for wake in wakes:
            (self.later if wake.delay_s else self.wakes).append(wake)

    def send(self, *, rounds_max: int = 50) -> Sent:
        """Until no wake-up is left that is due, in an order of chance."""
        total = Sent()
        for _ in range(rounds_max):
            if not self.wakes:
                return total
            random.Random(7).shuffle(self.wakes)  # noqa: S311  # An order of chance, the same each time.
            batch, self.wakes = self.wakes[:10], self.wakes[10:]
            for is_careful in (False, True):
                wanted: dict[uuid.UUID, list[tuple[uuid.UUID, uuid.UUID]]] = {}
                for wake in batch:
                    if wake.is_careful == is_careful:
                        wanted.setdefault(wake.tenant_id, []).append((wake.endpoint_id, wake.lane))
                sent = self.sender(is_careful=is_careful).work(wanted, until=time.monotonic() + 60)
                total.delivered += sent.delivered
                total.failed += sent.failed
                total.given_up += sent.given_up
        raise AssertionError("senders wake each other for ever")

    def sender(self, *, is_careful: bool) -> Sender:
        return Sender(
            self.database.tenant_transaction,
            open_secret=opened,
            call=WebhookCaller(self.policy, resolve_name).call,
            send_wakes=self.send_wakes,
            pool=self.pool,
            is_careful=is_careful,
            now=self.at,
            jitter=lambda: 0.5,
        )

    def let_time_pass(self, delta: timedelta) -> None:
        """By moving all that is written down into the past; wake-ups that were to come then come."""
        seconds = delta.total_seconds()
        with psycopg.connect(self.admin_conninfo) as connection:
            for table, columns in _TIMES.items():
                moved = ", ".join(f"{column} = {column} - make_interval(secs => {seconds})" for column in columns)
                connection.execute(f"UPDATE webhooks.{table} SET {moved}")
        due = [wake for wake in self.later if wake.delay_s <= seconds]
        self.later = [wake for wake in self.later if wake.delay_s > seconds]
        self.wakes += due

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.admin_conninfo, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def told(self, topic: str) -> list[dict[str, Any]]:
        """Payloads of events of the platform."""
        return [row[0] for row in self.sql("SELECT payload FROM trading.events WHERE topic = %s", topic)]


_TIMES = {
    "endpoints": ("failing_since", "retry_at", "probe_until", "last_delivered_at", "created_at"),
    "lanes": ("due_at", "claimed_until"),
    "deliveries": ("queued_at", "first_attempt_at", "last_attempt_at"),
}
