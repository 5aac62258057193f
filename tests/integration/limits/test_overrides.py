"""Another value for a limit, for a while: asked for by one, approved by another, and over by itself."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.domain.orders import Side
from breakwater.domain.permissions import Caller
from breakwater.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from breakwater.services import limit_settings, limit_tree, overrides
from breakwater.services.alerts import alert_of
from breakwater.services.limits import read_ladder
from events.envelope import Envelope
from events.limits import OverrideChanged, OverrideOfParametersChanged
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, order_of, set_reference
from tests.integration.limits.people import events_of, limit, override, refused_by, risk_manager

MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def ada(firm: Firm) -> Caller:
    """The other one, who approves."""
    return risk_manager(firm, "ada")


@pytest.fixture
def limit_id(tx: TenantTransaction, firm: Firm, risk: Caller) -> str:
    """Of a desk's largest order of one unit."""
    return limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1")["limit_id"]


def approve(tx: TenantTransaction, by: Caller, told: Any, at: datetime = NOW) -> Any:
    return overrides.approve_override(uuid.UUID(told["override_id"]), by, tx, at)


def end(tx: TenantTransaction, by: Caller, told: Any, at: datetime = NOW) -> Any:
    return overrides.end_override(uuid.UUID(told["override_id"]), by, tx, at)


type Largest = Callable[[datetime], Decimal | None]


@pytest.fixture
def largest(tx: TenantTransaction, firm: Firm, database_urls: DatabaseUrls) -> Largest:
    """What of 100 units passes at that moment; nothing is reserved. None: all of it."""

    def ask(at: datetime) -> Decimal | None:
        set_reference(database_urls.admin, Decimal(2000), at)
        found = limit_tree.validate(order_of(firm, quantity="100").terms, risk_manager(firm), tx, at)
        return None if found["passes"] else Decimal(found["largest_passing_quantity"] or 0)

    return ask


def test_it_counts_from_its_approval_by_another_person_until_its_end(
    tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str, largest: Largest
) -> None:
    told = override(tx, risk, limit_id, "5", minutes=60)
    assert told["state"] == "REQUESTED"
    assert largest(NOW) == 1
    assert approve(tx, ada, told)["state"] == "ACTIVE"
    for at, quantity in (
        (NOW, 5),
        (NOW + 60 * MINUTE - MICROSECOND, 5),
        (NOW + 60 * MINUTE, 1),  # Nobody had to end it.
    ):
        assert largest(at) == quantity
    listed = overrides.list_overrides(risk, tx, NOW + 60 * MINUTE, open_only=False)["items"]
    assert [each["state"] for each in listed] == ["ENDED"]


def test_whoever_asked_for_it_cannot_approve_it(
    tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str, largest: Largest
) -> None:
    told = override(tx, risk, limit_id, "5")
    for nobody in (risk, replace(ada, api_key_id="key")):  # A key is no second person.
        with pytest.raises(NotPermitted):
            approve(tx, nobody, told)
    assert largest(NOW) == 1
    # And not even the database would take it.
    with pytest.raises(psycopg.errors.CheckViolation), tx.connection.transaction():
        tx.limit_settings.approve_override(uuid.UUID(told["override_id"]), "risk", NOW)


def test_it_does_not_count_before_it_starts(
    tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str, largest: Largest
) -> None:
    told = override(tx, risk, limit_id, "5", starts_at=NOW + 10 * MINUTE)
    assert approve(tx, ada, told)["state"] == "APPROVED"
    for at, quantity in ((NOW + 10 * MINUTE - MICROSECOND, 1), (NOW + 10 * MINUTE, 5)):
        assert largest(at) == quantity


def test_it_may_be_tighter_and_what_it_holds_is_shown_with_the_limit(
    tx: TenantTransaction, firm: Firm, ada: Caller, limit_id: str, largest: Largest
) -> None:
    risk = risk_manager(firm)
    told = override(tx, risk, limit_id, "0.25")
    approve(tx, ada, told)
    assert largest(NOW) == Decimal("0.25")
    (item,) = limit_tree.usage(firm.desk, risk, tx, NOW)["items"]
    assert (item["value"], item["override_id"]) == ("0.25", told["override_id"])
    assert refused_by(tx, order_of(firm, quantity="0.2501")) == ["MAX_ORDER_QTY"]


def test_it_can_be_ended_early_and_taken_back_before_it_was_approved(
    tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str, largest: Largest
) -> None:
    told = override(tx, risk, limit_id, "5")
    approve(tx, ada, told)
    assert end(tx, risk, told, NOW + MINUTE)["state"] == "ENDED"
    assert largest(NOW + MINUTE) == 1
    assert end(tx, ada, told, NOW + 2 * MINUTE)["ended_by"] == "risk"  # Ending what has ended changes nothing.
    back = override(tx, risk, limit_id, "5")
    end(tx, risk, back)
    with pytest.raises(InvalidRequest):
        approve(tx, ada, back)
    assert largest(NOW) == 1


def test_it_ends_with_its_limit(tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str) -> None:
    for value in ("5", "6"):
        told = override(tx, risk, limit_id, value)
    approve(tx, ada, told)
    limit_settings.delete_limit(uuid.UUID(limit_id), ada, tx, NOW + MINUTE)
    items = overrides.list_overrides(risk, tx, NOW + MINUTE, open_only=False)["items"]
    assert [(each["state"], each["ended_by"]) for each in items] == [("ENDED", "ada")] * 2
    assert tx.watch.ended_overrides(NOW + timedelta(days=1)) == []


def test_it_is_approved_once_and_not_when_its_time_is_over(
    tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str
) -> None:
    told = override(tx, risk, limit_id, "5", minutes=1)
    with pytest.raises(InvalidRequest, match="ENDED"):
        approve(tx, ada, told, NOW + MINUTE)
    approve(tx, ada, told, NOW + MINUTE - MICROSECOND)
    with pytest.raises(InvalidRequest, match="ACTIVE"):
        approve(tx, ada, told, NOW + MINUTE - MICROSECOND)


def test_of_two_that_overlap_the_one_approved_last_counts(
    tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str, largest: Largest
) -> None:
    first, second = override(tx, risk, limit_id, "5"), override(tx, risk, limit_id, "3", minutes=10)
    approve(tx, ada, first)
    approve(tx, ada, second, NOW + MICROSECOND)
    for at, quantity in ((NOW + MINUTE, 3), (NOW + 10 * MINUTE, 5), (NOW + 60 * MINUTE, 1)):
        assert largest(at) == quantity


def test_a_dead_mans_switch_waits_as_long_as_its_override_says(
    tx: TenantTransaction, firm: Firm, risk: Caller, ada: Caller
) -> None:
    account = firm.account_nodes[0]
    told = limit(tx, risk, account, "DEAD_MAN", "10")
    tx.limits.heartbeat(account, NOW)
    approve(tx, ada, override(tx, risk, told["limit_id"], "60"))
    assert tx.watch.silent_nodes(NOW + MINUTE) == []
    assert tx.watch.silent_nodes(NOW + MINUTE + MICROSECOND) == [account]


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        ("0", {}),  # MAX_ORDER_QTY takes no zero, and its overrides do not either.
        ("-1", {}),
        ("5", {"starts_at": NOW + 61 * MINUTE}),
        ("5", {"minutes": 0}),
        ("5", {"minutes": 7 * 24 * 60 + 1}),
    ],
)
def test_one_that_makes_no_sense_is_refused(
    tx: TenantTransaction, risk: Caller, limit_id: str, value: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        override(tx, risk, limit_id, value, **changes)
    assert overrides.list_overrides(risk, tx, NOW, open_only=False)["items"] == []


def test_it_lasts_seven_days_at_most(tx: TenantTransaction, risk: Caller, limit_id: str) -> None:
    assert override(tx, risk, limit_id, "5", minutes=7 * 24 * 60)["state"] == "REQUESTED"


def test_a_limit_without_a_value_takes_none_and_one_that_is_not_there_nothing(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    told = limit(tx, risk, firm.desk, "SHORT_SALE")
    with pytest.raises(InvalidRequest):
        override(tx, risk, told["limit_id"], "1")
    with pytest.raises(NotFound):
        override(tx, risk, str(uuid.uuid4()), "1")


type Passes = Callable[[datetime], bool]


@pytest.fixture
def passes(tx: TenantTransaction, firm: Firm, database_urls: DatabaseUrls) -> Passes:
    """Whether a sell of one unit that nobody holds would pass at that moment."""

    def ask(at: datetime) -> bool:
        set_reference(database_urls.admin, Decimal(2000), at)
        terms = order_of(firm, Side.SELL).terms
        return bool(limit_tree.validate(terms, risk_manager(firm), tx, at)["passes"])

    return ask


REFUSING: dict[str, dict[str, Any]] = {  # Each refuses a sell of ETH/USDT that nobody holds.
    "RESTRICTED_LIST": {"mode": "DENY", "symbols": ["ETH/USDT"]},
    "ORDER_PERMISSION": {"sides": ["BUY"]},
    "SHORT_SALE": {},
}
DENIED = REFUSING["RESTRICTED_LIST"]


@pytest.mark.parametrize("limit_type", REFUSING)
def test_a_limit_without_a_value_does_not_hold_while_an_override_exempts_from_it(
    tx: TenantTransaction, firm: Firm, risk: Caller, ada: Caller, passes: Passes, *, limit_type: str
) -> None:
    told = limit(tx, risk, firm.desk, limit_type, parameters=REFUSING[limit_type])
    asked = override(tx, risk, told["limit_id"], is_exempt=True, starts_at=NOW + MINUTE)
    assert not passes(NOW + MINUTE)  # It was not approved yet.
    assert approve(tx, ada, asked)["is_exempt"]
    for at, is_exempt in (
        (NOW + MINUTE - MICROSECOND, False),
        (NOW + MINUTE, True),
        (NOW + 60 * MINUTE - MICROSECOND, True),
        (NOW + 60 * MINUTE, False),  # Nobody had to end it.
    ):
        assert passes(at) is is_exempt
        usage = limit_tree.usage(firm.desk, risk, tx, at)
        shown = [[item["limit_type"] for item in usage[name]] for name in ("items", "planned")]
        assert shown == ([[], [limit_type]] if is_exempt else [[limit_type], []])  # It is there to be changed.


@pytest.mark.parametrize(
    ("limit_type", "other"),
    [
        ("RESTRICTED_LIST", {"mode": "DENY", "symbols": ["BTC/USDT"]}),
        ("ORDER_PERMISSION", {"sides": ["BUY", "SELL"]}),
        ("ORDER_PERMISSION", {"hours": {"days": ["MON"], "from": "12:00", "until": "13:30"}}),
    ],
)
def test_other_parameters_stand_in_the_place_of_those_that_were_set_for_its_time(
    tx: TenantTransaction,
    firm: Firm,
    risk: Caller,
    ada: Caller,
    passes: Passes,
    *,
    limit_type: str,
    other: dict[str, Any],
) -> None:
    told = limit(tx, risk, firm.desk, limit_type, parameters=REFUSING[limit_type])
    asked = override(tx, risk, told["limit_id"], parameters=other)
    assert (asked["value"], asked["parameters"], asked["set_parameters"]) == (None, other, REFUSING[limit_type])
    approve(tx, ada, asked)
    assert [passes(at) for at in (NOW, NOW + 60 * MINUTE - MICROSECOND, NOW + 60 * MINUTE)] == [True, True, False]
    (item,) = limit_tree.usage(firm.desk, risk, tx, NOW)["items"]
    assert (item["parameters"], item["set_parameters"]) == (other, REFUSING[limit_type])
    end(tx, risk, asked, NOW + MINUTE)
    assert not passes(NOW + MINUTE)


def test_of_a_limit_with_a_value_either_of_both_may_be_another(
    tx: TenantTransaction, firm: Firm, risk: Caller, ada: Caller
) -> None:
    told = limit(tx, risk, firm.desk, "DRAWDOWN", "100", parameters={"mode": "STATIC"})
    more: dict[str, Any]
    for more, value, parameters in (
        ({"parameters": {"mode": "END_OF_DAY"}}, "100", {"mode": "END_OF_DAY"}),
        ({"value": "150"}, "150", {"mode": "STATIC"}),
        ({"value": "200", "parameters": {}}, "200", {}),
    ):
        asked = override(tx, risk, told["limit_id"], **more)
        approve(tx, ada, asked)
        (item,) = limit_tree.usage(firm.desk, risk, tx, NOW)["items"]
        assert (item["value"], item["parameters"]) == (value, parameters)
        desk = read_ladder(tx, order_of(firm).terms, None, NOW).scopes[1]  # As orders see it.
        assert [(limit.value, limit.parameters) for limit in desk.limits] == [(Decimal(value), parameters)]
        end(tx, risk, asked)


@pytest.mark.parametrize(
    ("limit_type", "wrong", "field"),
    [
        ("SHORT_SALE", {}, "value"),
        ("SHORT_SALE", {"is_exempt": True, "value": "1"}, "is_exempt"),
        ("RESTRICTED_LIST", {"is_exempt": True, "parameters": DENIED}, "is_exempt"),
        ("RESTRICTED_LIST", {"parameters": {"mode": "ALLOW"}}, "parameters.symbols"),
        ("RESTRICTED_LIST", {"parameters": {"mode": "DENY", "symbols": ["NO/SUCH"]}}, "parameters.symbols"),
        ("ORDER_PERMISSION", {"parameters": {"venues": ["NOWHERE"]}}, "parameters.venues"),
        ("MAX_ORDER_QTY", {"is_exempt": True}, "is_exempt"),
        ("MAX_ORDER_QTY", {"parameters": {"window_s": 60}}, "parameters"),
    ],
)
def test_an_override_can_be_nothing_that_the_limit_could_not_be(
    tx: TenantTransaction, firm: Firm, risk: Caller, *, limit_type: str, wrong: dict[str, Any], field: str
) -> None:
    value = None if limit_type in REFUSING else "5"
    told = limit(tx, risk, firm.desk, limit_type, value, parameters=REFUSING.get(limit_type, {}))
    with pytest.raises(InvalidRequest) as refused:
        override(tx, risk, told["limit_id"], **wrong)
    assert refused.value.extensions["field"] == field
    assert overrides.list_overrides(risk, tx, NOW, open_only=False)["items"] == []


def test_what_the_limit_could_not_be_any_more_is_not_approved_and_may_be_again(
    tx: TenantTransaction, firm: Firm, risk: Caller, ada: Caller, database_urls: DatabaseUrls
) -> None:
    told = limit(tx, risk, firm.desk, "ORDER_PERMISSION", None, parameters={"venues": ["SIM"]})
    asked = override(tx, risk, told["limit_id"], parameters={"venues": ["SIM", "BOOK"]})
    with psycopg.connect(database_urls.admin) as admin:
        admin.execute("UPDATE market.venues SET is_enabled = false WHERE name = 'BOOK'")
    try:
        with pytest.raises(Conflict, match=r"venues are some of .* has changed since"):
            approve(tx, ada, asked)
        assert overrides.list_overrides(risk, tx, NOW, open_only=False)["items"][0]["state"] == "REQUESTED"
    finally:
        with psycopg.connect(database_urls.admin) as admin:
            admin.execute("UPDATE market.venues SET is_enabled = true WHERE name = 'BOOK'")
    assert approve(tx, ada, asked)["state"] == "ACTIVE"


def test_other_parameters_and_exemptions_are_told_in_version_2_and_are_alerts(
    tx: TenantTransaction, firm: Firm, risk: Caller, ada: Caller
) -> None:
    other = {"mode": "DENY", "symbols": ["BTC/USDT"]}
    told = limit(tx, risk, firm.desk, "RESTRICTED_LIST", parameters=DENIED)
    approve(tx, ada, override(tx, risk, told["limit_id"], parameters=other))
    override(tx, risk, told["limit_id"], is_exempt=True)
    assert events_of(tx, OverrideChanged.topic) == []
    events = events_of(tx, OverrideOfParametersChanged.topic)
    assert [(event["state"], event["value"], event["parameters"], event["is_exempt"]) for event in events] == [
        ("REQUESTED", None, other, False),
        ("APPROVED", None, other, False),
        ("REQUESTED", None, None, True),
    ]
    about: dict[str, Any] = {"tenant_id": firm.tenant_id, "account_id": None, "aggregate_id": firm.desk}
    about |= {"topic": OverrideOfParametersChanged.topic, "correlation_id": "c", "occurred_at_ns": 1}
    alerts = [alert_of(Envelope(event_id=uuid.uuid4(), payload=event, **about)) for event in events]
    assert [alert.severity for alert in alerts] == ["INFO", "WARNING", "INFO"]
    assert '"symbols": ["BTC/USDT"]' in alerts[1].body
    assert "the limit does not hold" in alerts[2].body


def test_they_are_told_in_pages_and_none_is_left_out(tx: TenantTransaction, risk: Caller, limit_id: str) -> None:
    asked = [override(tx, risk, limit_id, "5", at=NOW + MINUTE * (number // 2)) for number in range(5)]
    told, cursor = [], None
    for size in (2, 2, 1):
        page = overrides.list_overrides(risk, tx, NOW, open_only=True, cursor=cursor, limit=2)
        assert len(page["items"]) == size
        told += [each["override_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert sorted(told) == sorted(each["override_id"] for each in asked)
    assert told[0] == asked[4]["override_id"]  # The newest first.


def test_every_step_of_it_is_told_with_who_took_it(
    tx: TenantTransaction, risk: Caller, ada: Caller, limit_id: str
) -> None:
    told = override(tx, risk, limit_id, "5")
    approve(tx, ada, told)
    end(tx, ada, told)
    events = events_of(tx, OverrideChanged.topic)
    assert [(event["state"], event["requested_by"], event["changed_by"]) for event in events] == [
        ("REQUESTED", "risk", "risk"),
        ("APPROVED", "risk", "ada"),
        ("ENDED", "risk", "ada"),
    ]
    assert {(event["override_id"], event["reason"], event["value"]) for event in events} == {
        (told["override_id"], "r", "5")
    }
