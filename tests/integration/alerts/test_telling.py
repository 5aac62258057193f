"""Who is told of an alert, with which others, and who is not: on a clock that the test holds."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from breakwater.db.alert_groups import KEPT
from breakwater.db.alert_routing import SlackChannel
from breakwater.db.alerts import Alert
from breakwater.db.connection import Database
from breakwater.domain.alert_groups import FLAP_PERIOD, WAIT
from breakwater.domain.alert_groups import WINDOW_AT_ONCE as WINDOW
from breakwater.domain.rota import Rota
from breakwater.errors import Unavailable
from breakwater.services.acknowledgements import take_up
from breakwater.services.alert_deliveries import HELD_BACK
from breakwater.services.alert_messages import mail_text, subject
from breakwater.services.alert_sending import ATTEMPTS_MAX, CLAIMED_FOR, DISABLED, RETRY_AFTER_S, NotTaken
from breakwater.services.alert_telling import BEGINS_TO_FLAP, GOES_ON, told_before
from tests.conftest import DatabaseUrls
from tests.integration.alerts.telling import Platform
from tests.integration.alerts.test_alerts import database

__all__ = ["database"]  # A fixture.
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)  # A Monday.
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def platform(database: Database) -> Platform:
    return Platform(database)


def test_an_alert_goes_to_the_roles_of_its_category_each_in_a_mail_of_his_own(platform: Platform) -> None:
    for role in ("risk_manager", "organisation_admin", "trader", "system_admin"):
        platform.person(role)
    _, told = platform.raise_alert(NOW)
    assert [each.due_at for each in told.due] == [NOW, NOW], "a risk waits for nobody"
    assert platform.send(told.due, NOW) == [None, None]
    assert all(len(parcel.destinations) == 1 for parcel in platform.outgoing.parcels)
    told_to = {parcel.destinations[0].partition("-")[0] for parcel in platform.outgoing.parcels}
    assert told_to == {"organisation", "risk"}


def test_the_accounts_own_users_hear_of_it(platform: Platform) -> None:
    trader, account_id = platform.person("trader"), uuid.uuid4()
    other = platform.person("trader")
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.connection.execute(
            "INSERT INTO identity.accounts (account_id, tenant_id, name, kind) VALUES (%s, %s, 'a', 'PAPER')",
            (account_id, platform.tenant_id),
        )
        tx.identity.grant_account(trader, account_id)
    _, told = platform.raise_alert(NOW, category="TRADE_FAILURE", account_id=account_id)
    assert {each.user_id for each in told.due} == {trader}
    assert other not in {each.user_id for each in told.due}


def test_what_would_reach_nobody_reaches_the_administrators(platform: Platform) -> None:
    admin = platform.person("organisation_admin")
    _, told = platform.raise_alert(NOW, category="MARKET_DATA", severity="CRITICAL")
    assert {each.user_id for each in told.due} == {admin}


def test_the_first_of_a_group_speaks_for_all_that_come_before_its_message(platform: Platform) -> None:
    platform.person("risk_manager")
    first, told = platform.raise_alert(NOW)
    followers = [platform.raise_alert(NOW + SECOND) for _ in range(9)]
    assert all(not each.due and not each.escalates for _, each in followers)
    assert told.escalates
    [kept] = platform.deliveries(followers[-1][0])
    assert (kept.state, kept.reason) == ("SUPPRESSED", f"gathered in the message of alert {first.alert_id}")
    platform.send(told.due, NOW + SECOND)
    [parcel] = platform.outgoing.parcels
    assert parcel.count == 10
    assert subject(parcel) == "ERROR: Desk A is SUSPENDED (10 times)"
    assert "10 alerts of this kind" in mail_text(parcel)


def test_what_comes_behind_the_message_is_one_summary_at_the_windows_end(platform: Platform) -> None:
    platform.person("risk_manager")
    _, told = platform.raise_alert(NOW)
    platform.send(told.due, NOW)
    _, summary = platform.raise_alert(NOW + SECOND)
    for second in range(50):
        assert not platform.raise_alert(NOW + (second + 2) * SECOND)[1].due
    assert [(each.due_at, each.reason) for each in summary.due] == [(NOW + WINDOW, GOES_ON)]
    assert not summary.escalates, "the first one does, until somebody acknowledges it"
    assert platform.send(summary.due, NOW + SECOND) == [NOW + WINDOW]
    platform.send(summary.due, NOW + WINDOW)
    assert [each.count for each in platform.outgoing.parcels] == [1, 51]
    assert mail_text(platform.outgoing.parcels[1]).startswith("It goes on")
    _, third = platform.raise_alert(NOW + WINDOW + SECOND)
    assert [each.due_at for each in third.due] == [NOW + 3 * WINDOW], "the longer it goes on, the less is said"
    platform.send(third.due, NOW + 3 * WINDOW)
    _, after = platform.raise_alert(NOW + 7 * WINDOW)
    assert [each.due_at for each in after.due] == [NOW + 7 * WINDOW], "that is another time"
    assert after.escalates


def test_a_group_that_goes_on_after_it_was_acknowledged_escalates_again(platform: Platform) -> None:
    platform.person("risk_manager")
    alert, told = platform.raise_alert(NOW)
    platform.send(told.due, NOW)
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.connection.execute(
            "UPDATE alerts.alerts SET acknowledged_at = %s, acknowledged_by = 'risk', acknowledged_via = 'API'"
            " WHERE alert_id = %s",
            (NOW, alert.alert_id),
        )
    assert platform.raise_alert(NOW + SECOND)[1].escalates


def test_what_is_no_risk_waits_for_others_within_the_minute(platform: Platform) -> None:
    platform.person("organisation_admin")
    _, told = platform.raise_alert(NOW, category="GOVERNANCE", severity="WARNING")
    assert [each.due_at - NOW for each in told.due] == [WAIT]
    assert WAIT < MINUTE - 10 * SECOND
    _, worse = platform.raise_alert(NOW + SECOND, category="GOVERNANCE", severity="CRITICAL")
    assert [each.due_at for each in worse.due] == [NOW + SECOND], "it is in no mild one's shadow"


def test_ten_consumers_at_once_make_one_message_of_a_group(platform: Platform, database_urls: DatabaseUrls) -> None:
    platform.person("risk_manager")

    def consume(_: int) -> int:
        own = Database(lambda: database_urls.functions)
        try:
            return sum(len(platform.raise_alert(NOW, own)[1].due) for _ in range(10))
        finally:
            own.close()

    with ThreadPoolExecutor(10) as consumers:
        assert sum(consumers.map(consume, range(10))) == 1
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        rows = tx.alerts.page(None, before=None, limit=200)
    [leader] = [each for each in rows if each.gathered_in is None]
    platform.send(platform.deliveries(leader), NOW)
    assert [each.count for each in platform.outgoing.parcels] == [100]


def test_a_message_that_nobody_took_does_not_keep_later_ones_from_being_told(platform: Platform) -> None:
    platform.person("risk_manager")
    platform.raise_alert(NOW)
    assert not platform.raise_alert(NOW + WINDOW - SECOND)[1].due
    assert platform.raise_alert(NOW + WINDOW)[1].due


def test_an_event_that_comes_again_has_what_is_due_sent_again_and_nothing_planned(platform: Platform) -> None:
    platform.person("risk_manager")
    alert, told = platform.raise_alert(NOW)
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        again = told_before(alert, tx)
    assert (again.due, again.escalates) == (told.due, True)
    platform.send(told.due, NOW)
    platform.send(told.due, NOW)  # The message came twice.
    assert len(platform.outgoing.parcels) == 1
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        assert told_before(alert, tx).due == []


NIGHT = {
    "time_zone": "Europe/Berlin",
    "quiet_from": time(22),
    "quiet_until": time(7),
    "quiet_days": [1, 2, 3, 4, 5, 6, 7],
}


def test_quiet_hours_hold_back_all_but_what_is_critical_and_end_with_one_message(platform: Platform) -> None:
    platform.person("risk_manager", phone="+4915112345678", **NIGHT)
    night = datetime(2026, 11, 30, 23, tzinfo=UTC)  # Midnight in Berlin.
    morning = datetime(2026, 12, 1, 6, tzinfo=UTC)
    held = [platform.raise_alert(night, group_key=f"NODE_STATE/{each}")[1].due for each in range(3)]
    assert [(each.due_at, each.reason) for [each] in held] == [(morning, HELD_BACK)] * 3
    _, critical = platform.raise_alert(night, severity="CRITICAL")
    assert {(each.channel, each.due_at) for each in critical.due} == {("EMAIL", night), ("SMS", night)}
    assert platform.send(held[0], night) == [morning]
    for due in held:
        platform.send(due, morning)
    [parcel] = platform.outgoing.parcels
    assert len(parcel.alerts) == 3
    assert subject(parcel) == "ERROR: 3 alerts, held back by quiet hours"
    for alert in parcel.alerts:
        assert str(alert.alert_id) in mail_text(parcel)
        assert [each.state for each in platform.deliveries(alert)] == ["SENT"]


def test_whoever_is_on_call_has_no_quiet_hours_for_what_goes_to_him_as_such(platform: Platform) -> None:
    night = datetime(2026, 11, 30, 23, tzinfo=UTC)
    morning = datetime(2026, 12, 1, 6, tzinfo=UTC)
    user_id = platform.person("risk_manager", **NIGHT)
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.rotas.set(Rota((user_id,), night.date(), time(0), "UTC", 7))
    _, venue = platform.raise_alert(night, category="VENUE", group_key="VENUE_STATE/BINANCE")
    assert {each.due_at - night < MINUTE for each in venue.due if each.user_id == user_id} == {True}
    _, risk = platform.raise_alert(night)  # It concerns him as a risk manager alone.
    assert {each.due_at for each in risk.due if each.user_id == user_id} == {morning}


def suppress(platform: Platform, *, includes_critical: bool = False) -> None:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.connection.execute(
            "INSERT INTO alerts.suppressions (suppression_id, tenant_id, category, includes_critical, starts_at,"
            " ends_at, reason, created_by, created_at) VALUES (%s, %s, 'RISK', %s, %s, %s, 'maintenance', 'risk', %s)",
            (uuid.uuid4(), platform.tenant_id, includes_critical, NOW, NOW + MINUTE, NOW),
        )


def test_in_a_suppression_nobody_is_told_and_the_history_says_why(platform: Platform) -> None:
    platform.person("risk_manager")
    suppress(platform)
    alert, told = platform.raise_alert(NOW)
    assert (told.due, told.escalates) == ([], False)
    assert [(each.state, each.reason) for each in platform.deliveries(alert)] == [
        ("SUPPRESSED", "suppressed by risk: maintenance")
    ]
    assert platform.raise_alert(NOW, severity="CRITICAL")[1].due
    assert platform.raise_alert(NOW, category="RECONCILIATION", group_key="EXTERNAL_FILL/x")[1].due
    assert platform.raise_alert(NOW + MINUTE)[1].due, "it is over"


def test_a_suppression_may_include_what_is_critical(platform: Platform) -> None:
    platform.person("risk_manager")
    suppress(platform, includes_critical=True)
    assert platform.raise_alert(NOW, severity="CRITICAL")[1].due == []


def test_a_group_that_goes_up_and_down_is_told_once_as_that(platform: Platform) -> None:
    platform.person("risk_manager")
    notes = []
    for step in range(14):
        severity = "WARNING" if step % 2 else "INFO"
        alert, told = platform.raise_alert(NOW + step * 10 * SECOND, severity=severity)
        platform.send(told.due, NOW + step * 10 * SECOND)
        notes += [(each.state, each.reason) for each in platform.deliveries(alert)]
    assert notes.count(("SENT", BEGINS_TO_FLAP)) + notes.count(("DUE", BEGINS_TO_FLAP)) <= 1
    assert notes[-1][0] == "SUPPRESSED"
    assert "up and down" in str(notes[-1][1])
    assert platform.raise_alert(NOW + 3 * MINUTE, severity="CRITICAL")[1].due, "that is told whatever flaps"
    assert platform.raise_alert(NOW + 3 * FLAP_PERIOD, severity="WARNING")[1].due, "it is calm by then"


def test_what_is_known_of_the_turns_of_a_group_is_forgotten_a_day_after_its_last_alert(platform: Platform) -> None:
    def known() -> list[str]:
        with platform.database.tenant_transaction(platform.tenant_id) as tx:
            return [key for key in ("old", "steady", "new") if tx.alert_groups.turns(key) is not None]

    other = Platform(platform.database)
    other.raise_alert(NOW, group_key="old")
    platform.raise_alert(NOW, group_key="old")
    platform.raise_alert(NOW, group_key="steady")
    platform.raise_alert(NOW + SECOND, group_key="steady")  # It has not turned, and is heard of.
    platform.raise_alert(NOW + KEPT, group_key="new")
    assert known() == ["old", "steady", "new"]
    platform.raise_alert(NOW + KEPT + SECOND, group_key="new")
    assert known() == ["steady", "new"]
    with other.database.tenant_transaction(other.tenant_id) as tx:
        assert tx.alert_groups.turns("old") is not None, "each organisation's goes with its own alerts"


def test_what_may_pass_is_tried_again_later_each_time_and_then_told_as_a_failure(platform: Platform) -> None:
    platform.person("risk_manager")
    alert, told = platform.raise_alert(NOW)
    platform.outgoing.failure, at = Unavailable("SNS was not reached"), NOW
    for seconds in RETRY_AFTER_S:
        [again_at] = platform.send(told.due, at)
        assert again_at == at + timedelta(seconds=seconds)
        assert platform.send(told.due, at) == [again_at], "another message of it does not hurry it"
        at = again_at
    assert platform.failures() == []
    assert platform.send(told.due, at) == [None]
    [kept] = platform.deliveries(alert)
    assert (kept.state, kept.reason, kept.attempts) == ("FAILED", "SNS was not reached", 5)
    [failure] = platform.failures()
    assert (failure["alert_id"], failure["channel"], failure["attempts"]) == (str(alert.alert_id), "EMAIL", 5)


def test_what_is_refused_is_not_tried_again(platform: Platform) -> None:
    platform.person("risk_manager")
    alert, told = platform.raise_alert(NOW)
    platform.outgoing.failure = NotTaken("SNS refused it: InvalidParameter")
    assert platform.send(told.due, NOW) == [None]
    assert [each.state for each in platform.deliveries(alert)] == ["FAILED"]
    assert len(platform.failures()) == 1


def test_that_a_failure_could_not_be_told_is_not_told(platform: Platform) -> None:
    platform.person("organisation_admin")
    alert, told = platform.raise_alert(NOW, category="COMMUNICATION", severity="CRITICAL")
    platform.outgoing.failure = NotTaken("no")
    platform.send(told.due, NOW)
    assert [each.state for each in platform.deliveries(alert)] == ["FAILED"]
    assert platform.failures() == []


def test_a_way_that_this_platform_has_not_fails_at_once(platform: Platform) -> None:
    platform.person("risk_manager", telegram_chat_id=uuid.uuid4().int % 2**40)
    _, told = platform.raise_alert(NOW)
    assert platform.send(told.due, NOW, "EMAIL") == [None, None]
    assert [each["reason"] for each in platform.failures()] == ["this platform sends nothing by TELEGRAM"]


def test_while_one_sends_another_waits_and_goes_on_if_the_first_has_died(platform: Platform) -> None:
    platform.person("risk_manager")
    alert, told = platform.raise_alert(NOW)
    platform.outgoing.failure = ZeroDivisionError()  # type: ignore[assignment]  # As a process that is killed.
    with pytest.raises(ZeroDivisionError):
        platform.send(told.due, NOW)
    platform.outgoing.failure = None
    assert platform.send(told.due, NOW + SECOND) == [NOW + CLAIMED_FOR]
    assert platform.send(told.due, NOW + CLAIMED_FOR) == [None]
    assert [each.state for each in platform.deliveries(alert)] == ["SENT"]


def test_slack_channels_are_told_of_their_categories(platform: Platform) -> None:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        for name, categories in (("all", []), ("risk", ["RISK"]), ("venues", ["VENUE"])):
            tx.alert_routing.add_slack_channel(
                SlackChannel(uuid.uuid4(), name, categories, "admin", NOW),  # type: ignore[arg-type]
                b"sealed",
            )
    _, told = platform.raise_alert(NOW)
    assert [(each.channel, each.destination) for each in told.due] == [("SLACK", "all"), ("SLACK", "risk")]
    platform.send(told.due, NOW)
    assert [each.hook is not None for each in platform.outgoing.parcels] == [True, True]


def escalated(platform: Platform, alert: Alert) -> str | None:
    """How its escalation stands: None for none."""
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        found = tx.escalations.find(alert.alert_id)
    return None if found is None else found.outcome or "UNDER_WAY"


def test_what_is_over_ends_the_escalation_and_when_it_comes_again_another_begins(platform: Platform) -> None:
    platform.person("system_admin")
    health: dict[str, Any] = {"kind": "HEALTH", "category": "SYSTEM", "group_key": "HEALTH/engine"}
    first, told = platform.raise_alert(NOW, severity="CRITICAL", **health)
    platform.send(told.due, NOW)
    platform.raise_alert(NOW + SECOND, severity="INFO", **health)
    assert escalated(platform, first) == "RESOLVED"
    again, told = platform.raise_alert(NOW + 2 * SECOND, severity="CRITICAL", **health)
    assert told.escalates
    assert escalated(platform, again) == "UNDER_WAY"


def test_what_is_gathered_behind_an_acknowledgement_escalates_by_itself(platform: Platform) -> None:
    platform.person("organisation_admin")
    governance: dict[str, Any] = {"category": "GOVERNANCE", "severity": "WARNING"}
    first, _ = platform.raise_alert(NOW, **governance)
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        take_up(first, "admin", "API", tx, NOW)
    gathered, told = platform.raise_alert(NOW + SECOND, **governance)
    assert (told.due, escalated(platform, gathered)) == ([], "UNDER_WAY")
    later, _ = platform.raise_alert(NOW + 2 * SECOND, **governance)
    assert escalated(platform, later) is None, "one does for all that follow"


def test_a_message_whose_sender_breaks_each_time_is_not_sent_for_ever(platform: Platform) -> None:
    platform.person("risk_manager")
    alert, told = platform.raise_alert(NOW)
    platform.outgoing.failure, at = ZeroDivisionError(), NOW  # type: ignore[assignment]
    for _ in range(ATTEMPTS_MAX):
        with pytest.raises(ZeroDivisionError):
            platform.send(told.due, at)
        at += CLAIMED_FOR
    platform.outgoing.failure = None
    assert platform.send(told.due, at) == [None]
    assert platform.outgoing.parcels == []
    assert [each.state for each in platform.deliveries(alert)] == ["FAILED"]
    assert len(platform.failures()) == 1


def test_whoever_was_disabled_meanwhile_is_not_told(platform: Platform) -> None:
    gone, _ = platform.person("risk_manager", phone="+4915112345678", **NIGHT), platform.person("risk_manager")
    night, morning = datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 1, 6, tzinfo=UTC)
    held, told = platform.raise_alert(night)
    woken, critical = platform.raise_alert(night, severity="CRITICAL")
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.people.set_disabled(gone, is_disabled=True)
    platform.send([*told.due, *critical.due], morning)
    for alert in (held, woken):
        states = {(each.state, each.reason) for each in platform.deliveries(alert) if each.user_id == gone}
        assert states == {("SUPPRESSED", DISABLED)}
    assert [len(parcel.destinations) for parcel in platform.outgoing.parcels] == [1, 1]


def test_a_group_does_not_begin_to_flap_with_what_nobody_is_told_of(platform: Platform) -> None:
    platform.person("risk_manager")
    ups_and_downs = ["WARNING", "ERROR", "WARNING", "ERROR", "WARNING", "ERROR", "INFO", "ERROR"]
    found = [platform.raise_alert(NOW + n * SECOND, severity=each)[1] for n, each in enumerate(ups_and_downs)]
    assert [each.reason for each in found[-1].due] == [BEGINS_TO_FLAP]
