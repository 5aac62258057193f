"""`breakwater webhooks`: what is asked of the API, and what of its answers is shown."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from breakwater.client import webhooks_cli
from tests.unit.client.command_line import ACCOUNT, Api, run, sign_in

ENDPOINT_ID, DELIVERY_ID = "7b7b0d43-6f4c-4a4f-9d2d-222222222222", "8b7b0d43-6f4c-4a4f-9d2d-333333333333"
PATH, SECRET = f"/webhooks/{ENDPOINT_ID}", "bwh_" + "s" * 43
ENDPOINT = {
    "endpoint_id": ENDPOINT_ID,
    "name": "books",
    "url": "https://hooks.example.com/x",
    "topics": ["orders.*", "trades.*"],
    "account_ids": None,
    "state": "ACTIVE",
    "waiting": 7,
    "missed": 0,
    "missed_since": None,
    "failing_since": None,
    "last_delivered_at": None,
}
DELIVERY = {
    "delivery_id": DELIVERY_ID,
    "queued_at": "2026-01-01T00:00:00.000000Z",
    "kind": "PING",
    "topic": "webhooks.Ping.v1",
    "event_id": DELIVERY_ID,
    "state": "DELIVERED",
    "attempts": 1,
    "last_outcome": "DELIVERED",
    "last_status": 200,
    "last_latency_ms": 12,
}
ATTEMPT = {
    "attempt": 1,
    "at": "2026-01-01T00:00:00.000000Z",
    "outcome": "DELIVERED",
    "status": 200,
    "latency_ms": 12,
    "answer": "1e5",
    "detail": "",
}


@pytest.fixture(autouse=True)
def signed_in_api(api: Api) -> Api:
    sign_in(api)
    api.answers["GET /webhooks"] = (200, {"items": [ENDPOINT]})
    return api


def test_an_endpoint_is_added_and_its_secret_shown_once(api: Api) -> None:
    api.answers["POST /webhooks"] = (201, {"endpoint": ENDPOINT, "secret": SECRET})
    options = ("--topic", "orders.*", "--topic", "trades.*", "--account", ACCOUNT)
    told = run("webhooks", "add", "books", "https://hooks.example.com/x", *options)
    assert (told.exit_code, SECRET in told.stdout, "never again" in told.stdout) == (0, True, True)
    body = {"name": "books", "url": "https://hooks.example.com/x", "topics": ["orders.*", "trades.*"]}
    assert api.asked[-1] == ("POST /webhooks", body | {"account_ids": [ACCOUNT]})
    run("webhooks", "add", "all", "https://hooks.example.com/x")
    assert api.asked[-1][1]["topics"] == ["*"]
    assert SECRET not in run("webhooks", "list", "--json").stdout
    assert "orders.*, trades.*" in run("webhooks", "list").stdout


def test_an_endpoint_is_named_or_told_by_its_id_and_only_what_is_said_changes(api: Api) -> None:
    api.answers[f"PATCH {PATH}"] = api.answers[f"GET {PATH}"] = (200, ENDPOINT)
    assert "books" in run("webhooks", "show", "BOOKS").stdout
    run("webhooks", "change", ENDPOINT_ID, "--topic", "alerts.*")
    assert api.asked[-1] == (f"PATCH {PATH}", {"topics": ["alerts.*"]})
    run("webhooks", "change", "books", "--all-accounts", "--name", "b")
    assert api.asked[-1] == (f"PATCH {PATH}", {"name": "b", "account_ids": None})
    assert run("webhooks", "change", "books", "--all-accounts", "--account", ACCOUNT).exit_code == 2
    missing = run("webhooks", "show", "boks")
    assert (missing.exit_code, "did you mean books?" in missing.stderr) == (1, True)


def test_a_rotation_says_until_when_the_old_secret_signs(api: Api) -> None:
    until = "2026-01-02T00:00:00.000000Z"
    api.answers[f"POST {PATH}/rotate"] = (201, {"secret": SECRET, "older_works_until": until})
    told = run("webhooks", "rotate", "books", "--overlap-s", "60")
    assert SECRET in told.stdout
    assert until in told.stdout
    assert api.asked[-1] == (f"POST {PATH}/rotate", {"overlap_s": 60})


@pytest.mark.parametrize(("state", "exit_code"), [("DELIVERED", 0), ("DEAD", 1)])
def test_a_ping_is_waited_for_and_told_by_the_exit_code(api: Api, state: str, exit_code: int) -> None:
    answers = iter(["WAITING", state])
    api.answers[f"POST {PATH}/ping"] = (202, DELIVERY | {"state": "WAITING"})
    api.answers[f"GET {PATH}/deliveries/{DELIVERY_ID}"] = _changing(answers)
    told = run("webhooks", "ping", "books")
    assert told.exit_code == exit_code
    assert "1e5" in told.stdout  # What was answered, and no number of ours.


def _changing(states: Any) -> Callable[[Any], tuple[int, Any]]:
    return lambda _: (200, {"delivery": DELIVERY | {"state": next(states)}, "attempts": [ATTEMPT]})


def test_a_ping_that_nobody_sends_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks_cli, "PING_WAIT_S", 0)
    api.answers[f"POST {PATH}/ping"] = (202, DELIVERY | {"state": "WAITING"})
    waiting = {"delivery": DELIVERY | {"state": "WAITING"}, "attempts": []}
    api.answers[f"GET {PATH}/deliveries/{DELIVERY_ID}"] = (200, waiting)
    told = run("webhooks", "ping", "books")
    assert (told.exit_code, "Nobody has sent it yet" in told.stdout) == (1, True)


def test_the_log_has_deliveries_and_of_one_its_attempts(api: Api) -> None:
    api.answers[f"GET {PATH}/deliveries"] = (200, {"items": [DELIVERY], "next_cursor": None})
    api.answers[f"GET {PATH}/deliveries/{DELIVERY_ID}"] = (200, {"delivery": DELIVERY, "attempts": [ATTEMPT]})
    assert "webhooks.Ping.v1" in run("webhooks", "log", "books", "--state", "delivered").stdout
    assert "1e5" in run("webhooks", "log", "books", "--delivery", DELIVERY_ID).stdout
    told = json.loads(run("webhooks", "log", "books", "--delivery", DELIVERY_ID, "--json").stdout)
    assert told == {"delivery": DELIVERY, "attempts": [ATTEMPT]}


def test_one_delivery_is_sent_again_or_a_period_until_all_of_it_is_queued(api: Api) -> None:
    api.answers[f"POST {PATH}/deliveries/{DELIVERY_ID}/redeliver"] = (202, DELIVERY)
    assert DELIVERY_ID in run("webhooks", "redeliver", "books", DELIVERY_ID).stdout
    pages = iter(
        [{"queued": 1000, "goes_on_since": "2026-01-01T01:00:00.000000Z"}, {"queued": 3, "goes_on_since": None}]
    )
    api.answers[f"POST {PATH}/redeliver"] = lambda _: (202, next(pages))
    since, until = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    told = run("webhooks", "redeliver", "books", "--since", since, "--until", until)
    assert told.stdout.startswith("1003 events")
    assert api.asked[-1][1] == {"since": "2026-01-01T01:00:00.000000Z", "until": until}
    for nonsense in ((), (DELIVERY_ID, "--since", since), ("--until", until)):
        assert run("webhooks", "redeliver", "books", *nonsense).exit_code == 2


def test_it_is_paused_resumed_and_removed(api: Api) -> None:
    api.answers[f"POST {PATH}/pause"] = (200, ENDPOINT | {"state": "PAUSED"})
    missed = {"missed": 5, "missed_since": "2026-01-01T00:00:00.000000Z"}
    api.answers[f"POST {PATH}/resume"] = (200, ENDPOINT | missed)
    api.answers[f"DELETE {PATH}"] = (204, None)
    assert "7 events wait" in run("webhooks", "pause", "books").stdout
    assert "--since 2026-01-01" in run("webhooks", "resume", "books").stdout
    assert run("webhooks", "remove", "books").exit_code == 0
    assert api.asked[-1][0] == f"DELETE {PATH}"
