"""A database as version 0004 left it, with orders in every state, comes to the newest with the same exposures."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from breakwater.db import migrate, migrations
from breakwater.db.limits import fields_of
from breakwater.domain.orders import Side
from breakwater.domain.permissions import Caller
from breakwater.domain.settlement import HeldReservation, ReservationState, change_between, released
from breakwater.services import limit_settings
from tests.integration.limits.firm import Firm, create_firm, in_transaction, order_of, set_limit, set_reference
from tests.integration.limits.people import refused_by, risk_manager

# What the ledger of 0004 wrote.
HOLD = """
WITH reservation AS (
  INSERT INTO limits.reservations (order_id, tenant_id, account_id, node_ids, symbol, side, quantity, valuation_price,
                                   open_qty, cum_qty, cum_notional, engine_seq, state, created_at, updated_at)
  VALUES (%(order_id)s, %(tenant_id)s, %(account_id)s, %(node_ids)s, %(symbol)s, %(side)s, %(quantity)s,
          %(valuation_price)s, %(open_qty)s, %(cum_qty)s, %(cum_notional)s, %(engine_seq)s, %(state)s, %(at)s, %(at)s))
INSERT INTO limits.exposures AS e
  (node_id, symbol, tenant_id, open_buy_qty, open_sell_qty, open_order_count, open_notional, session_date)
SELECT node_id, %(symbol)s, %(tenant_id)s, %(open_buy_qty_change)s, %(open_sell_qty_change)s,
       %(open_order_count_change)s, %(open_notional_change)s, %(day)s
FROM unnest(%(node_ids)s::uuid[]) AS node_id
ON CONFLICT (node_id, symbol) DO UPDATE SET
  open_buy_qty = e.open_buy_qty + excluded.open_buy_qty,
  open_sell_qty = e.open_sell_qty + excluded.open_sell_qty,
  open_order_count = e.open_order_count + excluded.open_order_count,
  open_notional = e.open_notional + excluded.open_notional
"""
SETTLE = """
WITH reservation AS (
  UPDATE limits.reservations
  SET open_qty = %(open_qty)s, cum_qty = %(cum_qty)s, cum_notional = %(cum_notional)s, engine_seq = %(engine_seq)s,
      state = %(state)s, updated_at = %(at)s
  WHERE order_id = %(order_id)s
  RETURNING greatest(%(day)s, (created_at AT TIME ZONE 'UTC')::date) AS day)
UPDATE limits.exposures SET
  filled_qty = filled_qty + %(filled_qty_change)s,
  open_buy_qty = open_buy_qty + %(open_buy_qty_change)s,
  open_sell_qty = open_sell_qty + %(open_sell_qty_change)s,
  open_order_count = open_order_count + %(open_order_count_change)s,
  open_notional = open_notional + %(open_notional_change)s,
  traded_notional = CASE WHEN session_date < day THEN %(traded_notional_change)s
                         WHEN session_date = day THEN traded_notional + %(traded_notional_change)s
                         ELSE traded_notional END,
  session_date = greatest(session_date, day)
FROM reservation
WHERE node_id = ANY (%(node_ids)s) AND symbol = %(symbol)s
"""
ORDER = """
INSERT INTO trading.orders (order_id, tenant_id, account_id, client_order_id, fingerprint, symbol, side, type,
  time_in_force, post_only, reduce_only, quantity, price, price_low, price_high, venue, status, cum_qty, leaves_qty,
  cum_notional, engine_seq, correlation_id, created_by, created_at, updated_at)
VALUES (%(order_id)s, %(tenant_id)s, %(account_id)s, %(order_id)s::text::varchar(36), '', %(symbol)s, %(side)s,
  'LIMIT', 'GTC', false, false, %(quantity)s, 2000, 0.01, %(valuation_price)s, %(venue)s, %(status)s, %(cum_qty)s,
  %(open_qty)s, %(cum_notional)s, %(engine_seq)s, 'c', 'test', %(at)s, %(at)s)
"""
TODAY = datetime.now(UTC)
SUMS = ("filled_qty", "open_buy_qty", "open_sell_qty", "open_order_count", "open_notional")


@pytest.fixture
def admin(postgres_server: str) -> Iterator[str]:
    """A database at version 0004."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    conninfo = make_conninfo(postgres_server, dbname=name)
    upgrade_to("0004", conninfo)
    yield conninfo
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def upgrade_to(revision: str, conninfo: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


class OldLedger:
    """Orders as the ledger of 0004 booked them."""

    def __init__(self, admin: str, firm: Firm) -> None:
        self._admin = admin
        self._firm = firm

    def order(
        self,
        side: Side,
        quantity: str,
        filled: str = "0",
        *,
        is_final: bool = False,
        account: int = 0,
        venue: str = "SIM",
        placed_days_ago: int = 0,
        filled_days_ago: int = 0,
    ) -> None:
        firm, amount = self._firm, Decimal(quantity)
        held = HeldReservation(
            order_id=uuid.uuid4(),
            node_ids=[*firm.path[:3], firm.account_nodes[account]],
            symbol="ETH/USDT",
            venue=venue,
            is_automated=False,
            side=side,
            quantity=amount,
            valuation_price=Decimal(2000),
            open_qty=amount,
            cum_qty=Decimal(0),
            cum_notional=Decimal(0),
            engine_seq=0,
            state=ReservationState.HELD,
        )
        placed_at, settled_at = (TODAY - timedelta(days=days) for days in (placed_days_ago, filled_days_ago))
        self._write(HOLD, held, change_between(released(held), held), account, placed_at)
        after = held
        if Decimal(filled) or is_final:
            after = replace(
                held,
                cum_qty=Decimal(filled),
                cum_notional=Decimal(filled) * 1990,
                open_qty=Decimal(0) if is_final else amount - Decimal(filled),
                engine_seq=2,
                state=ReservationState.FINAL if is_final else ReservationState.CONFIRMED,
            )
            self._write(SETTLE, after, change_between(held, after), account, settled_at)
        status = "CANCELED" if is_final else "NEW"
        self._write(ORDER, after, change_between(after, after), account, placed_at, status=status)

    def _write(
        self, statement: str, held: HeldReservation, change: Any, account: int, at: datetime, **more: Any
    ) -> None:
        changes = {f"{name}_change": amount for name, amount in fields_of(change).items()}
        about = {"tenant_id": self._firm.tenant_id, "account_id": self._firm.account_ids[account], "at": at}
        with psycopg.connect(self._admin) as connection:
            connection.execute(statement, {**fields_of(held), **changes, **about, "day": at.date(), **more})


def exposures(admin: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """By node and symbol, over all venues; turnover only of today."""
    with psycopg.connect(admin) as connection:
        rows = connection.execute(
            f"SELECT node_id, symbol, {', '.join(f'sum({name})' for name in SUMS)},"
            " sum(CASE WHEN session_date = %s THEN traded_notional ELSE 0 END)"
            " FROM limits.exposures GROUP BY node_id, symbol",
            (TODAY.date(),),
        ).fetchall()
    return {row[:2]: row[2:] for row in rows}


@pytest.fixture
def firm(admin: str) -> Firm:
    return create_firm(admin)


def fill_the_ledger(admin: str, firm: Firm) -> None:
    ledger = OldLedger(admin, firm)
    ledger.order(Side.BUY, "7", "7", is_final=True, placed_days_ago=3, filled_days_ago=3)
    ledger.order(Side.BUY, "4", "1.5")
    ledger.order(Side.SELL, "2", "2", is_final=True)
    ledger.order(Side.SELL, "3")
    ledger.order(Side.BUY, "5", is_final=True)  # Cancelled with nothing filled.
    ledger.order(Side.BUY, "6", "2.5", is_final=True, account=1, venue="BOOK")
    ledger.order(Side.BUY, "9", "4", account=1, placed_days_ago=1)  # It rested over midnight.
    ledger.order(Side.SELL, "2", "1", account=1, venue="BOOK", placed_days_ago=1)


def test_exposures_are_the_same_before_and_after_and_what_the_reservations_add_up_to(admin: str, firm: Firm) -> None:
    fill_the_ledger(admin, firm)
    before = exposures(admin)
    assert len(before) == 5
    migrate.upgrade(admin)
    assert exposures(admin) == before
    assert in_transaction(admin, firm, lambda tx: tx.limits.ledger_differences()) == []


def test_exposures_are_told_apart_by_venue_and_open_buys_by_what_they_cost(admin: str, firm: Firm) -> None:
    fill_the_ledger(admin, firm)
    migrate.upgrade(admin)
    with psycopg.connect(admin, row_factory=dict_row) as connection:
        found = {
            row["venue"]: row
            for row in connection.execute("SELECT * FROM limits.exposures WHERE node_id = %s", (firm.firm,))
        }
    sim, book = found["SIM"], found["BOOK"]
    assert (sim["filled_qty"], book["filled_qty"]) == (Decimal("10.5"), Decimal("1.5"))
    assert (sim["open_buy_qty"], sim["open_sell_qty"]) == (Decimal("7.5"), Decimal(3))
    assert (sim["open_buy_notional"], sim["open_notional"]) == (Decimal(15000), Decimal(21000))
    assert (book["open_sell_qty"], book["open_buy_notional"]) == (Decimal(1), Decimal(0))
    assert (sim["session_order_count"], book["session_order_count"]) == (4, 1)
    # At SIM 1.5 and 2, and 4 of an order from before today; at BOOK 2.5, and 1 of such an order.
    assert (sim["traded_notional"], book["traded_notional"]) == (Decimal("7.5") * 1990, Decimal("3.5") * 1990)


def test_a_daily_limit_that_is_spent_is_still_spent_after_the_migration(admin: str, firm: Firm) -> None:
    set_limit(admin, firm, firm.account_nodes[1], "DAILY_TRADED_NOTIONAL", "10000")
    OldLedger(admin, firm).order(Side.BUY, "5", "5", is_final=True, account=1, placed_days_ago=1)
    migrate.upgrade(admin)
    set_reference(admin, Decimal(2000), TODAY)

    def place(quantity: str) -> list[str]:
        order = order_of(firm, quantity=quantity, account=1, at=TODAY)
        return in_transaction(admin, firm, lambda tx: refused_by(tx, order))

    assert place("0.0251") == ["DAILY_TRADED_NOTIONAL"]
    assert place("0.025") == []


def test_limits_begin_their_history_and_a_reservation_goes_on_where_it_was(admin: str, firm: Firm) -> None:
    set_limit(admin, firm, firm.desk, "LONG_POSITION", "10")
    fill_the_ledger(admin, firm)
    migrate.upgrade(admin)
    by: Caller = risk_manager(firm)
    with psycopg.connect(admin) as connection:
        (limit_id,) = connection.execute("SELECT limit_id FROM limits.limits").fetchone() or (None,)
    assert limit_id is not None
    history = in_transaction(admin, firm, lambda tx: limit_settings.limit_history(limit_id, by, tx))["items"]
    told = [(version["version"], version["value"], version["currency"], version["action"]) for version in history]
    assert told == [(1, "10", "USDT", "REJECT")]
    migrate.upgrade(admin)  # A second time there is nothing to do.
    assert len(exposures(admin)) == 5


def test_a_limit_on_losses_says_the_currency_that_it_has_held_in_and_its_history_what_was_asked_for(
    admin: str, firm: Firm
) -> None:
    upgrade_to("0042", admin)
    set_limit(admin, firm, firm.desk, "DAILY_LOSS", "1000000")
    set_limit(admin, firm, firm.desk, "GROSS_NOTIONAL", "1000000")
    with psycopg.connect(admin) as connection:
        connection.execute("UPDATE limits.limits SET currency = 'ETH'")
        connection.execute(
            "INSERT INTO limits.limit_history SELECT limit_id, version, tenant_id, node_id, limit_type, instrument,"
            " value, parameters, currency, action, thresholds_pct, valid_from, valid_until, false, 'risk', now()"
            " FROM limits.limits"
        )
    migrate.upgrade(admin)
    with psycopg.connect(admin) as connection:
        rows = connection.execute("SELECT limit_type, (currency, version)::text FROM limits.limits").fetchall()
        (limit_id,) = connection.execute(
            "SELECT limit_id FROM limits.limits WHERE limit_type = 'DAILY_LOSS'"
        ).fetchone() or (None,)
    assert sorted(rows) == [("DAILY_LOSS", "(USDT,2)"), ("GROSS_NOTIONAL", "(ETH,1)")]
    assert limit_id is not None
    by = risk_manager(firm)
    history = in_transaction(admin, firm, lambda tx: limit_settings.limit_history(limit_id, by, tx))["items"]
    assert [(version["currency"], version["changed_by"]) for version in history] == [
        ("ETH", "risk"),
        ("USDT", "migration"),
    ]
