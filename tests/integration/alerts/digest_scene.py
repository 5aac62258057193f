"""A firm in Berlin whose days are written by hand, so that what a digest says of them can be told by heart.

firm > desk > trader > account 0 and account 1. `trader` has account 0, `head` the desk; `other` is another firm with
figures of its own, of which nobody may hear.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from breakwater.db.connection import Database
from breakwater.db.digest_figures import PlatformState, platform_state
from breakwater.domain.digests import Document, Section
from breakwater.domain.times import nanoseconds
from breakwater.errors import EngineUnavailable
from breakwater.services.digests import Desk, MailRefused
from tests.integration.limits.firm import Firm, create_firm

ZONE = "Europe/Berlin"
# The day on which the clocks go forward there: from 2026-03-28T23:00Z for 23 hours.
DAY = "2026-03-29"
BEGIN = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
END = datetime(2026, 3, 29, 22, 0, tzinfo=UTC)
NOON = datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
DUE = datetime(2026, 3, 30, 5, 0, tzinfo=UTC)  # Seven o'clock there.
EVERYBODY = (
    "trader", "viewer", "desk_head", "fund_manager", "risk_manager", "organisation_admin", "system_admin", "auditor",
)  # fmt: skip


@dataclass
class Probes:
    """What the platform would answer."""

    database: Database
    letters: dict[str, int] = field(default_factory=lambda: {"alerts": 2, "trade-events": 0})
    is_down: bool = False

    def state(self) -> PlatformState:
        with self.database.untenanted_transaction() as connection:
            return platform_state(connection)

    def dead_letters(self) -> dict[str, int]:
        return self.letters

    def unserved_shards(self) -> tuple[int, ...]:
        if self.is_down:
            raise EngineUnavailable("the engine did not answer")
        return ()


@dataclass
class Mailbox:
    """A mailer that keeps what it is given; with `trouble` it raises that instead."""

    sent: list[tuple[str, str, str, str]] = field(default_factory=list)
    trouble: Exception | None = None
    refuses: str | None = None

    def send(self, to: str, subject: str, text: str, html: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        if self.refuses == to:
            raise MailRefused("the mail was refused: MessageRejected")
        self.sent.append((to, subject, text, html))

    @property
    def addresses(self) -> list[str]:
        return sorted(to for to, *_ in self.sent)


class Scene:
    def __init__(self, admin_conninfo: str, functions_conninfo: str, name: str = "Firm") -> None:
        self.admin_conninfo = admin_conninfo
        self.firm: Firm = create_firm(admin_conninfo, name)
        self.database = Database(lambda: functions_conninfo)
        self.mailbox = Mailbox()
        self.probes = Probes(self.database)
        self.name = name
        self._admin("UPDATE limits.nodes SET time_zone = %s WHERE tenant_id = %s", ZONE, self.firm.tenant_id)
        self.users = {role: self.add_user(role) for role in EVERYBODY}
        self.give_account("trader", self.firm.account_ids[0])
        self._admin(
            "INSERT INTO identity.node_access (user_id, node_id, tenant_id) VALUES (%s, %s, %s)",
            *(self.users["desk_head"], self.firm.desk, self.firm.tenant_id),
        )
        self.give_account("fund_manager", self.firm.account_ids[1])

    @property
    def desk(self) -> Desk:
        return Desk(self.mailbox, self.probes)

    def add_user(self, role: str, *, created_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> uuid.UUID:
        user_id, name = uuid.uuid4(), f"{self.name}-{role}-{uuid.uuid4().hex[:4]}"
        self._admin(
            "INSERT INTO identity.users (user_id, tenant_id, username, subject, email, role, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            *(user_id, self.firm.tenant_id, name, f"sub-{name}", f"{role}@{self.name.lower()}.example", role),
            created_at,
        )
        return user_id

    def give_account(self, role: str, account_id: uuid.UUID) -> None:
        self._admin(
            "INSERT INTO identity.account_access (user_id, account_id, tenant_id) VALUES (%s, %s, %s)",
            *(self.users[role], account_id, self.firm.tenant_id),
        )

    def order(self, status: str, at: datetime, *, account: int = 0, is_external: bool = False) -> None:
        self._admin(
            "INSERT INTO trading.orders (order_id, tenant_id, account_id, client_order_id, fingerprint, symbol, side,"
            " type, time_in_force, post_only, reduce_only, quantity, venue, status, leaves_qty, correlation_id,"
            " created_by, created_at, updated_at, is_external) VALUES (gen_random_uuid(), %s, %s, %s, '', 'ETH/USDT',"
            " 'BUY', 'LIMIT', 'GTC', false, false, 1, 'SIM', %s, 0, 'c', 'test', %s, %s, %s)",
            *(self.firm.tenant_id, self.firm.account_ids[account], uuid.uuid4().hex, status, at, at, is_external),
        )

    def fill(
        self,
        quantity: str,
        price: str,
        at: datetime,
        *,
        side: str = "BUY",
        realised: str = "0",
        fee: tuple[str, str] = ("0", "USDT"),
        account: int = 0,
        symbol: str = "ETH/USDT",
    ) -> None:
        self._admin(
            "INSERT INTO trading.trades (trade_id, tenant_id, account_id, order_id, symbol, side, last_qty, last_px,"
            " liquidity, fee, fee_currency, realised_pnl, venue, engine_seq, transact_time) VALUES (gen_random_uuid(),"
            " %s, %s, gen_random_uuid(), %s, %s, %s, %s, 'TAKER', %s, %s, %s, 'SIM', 1, %s)",
            *(self.firm.tenant_id, self.firm.account_ids[account], symbol, side, Decimal(quantity), Decimal(price)),
            *(Decimal(fee[0]), fee[1], Decimal(realised), at),
        )

    def position(self, symbol: str, quantity: str, average: str, *, account: int = 0) -> None:
        self._admin(
            "INSERT INTO trading.positions (account_id, symbol, tenant_id, quantity, average_price, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, now())",
            *(self.firm.account_ids[account], symbol, self.firm.tenant_id, Decimal(quantity), Decimal(average)),
        )

    def event(
        self, topic: str, payload: dict[str, Any], at: datetime = NOON, *, account: int | None = None,
        about: uuid.UUID | None = None,
    ) -> None:  # fmt: skip
        account_id = None if account is None else self.firm.account_ids[account]
        self._admin(
            "INSERT INTO trading.events (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id,"
            " occurred_at_ns, payload) VALUES (gen_random_uuid(), %s, %s, %s, %s, 'c', %s, %s)",
            *(topic, self.firm.tenant_id, account_id, about or uuid.uuid4(), nanoseconds(at), Jsonb(payload)),
        )

    def breach(self, action: str, at: datetime = NOON, *, account: int = 0, order: str = "o", **more: Any) -> None:
        payload = {
            **{"node_name": "Firm desk", "limit_type": "LONG_POSITION", "instrument": "*", "action": action},
            "order_id": order,
            **more,
        }
        self.event("limits.LimitBreached.v1", payload, at, account=account, about=self.firm.desk)

    def loss(self, action: str, threshold_pct: int) -> None:
        """By prices and fills, of the whole desk."""
        payload = {
            **{"node_name": "Firm desk", "limit_type": "DAILY_LOSS", "instrument": "*", "action": action},
            **{"threshold_pct": threshold_pct, "order_id": None},
        }
        self.event("limits.LimitBreached.v2", payload, about=self.firm.desk)

    def _admin(self, statement: str, *values: Any) -> None:
        with psycopg.connect(self.admin_conninfo) as connection:
            connection.execute(statement, values)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.admin_conninfo) as connection:
            return connection.execute(statement, values).fetchall()


def section(document: Document, title: str) -> Section:
    (found,) = [each for each in document.sections if each.title == title]
    return found


def facts(found: Section) -> dict[str, str]:
    return {fact.name: fact.value for fact in found.facts}


def notable(found: Section) -> set[str]:
    return {fact.name for fact in found.facts if fact.is_notable}


def rows(found: Section) -> list[tuple[str, ...]]:
    return [] if found.table is None else list(found.table.rows)
