"""Every cell of the severity matrix: the deployed machine under a fast clock, its steps on a real database.

Who was told by which way in which minute is compared with a table written by hand, whenever somebody acknowledges.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from breakwater.db.alerts import Alert
from breakwater.db.connection import Database
from breakwater.domain.alerting import CHANNELS_AT_ONCE, ROUTES, SEVERITIES, Severity
from breakwater.domain.permissions import SESSION_SCOPE, Principal
from breakwater.domain.rota import Rota
from breakwater.services import acknowledgements, escalation
from breakwater.services.alert_deliveries import plan_deliveries
from breakwater.services.alert_recipients import people_of
from tests.integration.alerts.one_alert import an_alert
from tests.integration.alerts.test_alerts import TENANT, database
from tests.simulation.escalation_machine import Clock, EscalationMachine, synthesized_definition
from tests.simulation.fault_matrix.state_machine import TaskFailed

__all__ = ["database"]  # A fixture.

T0 = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROLES = {
    "exec": "organisation_admin",
    "risk": "risk_manager",
    "head": "desk_head",
    "called": "trader",  # On call.
    "next": "trader",  # On call after him.
    "looks": "viewer",
}
type Told = set[tuple[int, str, str]]  # The minute, who, and by which way.


def told(minute: int, people: str, ways: str) -> Told:
    return {(minute, who, way) for who in people.split() for way in ways.split()}


# An alert about risk: for administrators and risk managers at once. By hand, stage by stage.
EXPECTED: dict[Severity, tuple[Told, Told, Told]] = {
    "INFO": (set(), set(), set()),
    "WARNING": (told(0, "exec risk", "EMAIL"), set(), set()),  # Slack at 15: a channel, which this firm has not.
    "ERROR": (
        told(0, "exec risk", "EMAIL TELEGRAM"),
        told(15, "head", "EMAIL TELEGRAM"),
        told(30, "exec risk head called", "SMS"),
    ),
    "CRITICAL": (
        told(0, "exec risk", "EMAIL SMS TELEGRAM"),
        told(15, "exec", "EMAIL SMS TELEGRAM"),
        told(30, "called head exec", "EMAIL SMS TELEGRAM"),
    ),
}
STAGES_OF: dict[Severity, list[tuple[int, list[str]]]] = {
    "INFO": [],
    "WARNING": [(15, ["SLACK"])],
    "ERROR": [(15, ["EMAIL", "PUSH", "SLACK", "TELEGRAM"]), (30, ["SMS"])],
    "CRITICAL": [(15, ["EMAIL", "PUSH", "SLACK", "SMS", "TELEGRAM"]), (30, ["EMAIL", "PUSH", "SMS", "TELEGRAM"])],
}
# When somebody acknowledges, and how many of the three columns were told by then.
ACKNOWLEDGED = {None: 3, 5: 1, 14: 1, 20: 2, 29: 2, 40: 3}


@pytest.fixture(scope="session")
def definition() -> dict[str, Any]:
    return synthesized_definition()


@dataclass
class Firm:
    """One organisation with somebody of each kind, all reached by every way."""

    database: Database
    definition: dict[str, Any]
    clock: Clock = field(default_factory=lambda: Clock(T0))
    people: dict[str, uuid.UUID] = field(default_factory=dict)
    failures: Iterator[str] = field(default_factory=lambda: iter(()))
    sends: bool = True  # Whether somebody sends what a stage has planned.

    def __post_init__(self) -> None:
        for number, (name, role) in enumerate(ROLES.items()):
            self.join(name, role, number)
        rota = Rota((self.people["called"], self.people["next"]), date(2026, 11, 30), time(9), "UTC", 7)
        with self.database.tenant_transaction(TENANT) as tx:
            tx.rotas.set(rota)

    def join(self, name: str, role: str, number: int) -> None:
        self.people[name] = uuid.uuid4()
        with self.database.tenant_transaction(TENANT) as tx:
            assert tx.people.add(self.people[name], name, name, f"{name}@example.com", role)
            tx.connection.execute(
                "INSERT INTO alerts.contacts (user_id, tenant_id, phone, telegram_chat_id) VALUES (%s, %s, %s, %s)",
                (self.people[name], TENANT, f"+49151000000{number:02}", number + 1),
            )

    def happens(self, severity: Severity, **about: Any) -> Alert:
        """Told at once, as the function `alerts` does."""
        alert = replace(an_alert(uuid.uuid4()), severity=severity, created_at=self.clock.now, **about)
        with self.database.tenant_transaction(TENANT) as tx:
            tx.alerts.add(alert)
            people = people_of(ROUTES[alert.category], alert, tx)
            plan_deliveries(alert, people, CHANNELS_AT_ONCE[severity], stage=0, due_at=self.clock.now, tx=tx)
        return alert

    def begin(self, alert: Alert) -> dict[str, Any] | None:
        """The machine's input, where an execution is started."""
        with self.database.tenant_transaction(TENANT) as tx:
            begun = escalation.begin(alert, tx, self.clock.now)
        if begun is None:
            return None
        waits_s = begun.waits.one_after_the_other
        return {"tenant_id": str(TENANT), "alert_id": str(alert.alert_id), "waits_s": waits_s}

    def escalate(self, alert: Alert) -> str | None:
        """All of it, to its end; the state that the machine ended in."""
        given = self.begin(alert)
        return None if given is None else EscalationMachine(self.definition, self.clock, self.stage).run(given)

    def stage(self, payload: dict[str, Any]) -> dict[str, bool]:
        """As the function `alert_escalation`; what goes wrong comes from `failures`: before its work, or after."""
        failure = next(self.failures, "none")
        if failure == "before":
            raise TaskFailed("Unavailable")
        with self.database.tenant_transaction(uuid.UUID(payload["tenant_id"])) as tx:
            done = escalation.carry_out(uuid.UUID(payload["alert_id"]), payload["stage"], tx, self.clock.now)
            if self.sends:
                tx.connection.execute("UPDATE alerts.deliveries SET state = 'SENT', sent_at = due_at")
        if failure == "after":
            raise TaskFailed("States.Timeout")
        return {"is_over": done.is_over}

    def acknowledge(self, alert: Alert, by: str = "risk") -> Alert:
        who = Principal(TENANT, by, by, ROLES[by], frozenset({SESSION_SCOPE}))
        with self.database.tenant_transaction(TENANT) as tx:
            return acknowledgements.acknowledge(alert.alert_id, who, "API", tx, self.clock.now)

    def plan(self, minute: float, do: Callable[[], object]) -> None:
        def then(_at: datetime) -> None:
            do()

        self.clock.planned.append((T0 + timedelta(minutes=minute), then))

    def told(self, alert: Alert, *, is_suppressed: bool = False) -> Told:
        names = {user_id: name for name, user_id in self.people.items()}
        with self.database.tenant_transaction(TENANT) as tx:
            found = tx.alert_deliveries.of_alert(alert.alert_id)
        return {
            (round((each.due_at - T0) / timedelta(minutes=1)), names[each.user_id], each.channel)
            for each in found
            if (each.state == "SUPPRESSED") == is_suppressed and each.user_id is not None
        }

    def events(self, topic: str) -> list[dict[str, Any]]:
        with self.database.tenant_transaction(TENANT) as tx:
            rows = tx.connection.execute(
                "SELECT payload FROM trading.events WHERE topic = %s ORDER BY occurred_at_ns", (topic,)
            ).fetchall()
        return [payload for (payload,) in rows]

    def outcome(self, alert: Alert) -> str | None:
        with self.database.tenant_transaction(TENANT) as tx:
            found = tx.escalations.find(alert.alert_id)
        return None if found is None else found.outcome


@pytest.fixture
def firm(database: Database, definition: dict[str, Any]) -> Firm:
    return Firm(database, definition)


@pytest.mark.parametrize("minute", ACKNOWLEDGED)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_exactly_these_people_are_told_by_these_ways_at_these_minutes(
    firm: Firm, severity: Severity, minute: int | None
) -> None:
    alert = firm.happens(severity)
    if minute is not None:
        firm.plan(minute, lambda: firm.acknowledge(alert))
    ended = firm.escalate(alert)
    seen = firm.told(alert)
    firm.clock.wait(3600)
    columns = ACKNOWLEDGED[minute]
    assert seen == set().union(*EXPECTED[severity][:columns])
    assert ended == (None if severity == "INFO" else "Over")
    stages = [(event["stage"], event["channels"]) for event in firm.events("alerts.AlertEscalated.v1")]
    assert stages == STAGES_OF[severity][: columns - 1]
    called = firm.events("alerts.IncidentCalled.v1")
    assert [call["called"] for call in called] == (
        [["called", "exec", "head"]] if severity == "CRITICAL" and columns == 3 else []
    )
    if severity != "INFO":
        in_time = minute is not None and columns <= len(STAGES_OF[severity])
        assert firm.outcome(alert) == ("ACKNOWLEDGED" if in_time else "EXHAUSTED")


def test_what_an_acknowledgement_comes_before_is_not_sent_any_more(firm: Firm) -> None:
    """The messages of a stage lie in the queue: whoever sends them finds them suppressed."""
    firm.sends = False
    alert = firm.happens("CRITICAL")
    firm.plan(16, lambda: firm.acknowledge(alert))
    firm.escalate(alert)
    assert firm.told(alert) == EXPECTED["CRITICAL"][0]
    assert firm.told(alert, is_suppressed=True) == EXPECTED["CRITICAL"][1]


@pytest.mark.parametrize("failures", [["before"], ["after"], ["before", "after"] * 3, ["after", "none"] * 2])
def test_a_stage_that_fails_or_is_done_twice_tells_each_person_once(firm: Firm, failures: list[str]) -> None:
    alert = firm.happens("CRITICAL")
    firm.failures = iter(failures)
    assert firm.escalate(alert) == "Over"
    people = {(who, way) for _, who, way in firm.told(alert)}
    assert people == {(who, way) for column in EXPECTED["CRITICAL"] for _, who, way in column}
    assert len(firm.events("alerts.AlertEscalated.v1")) == 2
    assert len(firm.events("alerts.IncidentCalled.v1")) == 1


def test_a_first_stage_that_cannot_be_carried_out_gives_way_to_the_second(firm: Firm) -> None:
    alert = firm.happens("CRITICAL")
    firm.failures = iter(["before"] * 31)
    assert firm.escalate(alert) == "Over"
    assert {who for minute, who, _ in firm.told(alert) if minute > 0} == {"called", "head", "exec"}
    assert [event["stage"] for event in firm.events("alerts.AlertEscalated.v1")] == [30]


def test_a_last_stage_that_cannot_be_carried_out_is_a_failed_execution(firm: Firm) -> None:
    alert = firm.happens("CRITICAL")
    firm.failures = iter(["none", *["before"] * 31])
    assert firm.escalate(alert) == "Unfinished"


def test_of_a_group_the_first_escalates_for_all_that_are_no_worse(firm: Firm) -> None:
    leader, later, milder = firm.happens("ERROR"), firm.happens("ERROR"), firm.happens("WARNING")
    given = firm.begin(leader)
    assert given is not None
    assert firm.begin(leader) == given  # The event came again: the same execution.
    assert firm.begin(later) is None
    assert firm.begin(milder) is None
    assert firm.begin(firm.happens("ERROR", group_key="NODE_STATE/desk-b")) is not None


def test_a_later_one_that_is_worse_escalates_by_itself(firm: Firm) -> None:
    mild = firm.happens("WARNING")
    assert firm.begin(mild) is not None
    firm.clock.wait(10 * 60)
    worse = firm.happens("CRITICAL")
    assert firm.escalate(worse) == "Over"
    assert {minute for minute, _, _ in firm.told(worse)} == {10, 25, 40}


def test_who_acknowledges_the_leader_acknowledges_its_group_but_nothing_worse(firm: Firm) -> None:
    leader, follower = firm.happens("ERROR"), firm.happens("ERROR")
    assert firm.begin(leader) is not None
    assert firm.begin(follower) is None
    firm.clock.wait(60)
    worse = firm.happens("CRITICAL")
    assert firm.begin(worse) is not None
    assert firm.acknowledge(leader).acknowledged_by == "risk"
    with firm.database.tenant_transaction(TENANT) as tx:
        found = [tx.alerts.find(each.alert_id) for each in (leader, follower, worse)]
    assert [each is not None and each.acknowledged_by for each in found] == ["risk", "risk", None]
    assert firm.outcome(worse) is None
    assert [event["alerts"] for event in firm.events("alerts.AlertAcknowledged.v1")] == [2]
    firm.acknowledge(worse)
    assert firm.outcome(worse) == "ACKNOWLEDGED"


def test_an_alert_after_the_acknowledgement_is_news_and_escalates_anew(firm: Firm) -> None:
    leader = firm.happens("ERROR")
    firm.begin(leader)
    firm.acknowledge(leader)
    assert firm.begin(leader) is None  # Its own event once more is not.
    assert firm.begin(firm.happens("ERROR")) is not None


def test_an_escalation_whose_execution_was_lost_holds_its_group_for_two_hours_at_most(firm: Firm) -> None:
    firm.begin(firm.happens("ERROR"))
    firm.clock.wait(89 * 60)
    assert firm.begin(firm.happens("ERROR")) is None
    firm.clock.wait(2 * 60)
    assert firm.begin(firm.happens("ERROR")) is not None


def test_a_recovery_ends_what_its_group_has_under_way(firm: Firm) -> None:
    alert = firm.happens("CRITICAL")
    firm.plan(20, lambda: firm.begin(firm.happens("INFO")))  # The node is active again.
    assert firm.escalate(alert) == "Over"
    assert firm.told(alert) == EXPECTED["CRITICAL"][0] | EXPECTED["CRITICAL"][1]
    assert firm.outcome(alert) == "RESOLVED"


def test_people_are_those_of_the_stage_and_not_of_the_beginning(firm: Firm) -> None:
    """The one on call is disabled, a desk gets another head, and an executive is none any more."""
    alert = firm.happens("CRITICAL")

    def others() -> None:
        with firm.database.tenant_transaction(TENANT) as tx:
            tx.people.set_disabled(firm.people["called"], is_disabled=True)
            tx.people.set_role(firm.people["exec"], "viewer")
        firm.join("chief", "organisation_admin", 50)

    firm.plan(20, others)
    firm.escalate(alert)
    assert {who for minute, who, _ in firm.told(alert) if minute == 15} == {"exec"}
    assert {who for minute, who, _ in firm.told(alert) if minute == 30} == {"next", "head", "chief"}


def test_organisations_wait_as_long_as_they_have_set(firm: Firm) -> None:
    with firm.database.tenant_transaction(TENANT) as tx:
        tx.connection.execute("INSERT INTO alerts.escalation_settings VALUES (%s, 120, 300, '+4930123456')", (TENANT,))
    alert = firm.happens("CRITICAL")
    firm.escalate(alert)
    assert {minute for minute, _, _ in firm.told(alert)} == {0, 2, 5}
    with firm.database.tenant_transaction(TENANT) as tx:
        notes = {each.stage: each.reason for each in tx.alert_deliveries.of_alert(alert.alert_id)}
    assert notes == {
        0: None,
        15: "nobody has acknowledged this for 2 minutes",
        30: "INCIDENT CALL, nobody has acknowledged this for 5 minutes: join +4930123456 now",
    }
    assert [event["waited_s"] for event in firm.events("alerts.AlertEscalated.v1")] == [120, 300]
