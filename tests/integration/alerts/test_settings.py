"""What an organisation and its people say of their alerts: believed, refused, and in the audit trail."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakwater.db.alerts import AlertFilter
from breakwater.db.connection import Database
from breakwater.domain.permissions import SESSION_SCOPE, Caller
from breakwater.errors import Conflict, InvalidRequest, NotFound, NotPermitted, RateLimited, VersionConflict
from breakwater.services import alert_contacts, alert_routing, alert_views
from breakwater.services.alert_contacts import CODE_LASTS, CODE_PACE, CODE_TRIES, CODES_A_DAY_MAX, PhoneRequest
from breakwater.services.alert_routing import AlertRoutes, NewSlackChannel, NewSuppression
from breakwater.services.alert_views import AlertSummary
from tests.integration.alerts.telling import Platform
from tests.integration.alerts.test_alerts import database

__all__ = ["database"]  # A fixture.
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PHONE = "+4915112345678"


@pytest.fixture
def platform(database: Database) -> Platform:
    return Platform(database)


def caller(
    platform: Platform, role: str = "organisation_admin", user_id: uuid.UUID | None = None, **more: Any
) -> Caller:
    subject = "nobody" if user_id is None else f"{role.replace('_', '-')}-{user_id.hex[:8]}"
    return Caller(platform.tenant_id, subject, subject, role, frozenset({SESSION_SCOPE}), correlation_id="c", **more)


def changes(platform: Platform) -> list[str]:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        rows = tx.connection.execute(
            "SELECT payload->>'change' FROM trading.events WHERE tenant_id = %s"
            " AND topic = 'alerts.AlertSettingsChanged.v1' ORDER BY payload->>'change'",
            (platform.tenant_id,),
        ).fetchall()
    return [row[0] for row in rows]


def set_routes(platform: Platform, who: Caller | None = None, **told: Any) -> AlertRoutes:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        return alert_routing.set_routes(AlertRoutes.model_validate(told), who or caller(platform), tx, NOW)


def test_alerts_go_where_the_organisation_says(platform: Platform) -> None:
    auditor, member = platform.person("auditor"), platform.person("trader")
    platform.person("organisation_admin")
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        group_id = uuid.uuid4()
        tx.people.add_group(group_id, "night watch")
        tx.people.add_member(group_id, member)
    audiences = {"RISK": {"roles": ["auditor"], "group_ids": [str(group_id)]}}
    channels = {"ERROR": ["EMAIL", "SMS"], "INFO": ["EMAIL"]}
    set_routes(platform, version=0, routes={"RISK": ["RISK"]}, audiences=audiences, channels=channels)
    assert {each.user_id for each in platform.raise_alert(NOW)[1].due} == {auditor, member}
    assert platform.raise_alert(NOW, severity="INFO", group_key="x")[1].due, "widened"
    assert changes(platform) == ["ROUTES"]


def test_a_change_of_what_somebody_else_has_changed_is_refused(platform: Platform) -> None:
    assert set_routes(platform, version=0).version == 1
    for version in (0, 2):
        with pytest.raises(VersionConflict):
            set_routes(platform, version=version)
    assert set_routes(platform, version=1).version == 2


def test_a_push_without_a_mail_is_refused(platform: Platform) -> None:
    with pytest.raises(InvalidRequest, match="PUSH"):
        set_routes(platform, version=0, channels={"INFO": ["PUSH"]})
    assert set_routes(platform, version=0, channels={"INFO": ["PUSH", "EMAIL"]}).version == 1


def test_what_would_be_for_nobody_or_a_group_of_nobody_is_refused(platform: Platform) -> None:
    with pytest.raises(InvalidRequest):
        set_routes(platform, version=0, routes={"SYSTEM": []})
    with pytest.raises(NotFound):
        set_routes(platform, version=0, audiences={"RISK": {"group_ids": [str(uuid.uuid4())]}})
    with pytest.raises(NotPermitted):
        set_routes(platform, caller(platform, "trader"), version=0)


def test_a_slack_channel_is_kept_sealed_and_its_name_is_taken_once(platform: Platform) -> None:
    sealed: list[str] = []

    def add(name: str = "risk") -> Any:
        return alert_routing.add_slack_channel(
            NewSlackChannel.model_validate({"name": name, "hook_url": "https://hooks.slack.com/services/secret"}),
            caller(platform),
            platform.database.tenant_transaction,
            check_hook=lambda _: None,
            seal_hook=lambda url, *_: sealed.append(url) or b"sealed",  # type: ignore[func-returns-value]
            at=NOW,
        )

    channel = add()
    with pytest.raises(Conflict):
        add()
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        assert tx.alert_routing.sealed_hook("risk") == (channel.channel_id, b"sealed")
        assert "secret" not in repr(alert_routing.slack_channels(caller(platform), tx))
        alert_routing.remove_slack_channel(channel.channel_id, caller(platform), tx, NOW)
        with pytest.raises(NotFound):
            alert_routing.remove_slack_channel(channel.channel_id, caller(platform), tx, NOW)
    assert changes(platform) == ["CHANNEL_ADDED", "CHANNEL_REMOVED"]


def test_a_suppression_holds_for_what_it_names_until_it_is_ended(platform: Platform) -> None:
    platform.person("risk_manager")
    node_id = uuid.uuid4()
    until = NOW + timedelta(hours=1)
    new = NewSuppression(node_id=node_id, ends_at=until, reason="maintenance")
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        with pytest.raises(NotFound, match="no such node"):
            alert_routing.suppress(new, caller(platform), tx, NOW)
        tx.connection.execute(
            "INSERT INTO limits.nodes (node_id, tenant_id, kind, name, path) VALUES (%s, %s, 'FIRM', 'firm', %s)",
            (node_id, platform.tenant_id, [node_id]),
        )
        made = alert_routing.suppress(new, caller(platform), tx, NOW)
    assert not platform.raise_alert(NOW, group_key=f"NODE_STATE/{node_id}")[1].due
    assert platform.raise_alert(NOW, group_key=f"NODE_STATE/{uuid.uuid4()}")[1].due
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        alert_routing.end_suppression(made.suppression_id, caller(platform), tx, NOW)
        with pytest.raises(NotFound):
            alert_routing.end_suppression(made.suppression_id, caller(platform), tx, NOW)
        wrong: dict[str, Any]
        for wrong in (
            {"ends_at": until},
            {"kind": "X", "ends_at": NOW},
            {"kind": "X", "ends_at": NOW + timedelta(days=31)},
        ):
            with pytest.raises(InvalidRequest):
                alert_routing.suppress(NewSuppression(reason="r", **wrong), caller(platform), tx, NOW)
    assert platform.raise_alert(NOW, group_key=f"NODE_STATE/{node_id}")[1].due


def start(platform: Platform, who: Caller, at: datetime, code: str = "000001") -> None:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        alert_contacts.start_phone(PhoneRequest(phone=PHONE), who, tx, code=code, at=at)


def confirm(platform: Platform, who: Caller, code: str, at: datetime) -> bool:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        return alert_contacts.confirm_phone(code, who, tx, at)


def phone_of(platform: Platform, who: Caller) -> str | None:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        return alert_contacts.contact(who, tx).phone


def test_a_phone_is_somebodys_when_he_knows_what_was_sent_there(platform: Platform) -> None:
    who = caller(platform, "trader", platform.person("trader"))
    assert not confirm(platform, who, "000001", NOW)
    start(platform, who, NOW)
    assert not confirm(platform, who, "000002", NOW)
    assert phone_of(platform, who) is None
    assert confirm(platform, who, "000001", NOW + CODE_LASTS / 2)
    assert phone_of(platform, who) == PHONE
    assert not confirm(platform, who, "000001", NOW + CODE_LASTS / 2), "a code is good for one time"
    assert changes(platform) == ["PHONE"]


def test_a_code_ends_with_its_time_and_with_its_tries(platform: Platform) -> None:
    who = caller(platform, "trader", platform.person("trader"))
    start(platform, who, NOW)
    assert not confirm(platform, who, "000001", NOW + CODE_LASTS)
    start(platform, who, NOW + CODE_LASTS)
    for _ in range(CODE_TRIES):
        assert not confirm(platform, who, "999999", NOW + CODE_LASTS)
    assert not confirm(platform, who, "000001", NOW + CODE_LASTS)
    assert phone_of(platform, who) is None


def test_codes_are_paced(platform: Platform) -> None:
    who, at = caller(platform, "trader", platform.person("trader")), NOW
    start(platform, who, at)
    with pytest.raises(RateLimited):
        start(platform, who, at + CODE_PACE / 2)
    for _ in range(CODES_A_DAY_MAX - 1):
        at += CODE_PACE
        start(platform, who, at)
    with pytest.raises(RateLimited):
        start(platform, who, at + CODE_PACE)
    start(platform, who, NOW + timedelta(days=1))


def test_no_key_changes_how_somebody_is_reached(platform: Platform) -> None:
    with pytest.raises(NotPermitted):
        start(platform, caller(platform, "trader", platform.person("trader"), api_key_id="k"), NOW)


def test_alerts_are_listed_newest_first_with_a_cursor_and_by_what_is_asked_for(platform: Platform) -> None:
    for number in range(3):
        platform.raise_alert(NOW + timedelta(seconds=number), title=f"alert {number}")
    platform.raise_alert(NOW, category="VENUE", severity="CRITICAL", title="venue")

    def listed(cursor: str | None = None, **wanted: Any) -> tuple[list[str], str | None]:
        with platform.database.tenant_transaction(platform.tenant_id) as tx:
            page = alert_views.alerts(caller(platform), tx, wanted=AlertFilter(**wanted), cursor=cursor, limit=2)
        return [each.title for each in page["items"]], page["next_cursor"]

    first, cursor = listed(category="RISK", is_open=True)
    assert (first, listed(cursor, category="RISK")) == (["alert 2", "alert 1"], (["alert 0"], None))
    assert listed(severity="CRITICAL") == (["venue"], None)
    assert listed(is_open=False) == ([], None)


def test_how_many_alerts_are_open_is_counted_by_severity_and_no_further_than_needed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        platform.raise_alert(NOW + timedelta(seconds=number))
    platform.raise_alert(NOW, category="VENUE", severity="CRITICAL")

    def counted(role: str = "organisation_admin") -> AlertSummary:
        with platform.database.tenant_transaction(platform.tenant_id) as tx:
            return alert_views.summary(caller(platform, role), tx)

    assert counted() == {"open": 4, "by_severity": {"ERROR": 3, "CRITICAL": 1}, "is_cut": False}
    assert counted("trader") == {"open": 0, "by_severity": {}, "is_cut": False}  # Of no account.
    monkeypatch.setattr(alert_views, "COUNTED_MAX", 2)
    assert (counted()["open"], counted()["is_cut"]) == (2, True)
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.connection.execute(
            "UPDATE alerts.alerts SET acknowledged_at = now(), acknowledged_by = 'somebody', acknowledged_via = 'API'"
        )
    assert counted()["open"] == 0
