"""What digests say, against days that were written by hand: each figure is one that somebody can add up."""

import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from breakwater.domain.digests import Calendar, Document, Period, span_of
from breakwater.domain.times import nanoseconds
from breakwater.services.digest_sections.scene import ask_platform
from breakwater.services.digest_sections.tables import ROWS_SHOWN_MAX
from breakwater.services.digests import document_for
from tests.conftest import DatabaseUrls
from tests.integration.alerts.digest_scene import (
    BEGIN,
    DUE,
    END,
    EVERYBODY,
    NOON,
    ZONE,
    Scene,
    facts,
    notable,
    rows,
    section,
)

SECOND = timedelta(seconds=1)
DESK = uuid.uuid4()


@pytest.fixture
def scene(database_urls: DatabaseUrls) -> Iterator[Scene]:
    opened = Scene(database_urls.admin, database_urls.functions)
    other = Scene(database_urls.admin, database_urls.functions, "Other")
    fill_with_what_nobody_may_hear_of(other)
    yield opened
    opened.database.close()
    other.database.close()


def fill_with_what_nobody_may_hear_of(other: Scene) -> None:
    other.order("REJECTED", NOON)
    other.fill("7777", "2000", NOON, realised="7777")
    other.position("ETH/USDT", "7777", "1")
    other.breach("REJECT", node_name="theirs")
    sign_in(other, "their-user")
    other.event("limits.NodeStateChanged.v1", state_change("theirs"))
    other.event("users.PermissionsUpdated.v1", permission_change("their-user"))


def state_change(node: str) -> dict[str, Any]:
    told = {"state_before": "ACTIVE", "state": "KILLED", "reason": "runaway bot", "changed_by": "risk"}
    return {"node_name": node, **told}


def permission_change(username: str) -> dict[str, Any]:
    told = {"change": "ROLE", "role_before": "viewer", "role": "trader", "changed_by": "admin"}
    return {"username": username, **told}


def sign_in(scene: Scene, username: str, *, second_factor: bool = True, at: Any = NOON, ip: str = "192.0.2.1") -> None:
    told = {"username": username, "source_ip": ip, "second_factor": second_factor}
    scene.event("identity.SignedIn.v1", told, at)


def digest(scene: Scene, role: str, period: Period = Period.DAILY, day: str = "2026-03-29") -> Document:
    calendar = Calendar(ZONE)
    platform = ask_platform(role, scene.probes)
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        (follower,) = [each for each in tx.digests.followers() if each.user_id == scene.users[role]]
        span = span_of(period, date.fromisoformat(day), calendar)
        return document_for(follower, span, tx, platform, DUE)


def trade_a_day(scene: Scene) -> None:
    """At both edges, just within and just without, and of a second account."""
    scene.order("FILLED", BEGIN)
    scene.order("FILLED", END - SECOND)
    scene.order("REJECTED", NOON)
    scene.order("NEW", NOON)
    scene.order("FILLED", NOON, is_external=True)
    scene.order("FILLED", BEGIN - SECOND)
    scene.order("FILLED", END)
    scene.fill("2", "2000.10", BEGIN, fee=("4.0002", "USDT"))
    scene.fill("0.5", "2100", END - SECOND, side="SELL", realised="49.95", fee=("0.001", "ETH"))
    scene.fill("100", "2000", BEGIN - SECOND, realised="1000")
    scene.fill("100", "2000", END, realised="1000")
    scene.order("CANCELED", NOON, account=1)
    scene.fill("1", "1999.99", NOON, account=1, fee=("1", "USDT"), realised="-10.5")


def test_a_trader_hears_of_his_own_account_on_that_day_and_of_nothing_else(scene: Scene) -> None:
    trade_a_day(scene)
    told = section(digest(scene, "trader"), "Orders and fills")
    assert facts(told) == {
        "Orders": "4",
        "Refused": "1",
        "Still open": "1",
        "Fills": "2",
        "Traded": "5050.2 USDT",  # 2 * 2000.10 + 0.5 * 2100
        "Realised before fees": "49.95 USDT",
        "Fees": "6.1002 USDT",  # 4.0002, and 0.001 ETH at 2100
        "Realised after fees": "43.8498 USDT",
    }
    assert rows(told) == [
        ("Firm account 0", "4", "2", "1", "2", "5050.2 USDT", "49.95 USDT", "6.1002 USDT", "43.8498 USDT")
    ]
    (symbol,) = rows(section(digest(scene, "trader"), "By symbol"))
    assert symbol == ("ETH/USDT", "2", "2", "0.5", "5050.2 USDT", "49.95 USDT", "6.1002 USDT")


@pytest.mark.parametrize(
    ("role", "accounts"),
    [
        ("trader", {"Firm account 0"}),
        ("fund_manager", {"Firm account 1"}),
        ("desk_head", {"Firm account 0", "Firm account 1"}),
        ("viewer", {"Firm account 0", "Firm account 1"}),
        ("risk_manager", {"Firm account 0", "Firm account 1"}),
        ("organisation_admin", {"Firm account 0", "Firm account 1"}),
    ],
)
def test_each_role_hears_of_the_accounts_that_it_sees(scene: Scene, role: str, accounts: set[str]) -> None:
    trade_a_day(scene)
    assert {row[0] for row in rows(section(digest(scene, role), "Orders and fills"))} == accounts


def test_the_sum_of_a_desk_is_that_of_its_accounts(scene: Scene) -> None:
    trade_a_day(scene)
    told = facts(section(digest(scene, "desk_head"), "Orders and fills"))
    assert (told["Orders"], told["Fills"], told["Traded"]) == ("5", "3", "7050.19 USDT")
    assert (told["Realised before fees"], told["Fees"], told["Realised after fees"]) == (
        "39.45 USDT",
        "7.1002 USDT",
        "32.3498 USDT",
    )


def test_a_week_is_the_sum_of_its_days(scene: Scene) -> None:
    trade_a_day(scene)
    told = facts(section(digest(scene, "trader", Period.WEEKLY, "2026-03-23"), "Orders and fills"))
    assert (told["Orders"], told["Fills"], told["Realised before fees"]) == ("5", "3", "1049.95 USDT")


def test_what_has_no_price_is_unknown_and_never_nothing(scene: Scene, database_urls: DatabaseUrls) -> None:
    scene._admin("INSERT INTO market.instruments VALUES ('ETH/BTC', 'ETH', 'BTC', 0.00001, 0.0001, 0)")
    scene.fill("1", "0.05", NOON, symbol="ETH/BTC", realised="0.001", fee=("0", "BTC"))
    scene.fill("1", "2000", NOON, realised="5")
    scene.position("ETH/BTC", "1", "0.05")
    document = digest(scene, "trader")
    told = facts(section(document, "Orders and fills"))
    assert told["Traded"] == told["Realised before fees"] == told["Realised after fees"] == "unknown"
    symbols = {row[0]: row for row in rows(section(document, "By symbol"))}
    assert symbols["ETH/BTC"][4:] == ("0.05 BTC", "0.001 BTC", "0 BTC")
    assert symbols["ETH/USDT"][4:] == ("2000 USDT", "5 USDT", "0 USDT")
    held = section(document, "What is held now")
    assert rows(held) == [("Firm account 0", "ETH/BTC", "1", "0.05", "unknown", "unknown")]
    assert facts(held)["Not realised"] == "unknown"


def test_a_fee_in_a_third_asset_is_unknown(scene: Scene) -> None:
    scene.fill("1", "2000", NOON, realised="5", fee=("0.1", "BNB"))
    told = facts(section(digest(scene, "trader"), "Orders and fills"))
    assert (told["Realised before fees"], told["Fees"], told["Realised after fees"]) == ("5 USDT", "unknown", "unknown")


def test_what_is_held_is_worth_what_the_price_now_says(scene: Scene) -> None:
    scene.position("ETH/USDT", "1.5", "1900.10")
    held = section(digest(scene, "trader"), "What is held now")
    assert rows(held) == [("Firm account 0", "ETH/USDT", "1.5", "1900.1", "2000", "149.85 USDT")]
    assert facts(held)["Not realised"] == "149.85 USDT"


def test_a_quiet_day_says_so(scene: Scene) -> None:
    document = digest(scene, "trader")
    assert section(document, "Orders and fills").note == "No order came, and nothing was filled."
    assert "No position is open." in (section(document, "What is held now").note or "")


def test_refusals_are_counted_by_order_and_each_sees_his_own(scene: Scene) -> None:
    scene.breach("REJECT", order="a")
    scene.breach("REJECT", order="a", limit_type="DAILY_LOSS")  # One order, refused by two limits.
    scene.breach("REJECT", order="b")
    scene.breach("WARN", order="c", account=1)
    scene.breach("REJECT", END, order="d")
    scene.breach("REJECT", BEGIN - SECOND, order="e")
    trader = section(digest(scene, "trader"), "Refusals and warnings")
    assert facts(trader) == {
        "Orders that limits refused": "2",
        "Limits that losses crossed": "0",
        "Soft thresholds passed": "0",
    }
    assert notable(trader) == {"Orders that limits refused"}
    assert rows(trader) == [
        ("Firm desk", "LONG_POSITION", "*", "2", "0", "0"),
        ("Firm desk", "DAILY_LOSS", "*", "1", "0", "0"),
    ]
    assert facts(section(digest(scene, "risk_manager"), "Refusals and warnings"))["Soft thresholds passed"] == "1"


def test_losses_that_no_order_brought_are_counted_as_crossed_and_not_as_refused_or_warned(scene: Scene) -> None:
    for action, pct in (("WARN", 70), ("WARN", 90), ("REJECT", 100), ("WARN", 100)):
        scene.loss(action, pct)
    told = section(digest(scene, "risk_manager"), "Refusals and warnings")
    assert facts(told) == {
        "Orders that limits refused": "0",
        "Limits that losses crossed": "2",
        "Soft thresholds passed": "2",
    }
    assert notable(told) == {"Limits that losses crossed"}
    assert rows(told) == [("Firm desk", "DAILY_LOSS", "*", "0", "2", "2")]


def test_risk_hears_of_stops_overrides_changes_and_degraded_modes_in_its_own_time(scene: Scene) -> None:
    scene.event("limits.NodeStateChanged.v1", state_change("Firm desk"), about=scene.firm.desk)
    scene.event(
        "limits.OverrideChanged.v1",
        {"limit_type": "DAILY_LOSS", "state": "APPROVED", "value": "5000.50", "changed_by": "chief", "reason": "news"},
    )
    scene.event(
        "limits.LimitChanged.v1",
        {
            **{"node_name": "Firm desk", "limit_type": "DAILY_LOSS", "instrument": "*", "value_before": None},
            **{"value": "100.5", "parameters_before": None, "parameters": {}, "changed_by": "risk"},
        },
    )
    mode = {"kind": "LEDGER", "mode_before": "NORMAL", "mode": "CACHED", "provisional_orders": 3}
    scene.event("limits.DegradedModeChanged.v1", mode)
    document = digest(scene, "risk_manager")
    when = "2026-03-29 12:00 CEST"
    assert rows(section(document, "Stops and kills")) == [
        (when, "Firm desk", "ACTIVE to KILLED", "risk", "runaway bot")
    ]
    assert rows(section(document, "Overrides")) == [(when, "DAILY_LOSS", "APPROVED", "5000.50", "chief", "news")]
    assert rows(section(document, "Changes of limits")) == [
        (when, "Firm desk", "DAILY_LOSS", "*", "none", "100.5", "risk")
    ]
    assert rows(section(document, "Health")) == [(when, "LEDGER", "NORMAL to CACHED", "3")]
    assert notable(section(document, "Overrides")) == {"Approved"}


def test_who_has_only_another_desk_hears_of_no_stop_of_this_one(scene: Scene) -> None:
    scene.event("limits.NodeStateChanged.v1", state_change("elsewhere"), about=uuid.uuid4())
    scene.event("limits.NodeStateChanged.v1", state_change("Firm desk"), about=scene.firm.desk)
    assert [row[1] for row in rows(section(digest(scene, "desk_head"), "Stops and kills"))] == ["Firm desk"]
    assert len(rows(section(digest(scene, "risk_manager"), "Stops and kills"))) == 2


def test_the_limits_that_are_most_used_come_first(scene: Scene) -> None:
    for node_id, value in ((scene.firm.desk, 10), (scene.firm.firm, 12)):
        scene._admin(
            "INSERT INTO limits.exposures (node_id, symbol, venue, tenant_id, filled_qty, session_date)"
            " VALUES (%s, 'ETH/USDT', 'SIM', %s, 9, '2026-03-30')",
            *(node_id, scene.firm.tenant_id),
        )
        scene._admin(
            "INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, value, parameters,"
            " created_by) VALUES (gen_random_uuid(), %s, %s, 'LONG_POSITION', 'ETH/USDT', %s, '{}', 'test')",
            *(scene.firm.tenant_id, node_id, value),
        )
    told = section(digest(scene, "trader"), "Limits most used")
    assert facts(told) == {"Limits": "2", "Used 90 % and more": "1", "Whose use is unknown": "0"}
    assert [row[:5] for row in rows(told)] == [
        ("Firm desk", "LONG_POSITION", "ETH/USDT", "90", "9"),
        ("Firm firm", "LONG_POSITION", "ETH/USDT", "75", "9"),
    ]


def test_an_administrator_hears_of_people_keys_and_how_alerts_ended(scene: Scene) -> None:
    sign_in(scene, "anna")
    sign_in(scene, "anna", at=END)
    scene.event("identity.SignInFailed.v1", {"username": "ben", "source_ip": "192.0.2.2", "code": "X"})
    scene.event("users.PermissionsUpdated.v1", {**permission_change("ben"), "change": "INVITED"})
    scene.event("identity.ApiKeyChanged.v1", {"key_id": "k", "change": "CREATED", "name": "bot", "changed_by": "anna"})
    for key, expires, used in (("old", None, None), ("new", END + timedelta(days=3), NOON)):
        scene._admin(
            "INSERT INTO identity.api_keys (key_id, tenant_id, user_id, name, salt, secret_hash, scopes, created_at,"
            " expires_at, last_used_at) VALUES (%s, %s, %s, %s, 's', 'h', '{read}', '2025-01-01', %s, %s)",
            *(key, scene.firm.tenant_id, scene.users["trader"], key, expires, used),
        )
    for acknowledged in (None, NOON):
        scene._admin(
            "INSERT INTO alerts.alerts (alert_id, tenant_id, kind, category, severity, group_key, title, body,"
            " correlation_id, created_at, acknowledged_at, acknowledged_by, acknowledged_via)"
            " VALUES (gen_random_uuid(), %s, 'NODE_STATE', 'RISK', 'ERROR', 'g', 't', 'b', 'c', %s, %s, %s, %s)",
            *(scene.firm.tenant_id, NOON, acknowledged),
            *((None, None) if acknowledged is None else ("anna", "API")),
        )
    scene._admin(
        "INSERT INTO alerts.deliveries (delivery_id, tenant_id, alert_id, stage, channel, destination, state, due_at)"
        " SELECT gen_random_uuid(), tenant_id, alert_id, 0, 'EMAIL', 'a@b.example', 'FAILED', now() FROM alerts.alerts"
    )
    document = digest(scene, "organisation_admin")
    people, keys, alerts = (section(document, title) for title in ("People", "API keys", "Alerts"))
    assert facts(people) == {"Sign-ins": "1", "Sign-ins that failed": "1", "Invited": "1", "Changes of roles": "0"}
    assert len(rows(people)) == len(EVERYBODY)
    assert ("trader", "1", "0", "0") in rows(people)
    assert facts(keys)["API keys and clients that work"] == "2"
    assert (facts(keys)["Made"], facts(keys)["Used"]) == ("1", "1")
    assert notable(keys) == {"Expire within 14 days", "Not used for 90 days"}
    assert rows(alerts) == [("ERROR", "NODE_STATE", "2", "1", "1")]
    assert notable(alerts) == {"Grave and acknowledged by nobody", "Messages that could not be sent"}
    assert facts(alerts)["Messages that could not be sent"] == "2"


def test_an_auditor_hears_who_signed_in_who_changed_what_and_how_far_the_trail_is_anchored(scene: Scene) -> None:
    sign_in(scene, "anna", second_factor=False)
    sign_in(scene, "anna", ip="192.0.2.9")
    scene.event("identity.SignInFailed.v1", {"username": "ben", "source_ip": "192.0.2.2", "code": "X"})
    scene.event("users.PermissionsUpdated.v1", permission_change("ben"))
    given = {"change": "ACCESS", "resource": "ACCOUNT", "is_given": False}
    scene.event("users.PermissionsUpdated.v1", {**permission_change("carl"), **given}, NOON - SECOND)
    scene.event("identity.ApiKeyChanged.v1", {"key_id": "k", "change": "REVOKED", "name": None, "changed_by": "anna"})
    scene.event("audit.SensitiveDataRead.v1", {"what": "users", "read_by": "anna"})
    scene._admin(
        "INSERT INTO audit.heads (tenant_id, sequence, hash, anchored_sequence, anchored_hash, anchor_digest)"
        " VALUES (%s, 12, 'h', 10, 'h', 'd')",
        scene.firm.tenant_id,
    )
    scene._admin("INSERT INTO audit.anchors VALUES (%s, 10, 1, '{}', 's', %s)", scene.firm.tenant_id, NOON)
    document = digest(scene, "auditor")
    assert rows(section(document, "Sign-ins")) == [("ben", "0", "0", "1", "1"), ("anna", "2", "1", "0", "2")]
    when = "2026-03-29 12:00 CEST"
    assert rows(section(document, "Changes of permissions")) == [
        (when, "ben", "role viewer to trader", "admin"),
        ("2026-03-29 11:59 CEST", "carl", "account taken away", "admin"),
    ]
    assert rows(section(document, "Changes of keys")) == [(when, "API key", "k", "revoked", "anna")]
    assert rows(section(document, "Who read what tells of people")) == [(when, "users", "anna")]
    trail = facts(section(document, "The audit trail"))
    assert (trail["Records in all"], trail["Anchored up to record"], trail["Not anchored yet"]) == ("12", "10", "2")
    assert trail["Newest anchor stored"] == when


def test_who_operates_the_platform_hears_of_its_state_and_of_nobodys_business(scene: Scene) -> None:
    trade_a_day(scene)
    scene.event("limits.NodeStateChanged.v1", state_change("Firm desk"), about=scene.firm.desk)
    scene._admin("INSERT INTO trading.outbox (event_id, bucket) SELECT event_id, 0 FROM trading.events")
    scene._admin("UPDATE trading.outbox SET created_at = now() - interval '5 minutes'")
    scene.order("UNKNOWN", NOON)
    document = digest(scene, "system_admin")
    assert {each.title for each in document.sections} == {"The platform", "Dead letters"}
    platform = section(document, "The platform")
    assert facts(platform)["Organisations"] == "2"
    assert facts(platform)["Engine"] == "UP"
    assert facts(platform)["Orders that nothing is known of"] == "1"
    assert notable(platform) == {"The oldest of them waits", "Orders that nothing is known of"}
    assert rows(section(document, "Dead letters")) == [("alerts", "2")]
    scene.probes.is_down = True
    assert facts(section(digest(scene, "system_admin"), "The platform"))["Engine"] == "DOWN"
    assert "Firm" not in document.model_copy(update={"organisation": "", "username": ""}).model_dump_json()


@pytest.mark.parametrize("role", EVERYBODY)
def test_nobody_hears_of_another_organisation(scene: Scene, role: str) -> None:
    told = digest(scene, role).model_dump_json()
    assert "their" not in told
    assert "7777" not in told
    assert "Other" not in told


def test_long_tables_are_cut_and_say_by_how_much(scene: Scene) -> None:
    for number in range(ROWS_SHOWN_MAX + 5):
        scene.breach("REJECT", order=str(number), node_name=f"node {number:02}")
    told = section(digest(scene, "risk_manager"), "Refusals and warnings")
    assert told.table is not None
    assert (len(told.table.rows), told.table.left_out) == (ROWS_SHOWN_MAX, 5)
    assert facts(told)["Orders that limits refused"] == str(ROWS_SHOWN_MAX + 5)


def test_events_are_found_by_indexes_of_their_own(scene: Scene) -> None:
    """A day's summary must not read what years have left."""
    for predicate in (
        "e.topic LIKE 'limits.%'",
        "(e.topic LIKE 'identity.%' OR e.topic LIKE 'users.%' OR e.topic LIKE 'audit.Trail%'"
        " OR e.topic LIKE 'audit.Sensitive%')",
    ):
        with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
            tx.connection.execute("SET LOCAL enable_seqscan = off")
            plan = tx.connection.execute(
                f"EXPLAIN SELECT count(*) FROM trading.events e WHERE e.tenant_id = '{scene.firm.tenant_id}'"
                f" AND e.occurred_at_ns >= {nanoseconds(BEGIN)} AND {predicate}"
            ).fetchall()
        assert any("occurred_at_ns_idx" in line for (line,) in plan), plan
