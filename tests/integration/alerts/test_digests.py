"""Digests are made once, mailed at least once, and read by whom they are for."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.digests import Period
from breakwater.domain.permissions import SESSION_SCOPE, Caller
from breakwater.errors import InvalidRequest, NotFound, NotPermitted, Unavailable
from breakwater.services import digest_views
from breakwater.services.digests import MAIL_TRIES_MAX, Desk, Outcome, document_for, run_all
from tests.conftest import DatabaseUrls
from tests.integration.alerts.digest_scene import BEGIN, DUE, Probes, Scene

HOUR = timedelta(hours=1)
FOLLOWERS = 7  # Everybody but the viewer.


@pytest.fixture
def scene(database_urls: DatabaseUrls) -> Iterator[Scene]:
    opened = Scene(database_urls.admin, database_urls.functions)
    # They have begun to follow on that Sunday: each gets its digest, and none of days or weeks before.
    opened._admin("UPDATE identity.users SET created_at = %s", BEGIN)
    opened._admin(
        "INSERT INTO alerts.digest_preferences (user_id, tenant_id, weekly, hour, since)"
        " SELECT user_id, tenant_id, false, 7, created_at FROM identity.users"
    )
    yield opened
    opened.database.close()


def run(scene: Scene, at: datetime = DUE, *, desk: Desk | None = None, seconds_left: float = 200.0) -> Outcome:
    database = scene.database
    return run_all(
        database.untenanted_transaction,
        database.tenant_transaction,
        desk or scene.desk,
        seconds_left=lambda: seconds_left,
        now=lambda: at,
    )


def caller(scene: Scene, role: str, *, scopes: frozenset[str] = frozenset({SESSION_SCOPE})) -> Caller:
    ((username, subject),) = scene.rows(
        "SELECT username, subject FROM identity.users WHERE user_id = %s", scene.users[role]
    )
    return Caller(scene.firm.tenant_id, subject, username, role, scopes, correlation_id="c")


def asked[Answer](scene: Scene, ask: Callable[[TenantTransaction], Answer]) -> Answer:
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        return ask(tx)


def listed(scene: Scene, role: str) -> list[digest_views.DigestSummary]:
    return asked(scene, lambda tx: digest_views.page(caller(scene, role), tx, cursor=None, limit=50))["items"]


def test_everybody_who_follows_gets_his_day_once_at_his_hour(scene: Scene) -> None:
    assert run(scene, DUE - timedelta(seconds=1)).made == 0
    outcome = run(scene)
    assert (outcome.made, outcome.mailed, outcome.troubles) == (FOLLOWERS, FOLLOWERS, [])
    assert "viewer@firm.example" not in scene.mailbox.addresses
    assert len(set(scene.mailbox.addresses)) == FOLLOWERS
    for later in (DUE, DUE + HOUR, DUE + 8 * HOUR):
        again = run(scene, later)
        assert (again.made, again.mailed) == (0, 0)
    assert run(scene, DUE + 24 * HOUR).made == FOLLOWERS
    assert {row[0] for row in scene.rows("SELECT starts_on FROM alerts.digests")} == {
        date(2026, 3, 29),
        date(2026, 3, 30),
    }


def test_the_mail_has_text_and_html_and_is_of_the_day_on_which_the_clocks_moved(scene: Scene) -> None:
    run(scene)
    (mail,) = [mail for mail in scene.mailbox.sent if mail[0] == "trader@firm.example"]
    _, subject, text, html = mail
    assert subject == "Firm: the day Sun 29 Mar 2026"
    for told in (text, html):
        assert "From 2026-03-29 00:00 CET to 2026-03-30 00:00 CEST (Europe/Berlin)." in told
    assert html.startswith("<!doctype html>")


def test_a_run_that_dies_before_the_mail_is_gone_on_with_by_the_next(scene: Scene) -> None:
    class Died(BaseException):
        """No exception that anybody handles."""

    class Dying:
        def send(self, *_: str) -> None:
            raise Died

    with pytest.raises(Died):
        run(scene, desk=Desk(Dying(), scene.probes))
    assert scene.mailbox.sent == []
    claimed = run(scene, DUE + timedelta(seconds=30))
    assert (claimed.made, claimed.mailed) == (0, FOLLOWERS - 1)  # One is still claimed by the dead one.
    rest = run(scene, DUE + timedelta(minutes=15))
    assert (rest.made, rest.mailed) == (0, 1)
    assert len(set(scene.mailbox.addresses)) == len(scene.mailbox.addresses) == FOLLOWERS


def test_a_run_that_dies_between_making_two_makes_the_other_next_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def dying(*told: Any) -> Any:
        made.append(told)
        if len(made) == 3:
            raise KeyboardInterrupt
        return document_for(*told)

    with monkeypatch.context() as patch:
        patch.setattr("breakwater.services.digests.document_for", dying)
        with pytest.raises(KeyboardInterrupt):
            run(scene)
    assert scene.rows("SELECT count(*) FROM alerts.digests") == [(2,)]
    outcome = run(scene, DUE + timedelta(minutes=15))
    assert (outcome.made, outcome.mailed) == (FOLLOWERS - 2, FOLLOWERS)


def test_two_runs_at_once_make_and_mail_each_digest_once(scene: Scene, database_urls: DatabaseUrls) -> None:
    outcomes: list[Outcome] = []
    databases = [Database(lambda: database_urls.functions) for _ in range(2)]

    def go(database: Database) -> None:
        outcomes.append(
            run_all(
                database.untenanted_transaction,
                database.tenant_transaction,
                Desk(scene.mailbox, Probes(database)),
                seconds_left=lambda: 200.0,
                now=lambda: DUE,
            )
        )

    threads = [threading.Thread(target=go, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for database in databases:
        database.close()
    assert sum(outcome.made for outcome in outcomes) == FOLLOWERS
    assert len(scene.mailbox.sent) == len(set(scene.mailbox.addresses)) == FOLLOWERS


def test_without_a_sender_digests_are_made_and_read_and_nothing_is_mailed_later(scene: Scene) -> None:
    outcome = run(scene, desk=Desk(None, scene.probes))
    assert (outcome.made, outcome.mailed) == (FOLLOWERS, 0)
    (summary,) = listed(scene, "trader")
    assert summary["mail_state"] == "NOT_CONFIGURED"
    assert run(scene, DUE + HOUR).mailed == 0


def test_a_mail_that_is_refused_is_over_and_keeps_nobody_else_from_his(scene: Scene) -> None:
    scene.mailbox.refuses = "trader@firm.example"
    outcome = run(scene)
    assert outcome.mailed == FOLLOWERS - 1
    assert len(outcome.troubles) == 1
    (summary,) = listed(scene, "trader")
    assert (summary["mail_state"], summary["mail_error"]) == (
        "FAILED",
        "MailRefused: the mail was refused: MessageRejected",
    )
    scene.mailbox.refuses = None
    assert run(scene, DUE + HOUR).mailed == 0


def test_a_mail_service_that_is_down_is_asked_again_by_later_runs_and_at_last_no_more(scene: Scene) -> None:
    class Down(Unavailable):
        code = "DOWN"

    scene.mailbox.trouble = Down("the mail service did not answer")
    assert run(scene).mailed == 0
    assert {row[0] for row in scene.rows("SELECT mail_state FROM alerts.digests")} == {"DUE"}
    scene.mailbox.trouble = None
    assert run(scene, DUE + HOUR).mailed == FOLLOWERS
    scene._admin("UPDATE alerts.digests SET mail_state = 'DUE', mail_tries = %s", MAIL_TRIES_MAX - 1)
    scene.mailbox.trouble = Down("the mail service did not answer")
    run(scene, DUE + 2 * HOUR)
    assert {row[0] for row in scene.rows("SELECT mail_state FROM alerts.digests")} == {"FAILED"}


def test_what_is_wrong_with_one_reader_keeps_no_other_from_his(scene: Scene) -> None:
    scene._admin(
        "UPDATE alerts.digest_preferences SET time_zone = 'No/Where' WHERE user_id = %s", scene.users["trader"]
    )
    outcome = run(scene)
    assert outcome.made == FOLLOWERS - 1
    assert "ZoneInfoNotFoundError" in outcome.troubles[0]


def test_a_run_ends_in_time_and_the_next_goes_on(scene: Scene) -> None:
    outcome = run(scene, seconds_left=5.0)
    assert outcome.made == 0
    assert outcome.troubles
    assert run(scene).made == FOLLOWERS


def test_who_was_disabled_or_has_another_role_is_sent_nothing_of_what_he_was(scene: Scene) -> None:
    class Down(Unavailable):
        code = "DOWN"

    scene.mailbox.trouble = Down("down")
    run(scene)
    scene.mailbox.trouble = None
    scene._admin("UPDATE identity.users SET disabled_at = now() WHERE user_id = %s", scene.users["trader"])
    scene._admin("UPDATE identity.users SET role = 'trader' WHERE user_id = %s", scene.users["auditor"])
    assert run(scene, DUE + HOUR).mailed == FOLLOWERS - 2
    assert not {"trader@firm.example", "auditor@firm.example"} & set(scene.mailbox.addresses)
    demoted = caller(scene, "auditor")
    assert asked(scene, lambda tx: digest_views.page(demoted, tx, cursor=None, limit=50))["items"] == []


def test_each_reads_his_own_and_nobody_elses(scene: Scene) -> None:
    run(scene)
    (mine,) = listed(scene, "trader")
    digest_id = uuid.UUID(mine["digest_id"])
    digest = asked(scene, lambda tx: digest_views.get(digest_id, caller(scene, "trader"), tx, at=DUE))
    assert digest["document"].username == caller(scene, "trader").username
    assert digest["text"].startswith(mine["subject"])
    assert mine["mail_state"] == "SENT"
    with pytest.raises(NotFound):
        asked(scene, lambda tx: digest_views.get(digest_id, caller(scene, "organisation_admin"), tx, at=DUE))


def test_that_somebody_looked_at_an_auditors_digest_is_a_record(scene: Scene) -> None:
    run(scene)
    (mine,) = listed(scene, "auditor")
    asked(scene, lambda tx: digest_views.get(uuid.UUID(mine["digest_id"]), caller(scene, "auditor"), tx, at=DUE))
    preview(scene, "auditor")
    told = scene.rows("SELECT payload ->> 'what' FROM trading.events WHERE topic = 'audit.SensitiveDataRead.v1'")
    assert told == [("audit digest",), ("audit digest",)]


def preview(scene: Scene, role: str, period: Period = Period.DAILY, **told: Any) -> digest_views.DigestPreview:
    return digest_views.preview(
        *(caller(scene, role), scene.database.tenant_transaction, scene.probes),
        period=period,
        starts_on=told.get("starts_on"),
        at=DUE,
    )


def test_a_preview_is_of_the_day_that_runs_and_keeps_nothing(scene: Scene) -> None:
    shown = preview(scene, "trader")
    assert shown["document"].starts_on == date(2026, 3, 30)
    assert not shown["document"].is_over
    assert "It is not over" in shown["text"]
    assert scene.rows("SELECT count(*) FROM alerts.digests") == [(0,)]
    assert preview(scene, "trader", starts_on=date(2026, 3, 29))["document"].is_over
    assert preview(scene, "trader", Period.WEEKLY)["document"].starts_on == date(2026, 3, 30)


@pytest.mark.parametrize(
    ("period", "starts_on"),
    [
        (Period.DAILY, date(2026, 3, 31)),
        (Period.DAILY, date(2020, 1, 1)),
        (Period.WEEKLY, date(2026, 3, 24)),
    ],
)
def test_there_is_no_preview_of_what_is_to_come_or_of_a_week_that_begins_on_a_tuesday(
    scene: Scene, period: Period, starts_on: date
) -> None:
    with pytest.raises(InvalidRequest):
        preview(scene, "trader", period, starts_on=starts_on)


def change(scene: Scene, role: str, **told: Any) -> digest_views.DigestSettings:
    wanted = {"daily": None, "weekly": None, "hour": 7, "time_zone": None} | told
    return asked(
        scene,
        lambda tx: digest_views.change_settings(caller(scene, role), tx, **wanted, has_sender=True, at=DUE - HOUR),
    )


def test_a_reader_says_himself_which_come_and_when(scene: Scene) -> None:
    settings = change(scene, "viewer", daily=True, hour=9, time_zone="Asia/Kolkata")
    assert (settings["daily"], settings["weekly"], settings["hour"]) == (True, False, 9)
    assert (settings["time_zone"], settings["organisation_time_zone"]) == ("Asia/Kolkata", "Europe/Berlin")
    assert settings["next_daily_at"] == "2026-03-31T03:30:00.000000Z"  # Nine o'clock there, after midnight in Berlin.
    assert settings["next_weekly_at"] is None
    assert change(scene, "trader", daily=False)["daily"] is False
    outcome = run(scene)
    assert outcome.made == FOLLOWERS - 1
    assert "trader@firm.example" not in scene.mailbox.addresses
    assert run(scene, datetime(2026, 3, 31, 3, 29, tzinfo=UTC)).made == 0
    assert run(scene, datetime(2026, 3, 31, 3, 30, tzinfo=UTC)).made == 1
    assert "viewer@firm.example" in scene.mailbox.addresses


def test_another_hour_moves_the_digest_that_is_still_to_come_and_makes_none_twice(scene: Scene) -> None:
    asked(
        scene,
        lambda tx: digest_views.change_settings(
            *(caller(scene, "trader"), tx),
            daily=None,
            weekly=False,
            hour=9,
            time_zone=None,
            has_sender=True,
            at=DUE - HOUR,
        ),
    )
    run(scene)
    assert "trader@firm.example" not in scene.mailbox.addresses
    run(scene, DUE + 2 * HOUR)
    asked(
        scene,
        lambda tx: digest_views.change_settings(
            *(caller(scene, "trader"), tx),
            daily=None,
            weekly=False,
            hour=12,
            time_zone=None,
            has_sender=True,
            at=DUE + 3 * HOUR,
        ),
    )
    for hours in range(3, 23):
        run(scene, DUE + hours * HOUR)
    assert scene.mailbox.addresses.count("trader@firm.example") == 1


def test_an_unknown_zone_and_who_may_not_are_refused(scene: Scene) -> None:
    with pytest.raises(InvalidRequest):
        change(scene, "trader", time_zone="Mars/Olympus")
    trading = caller(scene, "trader", scopes=frozenset({"trade"}))
    with pytest.raises(NotPermitted):
        asked(scene, lambda tx: digest_views.page(trading, tx, cursor=None, limit=1))
    reading = caller(scene, "trader", scopes=frozenset({"read"}))
    with pytest.raises(NotPermitted):
        asked(
            scene,
            lambda tx: digest_views.change_settings(
                *(reading, tx), daily=None, weekly=None, hour=7, time_zone=None, has_sender=True, at=DUE
            ),
        )


def test_an_old_digest_is_forgotten_in_time(scene: Scene) -> None:
    run(scene)
    scene._admin("UPDATE alerts.digests SET made_at = %s", DUE - timedelta(days=401))
    run(scene, DUE + HOUR)
    assert scene.rows("SELECT count(*) FROM alerts.digests WHERE made_at < %s", DUE - timedelta(days=400)) == [(0,)]


def test_a_digest_of_a_period_cannot_be_kept_twice(scene: Scene) -> None:
    run(scene)
    with pytest.raises(psycopg.errors.UniqueViolation):
        scene._admin(
            "INSERT INTO alerts.digests (digest_id, tenant_id, user_id, period, starts_on, role, document, made_at,"
            " mail_state) SELECT gen_random_uuid(), tenant_id, user_id, period, starts_on, role, document, made_at,"
            " mail_state FROM alerts.digests LIMIT 1"
        )
