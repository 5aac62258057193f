"""Fills that came from elsewhere, in a real ledger."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from breakwater.db.connection import Database
from breakwater.domain.orders import Side
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.errors import InvalidRequest, LimitExceeded, NotFound, OrderIdReused
from breakwater.services.external_fills import ExternalFill, book_external_fill
from breakwater.services.limits import reserve_limits
from breakwater.services.projections import project
from events.envelope import Envelope
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, SYMBOL, Firm, create_firm, order_of, set_limit, set_reference
from tests.integration.limits.test_watch import watch_of


@pytest.fixture
def risk(firm: Firm) -> Caller:
    return Caller(firm.tenant_id, "risk", "risk", Role.RISK_MANAGER, frozenset({SESSION_SCOPE}), correlation_id="c")


def fill_of(firm: Firm, **changes: Any) -> ExternalFill:
    told: dict[str, Any] = {
        "account_id": firm.account_ids[0],
        "external_id": "liquidation-7",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "quantity": "3",
        "price": "1990",
        "fee": "2",
        "transact_time": NOW - timedelta(minutes=1),
    }
    return ExternalFill(**(told | changes))


def book(database: Database, caller: Caller, fill: ExternalFill) -> Any:
    with database.tenant_transaction(caller.tenant_id) as tx:
        return book_external_fill(fill, caller, tx, NOW)


def states(database: Database, firm: Firm) -> list[str]:
    with database.tenant_transaction(firm.tenant_id) as tx:
        nodes = [tx.limits.node(node_id, NOW) for node_id in firm.path]
    return [node.state for node in nodes if node is not None]


def test_it_is_booked_everywhere_flagged_and_its_account_only_reduces(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    booked = book(database, risk, fill_of(firm))
    assert (booked["is_new"], booked["reduce_only"]) == (True, [str(firm.account_nodes[0])])
    assert states(database, firm) == ["ACTIVE", "ACTIVE", "ACTIVE", "REDUCE_ONLY"]
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.ledger_differences() == tx.limits.order_differences() == []
        for scope in tx.limits.scopes(NOW, [firm.account_nodes[0]], above=True):
            (exposure,) = scope.exposures
            assert (exposure.filled_qty, exposure.open_order_count) == (Decimal(3), 0)
            assert exposure.traded_notional == Decimal(5970)
        (held,) = tx.portfolio.positions([firm.account_ids[0]])
        assert (held.position.quantity, held.position.average_price, held.position.fees) == (3, 1990, 2)
    with psycopg.connect(database_urls.admin) as connection:
        (flags,) = connection.execute(
            "SELECT o.is_external, o.status, t.is_external FROM trading.orders o JOIN trading.trades t USING (order_id)"
        ).fetchall()
        assert flags == (True, "FILLED", True)
        assert connection.execute(
            "SELECT count(*) FROM trading.events WHERE topic = 'limits.ExternalFillBooked.v1'"
        ).fetchone() == (1,)


def test_its_event_is_the_accounts_and_the_projections_leave_it_alone(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    """The account's feed tells it to whoever follows positions; its rows were written with it."""
    book(database, risk, fill_of(firm))
    with psycopg.connect(database_urls.admin, row_factory=dict_row) as connection:
        (event,) = connection.execute(
            "SELECT event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload"
            " FROM trading.events WHERE topic = 'limits.ExternalFillBooked.v1'"
        ).fetchall()
    assert event["account_id"] == firm.account_ids[0]
    project(Envelope.model_validate(event), database.tenant_transaction)
    with database.tenant_transaction(firm.tenant_id) as tx:
        (held,) = tx.portfolio.positions([firm.account_ids[0]])
        assert held.position.quantity == 3
        assert tx.limits.ledger_differences() == []


def test_told_twice_it_is_booked_once_and_another_under_its_id_is_refused(
    database: Database, firm: Firm, risk: Caller
) -> None:
    first = book(database, risk, fill_of(firm))
    again = book(database, risk, fill_of(firm))
    assert (again["order_id"], again["is_new"]) == (first["order_id"], False)
    with pytest.raises(OrderIdReused):
        book(database, risk, fill_of(firm, quantity="4"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        (held,) = tx.portfolio.positions([firm.account_ids[0]])
    assert held.position.quantity == 3


def test_a_limit_that_it_passes_makes_its_node_only_reduce_and_lets_reducing_through(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    set_limit(database_urls.admin, firm, firm.desk, "LONG_POSITION", "2.5")
    book(database, risk, fill_of(firm))
    assert states(database, firm) == ["ACTIVE", "REDUCE_ONLY", "ACTIVE", "REDUCE_ONLY"]
    with database.tenant_transaction(firm.tenant_id) as tx:
        with pytest.raises(LimitExceeded):
            reserve_limits(tx, order_of(firm, Side.BUY), NOW)
        reserve_limits(tx, order_of(firm, Side.SELL, "3"), NOW)


def test_a_limit_whose_use_no_fresh_price_tells_is_looked_at_again(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    set_limit(database_urls.admin, firm, firm.desk, "GROSS_NOTIONAL", "5000")
    set_reference(database_urls.admin, Decimal(2000), NOW - timedelta(minutes=1))
    book(database, risk, fill_of(firm))
    assert states(database, firm) == ["ACTIVE", "ACTIVE", "ACTIVE", "REDUCE_ONLY"]
    fresh = NOW + timedelta(minutes=1)
    set_reference(database_urls.admin, Decimal(2000), fresh)
    watch_of(database).run_round(fresh)
    assert states(database, firm) == ["ACTIVE", "REDUCE_ONLY", "ACTIVE", "REDUCE_ONLY"]


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "XRP/USDT"},
        {"quantity": "0.00001"},
        {"price": "1990.001"},
        {"quantity": "0"},
        {"transact_time": NOW + timedelta(seconds=1)},
        {"venue": "SOR"},
    ],
)
def test_what_cannot_have_happened_is_refused(
    database: Database, firm: Firm, risk: Caller, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        book(database, risk, fill_of(firm, **changes))


def test_another_organisations_account_is_not_known(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    stranger = create_firm(database_urls.admin, "Stranger")
    with pytest.raises(NotFound):
        book(database, risk, fill_of(firm, account_id=stranger.account_ids[0]))
    with pytest.raises(NotFound):
        book(database, risk, fill_of(firm, account_id=uuid.uuid4()))
