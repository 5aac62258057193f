"""How a function reaches Postgres: one connection, always inside a tenant's transaction."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from functools import cached_property

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

from breakwater.db.acknowledgement_links import AcknowledgementLinkRows
from breakwater.db.alert_contacts import AlertContactRows
from breakwater.db.alert_deliveries import AlertDeliveryRows
from breakwater.db.alert_groups import AlertGroupRows
from breakwater.db.alert_recipients import AlertRecipientRows
from breakwater.db.alert_routing import AlertRoutingRows
from breakwater.db.alerts import AlertRows
from breakwater.db.api_keys import ApiKeyRows
from breakwater.db.audit import AuditRows
from breakwater.db.conditions import ConditionRows
from breakwater.db.conninfo import noticing_silence
from breakwater.db.degraded import DegradedRows
from breakwater.db.digests import DigestRows
from breakwater.db.equity import EquityRows
from breakwater.db.escalations import EscalationRows
from breakwater.db.event_store import EventStoreRows
from breakwater.db.exchange_credentials import ExchangeCredentialRows
from breakwater.db.executions import ExecutionRows
from breakwater.db.failures import PASSING
from breakwater.db.identity import IdentityRows
from breakwater.db.ladders import KeptLimits, LadderRows
from breakwater.db.leases import LeaseRows
from breakwater.db.limit_settings import LimitSettingRows
from breakwater.db.limits import LimitRows
from breakwater.db.market import MarketRows
from breakwater.db.metric_rules import MetricRuleRows
from breakwater.db.nodes import NodeRows
from breakwater.db.oauth_clients import OAuthClientRows
from breakwater.db.orders import OrderRows
from breakwater.db.outbox import Outbox
from breakwater.db.people import PeopleRows
from breakwater.db.portfolio import PortfolioRows
from breakwater.db.push_devices import PushDeviceRows
from breakwater.db.rebuild import RebuildRows
from breakwater.db.recorded_day import RecordedDayRows
from breakwater.db.replaces import ReplaceRows
from breakwater.db.rotas import RotaRows
from breakwater.db.sagas import SagaRows
from breakwater.db.sessions import SessionRows
from breakwater.db.telegram import TelegramRows
from breakwater.db.watch import WatchRows
from breakwater.db.webhook_log import WebhookLogRows
from breakwater.db.webhook_queue import WebhookQueueRows
from breakwater.db.webhooks import WebhookRows
from breakwater.errors import DatabaseUnavailable

Connection = psycopg.Connection[TupleRow]

ANSWER_TIMEOUT_S = 6.0  # Past the server's own limit: then it hangs, and the outcome is unknown.
# A session that stalls inside a transaction holds limit nodes that others wait for: the server ends it.
_SESSION_OPTIONS = " ".join(
    f"-c {name}={value_ms}"
    for name, value_ms in {
        "statement_timeout": 5000,
        "lock_timeout": 3000,
        "idle_in_transaction_session_timeout": 5000,
    }.items()
)


# The commit itself does not wait for the disk; what follows it does, and the disk has all that was written before it.
_WITHOUT_THE_DISK = "SET LOCAL synchronous_commit = off"
_COMMIT_AND_LET_GO = ("COMMIT", "SELECT pg_logical_emit_message(true, 'breakwater', '')")


class _AnsweringConnection(psycopg.Connection[TupleRow]):
    """Raises OperationalError when a live host does not answer: libpq would wait for ever."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        return super().wait(gen, interval, ANSWER_TIMEOUT_S if timeout is None else timeout)


class TenantTransaction:
    """The tables of one tenant within one transaction; row-level security stands behind every statement."""

    def __init__(self, connection: Connection, tenant_id: uuid.UUID, kept_limits: KeptLimits) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self._kept_limits = kept_limits
        self._queue: ExitStack | None = None

    def let_go_early(self, *, is_told: bool = False) -> None:
        """From here on statements are only queued until a result is asked for; the commit goes with the last of them.

        It lets go of what is locked before the disk has it, so that those who wait go on meanwhile; whoever waits for
        the end of this transaction still waits for the disk. Who goes on meanwhile has seen what a failure of the
        server may undo, but waits for the disk himself, which keeps what was decided in its order: nobody is told of
        what rests on something that was undone.

        `is_told`: the server knows already that the commit waits for no disk, as limits.ledger_enter says before it
        locks anything.
        """
        if self._queue is None:
            self._queue = ExitStack()
            self._queue.enter_context(self.connection.pipeline())
            if not is_told:
                self.connection.execute(_WITHOUT_THE_DISK)

    def wait_at_most(self, wait_max: timedelta) -> None:
        """From here on, for each lock; DatabaseUnavailable where somebody holds it for longer."""
        milliseconds = f"{wait_max // timedelta(milliseconds=1)}ms"
        self.connection.execute("SELECT set_config('lock_timeout', %s, true)", (milliseconds,))

    def pipeline(self) -> AbstractContextManager[object]:
        """What the block sends is waited for once, at its end; where statements are queued already, not even then."""
        return self.connection.pipeline() if self._queue is None else nullcontext()

    @contextmanager
    def committed_at_end(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if self._queue is not None:
                self._queue.__exit__(type(error), error, error.__traceback__)
            raise
        if self._queue is None:
            self.connection.commit()
            return
        with self._queue:
            for statement in _COMMIT_AND_LET_GO:
                self.connection.execute(statement)

    @cached_property
    def orders(self) -> OrderRows:
        return OrderRows(self.connection, self.tenant_id)

    @cached_property
    def replaces(self) -> ReplaceRows:
        return ReplaceRows(self.connection, self.tenant_id)

    @cached_property
    def equity(self) -> EquityRows:
        return EquityRows(self.connection, self.tenant_id)

    @cached_property
    def executions(self) -> ExecutionRows:
        return ExecutionRows(self.connection, self.tenant_id)

    @cached_property
    def limits(self) -> LimitRows:
        return LimitRows(self.connection, self.tenant_id)

    @cached_property
    def oauth_clients(self) -> OAuthClientRows:
        return OAuthClientRows(self.connection, self.tenant_id)

    @cached_property
    def leases(self) -> LeaseRows:
        return LeaseRows(self.connection, self.tenant_id)

    @cached_property
    def ladders(self) -> LadderRows:
        return LadderRows(self.connection, self.tenant_id, self._kept_limits)

    @cached_property
    def degraded(self) -> DegradedRows:
        return DegradedRows(self.connection, self.tenant_id)

    @cached_property
    def limit_settings(self) -> LimitSettingRows:
        return LimitSettingRows(self.connection, self.tenant_id)

    @cached_property
    def nodes(self) -> NodeRows:
        return NodeRows(self.connection, self.tenant_id)

    @cached_property
    def recorded_day(self) -> RecordedDayRows:
        return RecordedDayRows(self.connection, self.tenant_id)

    @cached_property
    def watch(self) -> WatchRows:
        return WatchRows(self.connection, self.tenant_id)

    @cached_property
    def portfolio(self) -> PortfolioRows:
        return PortfolioRows(self.connection, self.tenant_id)

    @cached_property
    def event_store(self) -> EventStoreRows:
        return EventStoreRows(self.connection, self.tenant_id)

    @cached_property
    def rebuild(self) -> RebuildRows:
        return RebuildRows(self.connection, self.tenant_id)

    @cached_property
    def identity(self) -> IdentityRows:
        return IdentityRows(self.connection, self.tenant_id)

    @cached_property
    def api_keys(self) -> ApiKeyRows:
        return ApiKeyRows(self.connection, self.tenant_id)

    @cached_property
    def people(self) -> PeopleRows:
        return PeopleRows(self.connection, self.tenant_id)

    @cached_property
    def sagas(self) -> SagaRows:
        return SagaRows(self.connection, self.tenant_id)

    @cached_property
    def sessions(self) -> SessionRows:
        return SessionRows(self.connection, self.tenant_id)

    @cached_property
    def exchange_credentials(self) -> ExchangeCredentialRows:
        return ExchangeCredentialRows(self.connection, self.tenant_id)

    @cached_property
    def alert_deliveries(self) -> AlertDeliveryRows:
        return AlertDeliveryRows(self.connection, self.tenant_id)

    @cached_property
    def alert_recipients(self) -> AlertRecipientRows:
        return AlertRecipientRows(self.connection, self.tenant_id)

    @cached_property
    def alert_contacts(self) -> AlertContactRows:
        return AlertContactRows(self.connection, self.tenant_id)

    @cached_property
    def alert_groups(self) -> AlertGroupRows:
        return AlertGroupRows(self.connection, self.tenant_id)

    @cached_property
    def alert_routing(self) -> AlertRoutingRows:
        return AlertRoutingRows(self.connection, self.tenant_id)

    @cached_property
    def alerts(self) -> AlertRows:
        return AlertRows(self.connection, self.tenant_id)

    @cached_property
    def digests(self) -> DigestRows:
        return DigestRows(self.connection, self.tenant_id)

    @cached_property
    def webhooks(self) -> WebhookRows:
        return WebhookRows(self.connection, self.tenant_id)

    @cached_property
    def webhook_queue(self) -> WebhookQueueRows:
        return WebhookQueueRows(self.connection, self.tenant_id)

    @cached_property
    def webhook_log(self) -> WebhookLogRows:
        return WebhookLogRows(self.connection, self.tenant_id)

    @cached_property
    def acknowledgement_links(self) -> AcknowledgementLinkRows:
        return AcknowledgementLinkRows(self.connection, self.tenant_id)

    @cached_property
    def escalations(self) -> EscalationRows:
        return EscalationRows(self.connection, self.tenant_id)

    @cached_property
    def rotas(self) -> RotaRows:
        return RotaRows(self.connection, self.tenant_id)

    @cached_property
    def conditions(self) -> ConditionRows:
        return ConditionRows(self.connection, self.tenant_id)

    @cached_property
    def metric_rules(self) -> MetricRuleRows:
        return MetricRuleRows(self.connection, self.tenant_id)

    @cached_property
    def telegram(self) -> TelegramRows:
        return TelegramRows(self.connection, self.tenant_id)

    @cached_property
    def push_devices(self) -> PushDeviceRows:
        return PushDeviceRows(self.connection, self.tenant_id)

    @cached_property
    def audit(self) -> AuditRows:
        return AuditRows(self.connection, self.tenant_id)

    @cached_property
    def market(self) -> MarketRows:
        return MarketRows(self.connection)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.connection, self.tenant_id)


class Database:
    """One connection, opened at first use and again after it was lost.

    A Lambda environment serves one request at a time, so it needs no pool.

    `conninfo` is asked at each connect, so a rotated secret is picked up. DatabaseUnavailable covers every failure that
    may pass: refused, timed out, locked too long, deadlocked, shut down, a reader since a failover.
    """

    def __init__(self, conninfo: Callable[[], str]) -> None:
        self._conninfo = conninfo
        self._connection: Connection | None = None
        self._kept_limits = KeptLimits()

    @contextmanager
    def tenant_transaction(self, tenant_id: uuid.UUID, actor: str = "") -> Iterator[TenantTransaction]:
        """Commits when the block ends, rolls back when it raises. `actor`: who is told of in the audit trail."""
        # Hexadecimal digits and nothing else: a statement without parameters may go together with BEGIN.
        with self._transaction(tenant_id.hex, actor.encode().hex()) as connection:
            tx = TenantTransaction(connection, tenant_id, self._kept_limits)
            with tx.committed_at_end():
                yield tx

    @contextmanager
    def untenanted_transaction(self) -> Iterator[Connection]:
        """For the few questions that come before a tenant is known: only the lookup functions answer here."""
        with self._transaction("", "") as connection:
            yield connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self, tenant: str, actor: str) -> Iterator[Connection]:
        who = f"convert_from('\\x{actor}', 'UTF8')" if actor else "''"
        try:
            connection = self._begin(
                f"BEGIN; SELECT set_config('breakwater.tenant_id', '{tenant}', true),"
                f" set_config('breakwater.actor', {who}, true)"
            )
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        except PASSING as error:
            # The connection's state is not known any more; the next transaction opens another.
            self.close()
            raise DatabaseUnavailable("the database did not answer in time") from error

    def _begin(self, first_statement: str) -> Connection:
        """The first statement opens the transaction. It alone is tried on a new connection: nothing was done yet."""
        if self._connection is not None:
            try:
                self._connection.execute(first_statement, prepare=False)
                return self._connection
            except PASSING:
                self.close()
        # BEGIN goes with the first statement, which the driver would send before it in a round trip of its own.
        self._connection = _AnsweringConnection.connect(
            noticing_silence(self._conninfo()), options=_SESSION_OPTIONS, prepare_threshold=3, autocommit=True
        )
        self._connection.execute(first_statement, prepare=False)
        return self._connection
