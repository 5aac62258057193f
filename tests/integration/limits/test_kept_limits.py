"""Limits that a process has read once: each change of them is seen by the next order, and dates are kept to."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakwater.db.connection import Database, TenantTransaction
from breakwater.db.ladders import KeptLimits
from breakwater.domain.exposure import Limit
from breakwater.domain.limits_in_force import NodeLimits
from breakwater.domain.permissions import Caller
from breakwater.errors import NotFound
from breakwater.services import limit_settings, overrides
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, create_firm, database_of, in_transaction, order_of, set_limit
from tests.integration.limits.people import limit, override, refused_by, risk_manager

MOMENTS = [NOW + timedelta(hours=hours) for hours in range(6)]


def passes(database: Database, firm: Firm, quantity: str) -> bool:
    with database.tenant_transaction(firm.tenant_id) as tx:
        return refused_by(tx, order_of(firm, quantity=quantity)) == []


def limits_read(database: Database, firm: Firm) -> list[list[Limit]]:
    """What the ladder of the first account has, by scope, root first."""
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        place = tx.ladders.place(order.terms, None)
        ladder = tx.ladders.lock(firm.path, place.quote, order.terms, order_id=order.order_id, at=NOW)
        return [list(scope.limits) for scope in ladder.scopes]


def test_a_change_by_somebody_else_holds_for_the_next_order(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    def elsewhere[T](work: Callable[[TenantTransaction], T]) -> T:
        return in_transaction(database_urls.functions, firm, work)

    assert passes(database, firm, "3")
    set_here = elsewhere(lambda tx: limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2"))
    assert not passes(database, firm, "3")
    asked = elsewhere(lambda tx: override(tx, risk, set_here["limit_id"], "3"))
    assert not passes(database, firm, "3")  # Nobody has approved it.
    other, override_id = risk_manager(firm, "other"), uuid.UUID(asked["override_id"])
    elsewhere(lambda tx: overrides.approve_override(override_id, other, tx, NOW))
    assert passes(database, firm, "3")
    elsewhere(lambda tx: overrides.end_override(override_id, risk, tx, NOW))
    assert not passes(database, firm, "3")
    elsewhere(lambda tx: limit_settings.delete_limit(uuid.UUID(set_here["limit_id"]), risk, tx, NOW))
    assert passes(database, firm, "3")


def test_a_change_that_is_rolled_back_leaves_nothing_behind(database: Database, firm: Firm, risk: Caller) -> None:
    def change_and_fail() -> None:
        with database.tenant_transaction(firm.tenant_id) as tx:
            limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2")
            assert refused_by(tx, order_of(firm, quantity="3")) == ["MAX_ORDER_QTY"]
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        change_and_fail()
    assert passes(database, firm, "3")


def test_a_node_that_was_not_changed_keeps_its_version(
    database_urls: DatabaseUrls, firm: Firm, risk: Caller, tx: TenantTransaction
) -> None:
    def versions() -> dict[uuid.UUID, uuid.UUID]:
        return dict(tx.connection.execute("SELECT node_id, limits_version FROM limits.nodes").fetchall())

    before = versions()
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2")
    after = versions()
    assert [node_id for node_id, version in after.items() if version != before[node_id]] == [firm.desk]


def test_limits_are_read_once(
    database: Database, database_urls: DatabaseUrls, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(database_urls.admin, firm, firm.desk, "MAX_ORDER_QTY", "2")
    first = limits_read(database, firm)
    statements: list[object] = []
    execute = psycopg.Cursor.execute

    def noted(cursor: psycopg.Cursor[object], query: Any, *others: Any, **more: Any) -> object:
        statements.append(query)
        return execute(cursor, query, *others, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    assert limits_read(database, firm) == first
    assert [len(limits) for limits in first] == [0, 1, 0, 0]
    assert not [query for query in statements if "limits.limits" in str(query)]


def test_another_firm_is_not_served_from_what_this_one_has_read(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    set_limit(database_urls.admin, firm, firm.desk, "MAX_ORDER_QTY", "2")
    limits_read(database, firm)
    other, order = create_firm(database_urls.admin, "Other"), order_of(firm)
    with database.tenant_transaction(other.tenant_id) as tx:
        place = tx.ladders.place(order.terms, None)
        assert place.account_path is None
        assert tx.ladders.read(firm.path, place.quote, order.terms, order_id=order.order_id, at=NOW).scopes == []
        with pytest.raises(NotFound):
            refused_by(tx, order)


def test_what_was_kept_first_makes_room() -> None:
    kept, versions = KeptLimits(nodes_max=2), [uuid.uuid4() for _ in range(3)]
    for version in versions:
        kept.keep(version, NodeLimits())
    assert [kept.get(version) is None for version in versions] == [True, False, False]
    assert len(kept) == 2


def _has_an_inside(span: tuple[datetime | None, datetime | None]) -> bool:
    begin, end = span
    return begin is None or end is None or begin < end


moments = st.one_of(st.none(), st.sampled_from(MOMENTS))
spans = st.tuples(moments, moments).filter(_has_an_inside)
override_spans = st.tuples(st.sampled_from(MOMENTS), st.sampled_from(MOMENTS)).filter(lambda span: span[0] < span[1])
settled_overrides = st.tuples(override_spans, st.booleans(), st.booleans())  # When; whether approved; whether ended.


@pytest.fixture
def written(database_urls: DatabaseUrls, firm: Firm) -> Callable[[list[tuple[object, list[object]]]], None]:
    """Puts limits with their overrides on the desk, in the place of those that were there."""

    def write(told: list[tuple[object, list[object]]]) -> None:
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute("DELETE FROM limits.overrides")
            connection.execute("DELETE FROM limits.limits")
            for number, (span, overridden) in enumerate(told):
                _write_limit(connection, firm, number, span, overridden)  # type: ignore[arg-type]  # As drawn.

    return write


def _write_limit(
    connection: psycopg.Connection[tuple[object, ...]],
    firm: Firm,
    number: int,
    span: tuple[datetime | None, datetime | None],
    overridden: list[tuple[tuple[datetime, datetime], bool, bool]],
) -> None:
    limit_id = uuid.uuid4()
    connection.execute(
        "INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, value, created_by,"
        " valid_from, valid_until) VALUES (%s, %s, %s, 'MAX_ORDER_QTY', '*', %s, 'test', %s, %s)",
        (limit_id, firm.tenant_id, firm.desk, Decimal(number), *span),
    )
    for position, ((starts_at, ends_at), is_approved, is_ended) in enumerate(overridden):
        approved_at = NOW + timedelta(seconds=position) if is_approved else None
        connection.execute(
            "INSERT INTO limits.overrides (override_id, tenant_id, limit_id, value, starts_at, ends_at, reason,"
            " requested_by, requested_at, approved_by, approved_at, ended_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, 'r', 'one', %s, %s, %s, %s)",
            (uuid.uuid4(), firm.tenant_id, limit_id, Decimal(1000 + position), starts_at, ends_at, NOW,
             "two" if is_approved else None, approved_at, NOW if is_ended else None),
        )  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(st.tuples(spans, st.lists(settled_overrides, max_size=3)), max_size=4))
def test_what_holds_at_a_moment_is_what_the_statements_of_the_views_say(
    told: list[tuple[object, list[object]]],
    written: Callable[[list[tuple[object, list[object]]]], None],
    database_urls: DatabaseUrls,
    firm: Firm,
) -> None:
    written(told)
    database, order = database_of(database_urls.functions), order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        for at in [MOMENTS[0] - timedelta(microseconds=1), *MOMENTS]:
            (viewed,) = tx.limits.scopes_at(at, [firm.desk])
            ladder = tx.ladders.lock(firm.path, None, order.terms, order_id=order.order_id, at=at)
            judged = {limit.limit_id: limit for limit in ladder.scopes[1].limits}
            assert judged == {limit.limit_id: limit for limit in viewed.limits}
    database.close()
