"""Daily limits count by the clock of each node: time zone and session start, worked out by Postgres."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import available_timezones

import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.domain.orders import OrdStatus
from breakwater.domain.permissions import Caller
from breakwater.errors import InvalidRequest
from breakwater.services.limits import settle
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import Firm, order_of, reserve_and_record, set_reference, snapshot_of
from tests.integration.limits.people import change, exposure_at, limit, node, refused_by


def at_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def session_day(tx: TenantTransaction, node_id: uuid.UUID, at: datetime) -> date:
    found = tx.limits.node(node_id, at)
    assert found is not None
    return found.session_day


@pytest.fixture
def desks(tx: TenantTransaction, firm: Firm, risk: Caller) -> tuple[uuid.UUID, uuid.UUID]:
    """Tokyo with the first account, from midnight on; New York with the second, from five in the afternoon on."""
    tokyo, new_york = node(tx, risk, firm.firm, "DESK", "Tokyo"), node(tx, risk, firm.firm, "DESK", "New York")
    for account, desk in zip(firm.account_nodes, (tokyo, new_york), strict=True):
        change(tx, risk, account, parent_id=desk)
    change(tx, risk, tokyo, time_zone="Asia/Tokyo")
    change(tx, risk, new_york, time_zone="America/New_York", session_start="17:00")
    return tokyo, new_york


@pytest.mark.parametrize(
    ("time_zone", "start", "at", "day"),
    [
        ("UTC", "00:00", "2026-03-02T23:59:59.999999", "2026-03-02"),
        ("UTC", "00:00", "2026-03-03T00:00:00", "2026-03-03"),
        ("Asia/Tokyo", "00:00", "2026-03-02T14:59:59.999999", "2026-03-02"),
        ("Asia/Tokyo", "00:00", "2026-03-02T15:00:00", "2026-03-03"),
        # A session is named by the day it begins on.
        ("UTC", "22:00", "2026-03-02T21:59:59", "2026-03-01"),
        ("UTC", "22:00", "2026-03-02T22:00:00", "2026-03-02"),
        # New York is five hours behind until 8 March 2026 and four from then on; the session begins at 17:00 there.
        ("America/New_York", "17:00", "2026-03-06T21:59:59", "2026-03-05"),
        ("America/New_York", "17:00", "2026-03-06T22:00:00", "2026-03-06"),
        ("America/New_York", "17:00", "2026-03-09T20:59:59", "2026-03-08"),
        ("America/New_York", "17:00", "2026-03-09T21:00:00", "2026-03-09"),
        # Berlin goes over to summer time in the night of 29 March: that day has 23 hours.
        ("Europe/Berlin", "00:00", "2026-03-28T22:59:59", "2026-03-28"),
        ("Europe/Berlin", "00:00", "2026-03-28T23:00:00", "2026-03-29"),
        ("Europe/Berlin", "00:00", "2026-03-29T21:59:59", "2026-03-29"),
        ("Europe/Berlin", "00:00", "2026-03-29T22:00:00", "2026-03-30"),
        # And back in the night of 25 October, which has 25.
        ("Europe/Berlin", "00:00", "2026-10-25T22:59:59", "2026-10-25"),
        ("Europe/Berlin", "00:00", "2026-10-25T23:00:00", "2026-10-26"),
    ],
)
def test_a_session_day_begins_by_the_nodes_own_clock(
    tx: TenantTransaction, firm: Firm, risk: Caller, *, time_zone: str, start: str, at: str, day: str
) -> None:
    change(tx, risk, firm.desk, time_zone=time_zone, session_start=start)
    for node_id in firm.path[1:]:  # It is that of all nodes below as well.
        assert session_day(tx, node_id, at_time(at)) == date.fromisoformat(day)
    assert session_day(tx, firm.firm, at_time(at)) == at_time(at).date()


def test_each_desk_counts_the_orders_and_the_turnover_of_its_own_day(
    tx: TenantTransaction,
    firm: Firm,
    risk: Caller,
    desks: tuple[uuid.UUID, uuid.UUID],
    database_urls: DatabaseUrls,
) -> None:
    tokyo, new_york = desks
    for desk in desks:
        limit(tx, risk, desk, "DAILY_ORDER_COUNT", "1")
    limit(tx, risk, firm.firm, "DAILY_ORDER_COUNT", "4")

    def refusals(text: str, account: int) -> list[str]:
        at = at_time(text)
        set_reference(database_urls.admin, Decimal(2000), at)
        return refused_by(tx, order_of(firm, quantity="0.01", account=account, at=at))

    assert refusals("2026-03-02T14:59:00", 0) == []
    assert refusals("2026-03-02T14:59:30", 0) == ["DAILY_ORDER_COUNT"]
    assert refusals("2026-03-02T15:00:00", 0) == []  # Midnight in Tokyo.
    assert refusals("2026-03-02T15:00:01", 1) == []
    assert refusals("2026-03-02T21:59:59", 1) == ["DAILY_ORDER_COUNT"]
    assert refusals("2026-03-02T22:00:00", 1) == []  # Five in the afternoon in New York.
    assert exposure_at(tx, firm.firm, at_time("2026-03-02T22:00:00")).session_order_count == 4
    assert refusals("2026-03-02T23:00:00", 0) == ["DAILY_ORDER_COUNT", "DAILY_ORDER_COUNT"]
    assert refusals("2026-03-03T00:00:00", 0) == ["DAILY_ORDER_COUNT"]  # The firm's day is new, and Tokyo's is not.
    assert [exposure_at(tx, desk).session_date.isoformat() for desk in (tokyo, new_york)] == [
        "2026-03-03",
        "2026-03-02",
    ]


def test_a_fill_counts_on_the_day_of_each_node_above_it(
    tx: TenantTransaction,
    firm: Firm,
    risk: Caller,
    desks: tuple[uuid.UUID, uuid.UUID],
    database_urls: DatabaseUrls,
) -> None:
    tokyo, _ = desks
    before, after = at_time("2026-03-02T14:30:00"), at_time("2026-03-02T15:30:00")
    set_reference(database_urls.admin, Decimal(2000), before)
    early, late = order_of(firm, at=before), order_of(firm, at=before)
    for order in (early, late):
        reserve_and_record(tx, order)
    settle(tx, snapshot_of(early, 1, OrdStatus.FILLED, "1", at=before))
    settle(tx, snapshot_of(late, 1, OrdStatus.FILLED, "1", "1990", at=after))
    assert exposure_at(tx, firm.firm).traded_notional == 3990
    in_tokyo = exposure_at(tx, tokyo)
    assert (in_tokyo.traded_notional, in_tokyo.session_date) == (Decimal(1990), date(2026, 3, 3))
    assert tx.limits.ledger_differences() == []


def test_on_the_day_the_clock_goes_forward_the_daily_limit_begins_an_hour_earlier_in_utc(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls
) -> None:
    change(tx, risk, firm.desk, time_zone="America/New_York")
    limit(tx, risk, firm.desk, "DAILY_TRADED_NOTIONAL", "2000")
    outcomes = []
    for text in (
        "2026-03-07T05:00:00",  # Midnight of the 7th there.
        "2026-03-08T04:59:59",
        "2026-03-08T05:00:00",  # Midnight of the 8th, the last one at five.
        "2026-03-09T03:59:59",
        "2026-03-09T04:00:00",  # Midnight of the 9th.
    ):
        at = at_time(text)
        set_reference(database_urls.admin, Decimal(2000), at)
        order = order_of(firm, at=at)
        outcomes.append(refused_by(tx, order) == [])
        if outcomes[-1]:
            settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, "1", at=at))
    assert outcomes == [True, False, True, False, True]


def test_a_calendar_that_is_changed_backwards_forgets_nothing_of_the_day(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls
) -> None:
    at = at_time("2026-03-02T20:00:00")
    set_reference(database_urls.admin, Decimal(2000), at)
    change(tx, risk, firm.desk, time_zone="Asia/Tokyo", at=at)
    limit(tx, risk, firm.desk, "DAILY_ORDER_COUNT", "1", at=at)
    assert refused_by(tx, order_of(firm, at=at)) == []  # On the 3rd in Tokyo.
    change(tx, risk, firm.desk, time_zone="America/New_York", at=at)  # Where it is the 2nd still.
    assert refused_by(tx, order_of(firm, at=at)) == ["DAILY_ORDER_COUNT"]
    later = at + timedelta(days=2)
    set_reference(database_urls.admin, Decimal(2000), later)
    assert refused_by(tx, order_of(firm, at=later)) == []


@pytest.mark.parametrize("time_zone", ["Mars/Olympus", ""])
def test_a_time_zone_that_is_not_known_is_refused(
    tx: TenantTransaction, firm: Firm, risk: Caller, time_zone: str
) -> None:
    with pytest.raises(InvalidRequest):
        change(tx, risk, firm.desk, time_zone=time_zone)
    assert session_day(tx, firm.desk, at_time("2026-03-02T23:59:59")) == date(2026, 3, 2)


@pytest.mark.parametrize("session_start", ["24:00", "9:00", "09:60", "noon", ""])
def test_a_session_start_is_a_time_of_day(tx: TenantTransaction, firm: Firm, risk: Caller, session_start: str) -> None:
    with pytest.raises(ValueError, match="session_start"):
        change(tx, risk, firm.desk, session_start=session_start)


def test_a_time_zone_is_one_that_python_and_postgres_both_know(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    in_postgres = {row[0] for row in tx.connection.execute("SELECT name FROM pg_timezone_names").fetchall()}
    assert len(in_postgres & available_timezones()) > 400
    for zone in [*sorted(in_postgres ^ available_timezones())[:20], "localtime"]:
        with pytest.raises(InvalidRequest):
            change(tx, risk, firm.desk, time_zone=zone)
    assert session_day(tx, firm.desk, at_time("2026-03-02T23:59:59")) == date(2026, 3, 2)
