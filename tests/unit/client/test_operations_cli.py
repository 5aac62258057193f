"""What those who run the platform type."""

import json
from typing import Any

import pytest

from tests.unit.client.command_line import ACCOUNT, Api, run, sign_in

LETTER = {
    "letter_id": "0a1b2c3d-0000-4000-8000-000000000000",
    "queue": "alerts",
    "failed_at": "2026-11-01T12:00:00Z",
    "receives": 5,
    "error_type": "NotFound",
    "error": "no such order",
    "is_own": True,
    "tenant_id": None,
    "account_id": None,
    "event_id": None,
    "topic": "limits.LimitBreached.v1",
    "correlation_id": None,
}


@pytest.fixture(autouse=True)
def signed_in(api: Api) -> None:
    sign_in(api)
    api.answers["GET /dead-letters"] = (200, {"items": [LETTER], "total": 1})


def test_letters_are_listed_with_what_is_known_of_why(api: Api) -> None:
    shown = run("dlq", "list").stdout
    assert "NotFound: no such order" in shown
    killed = LETTER | {"error_type": None, "error": None}
    api.answers["GET /dead-letters"] = (200, {"items": [killed], "total": 300})
    shown = " ".join(run("dlq", "list").stdout.split())
    assert "its consumer was killed" in shown
    assert "1 of about 300" in shown


def test_a_letter_is_found_by_the_beginning_of_its_id(api: Api) -> None:
    api.answers[f"GET /dead-letters/alerts/{LETTER['letter_id']}"] = (200, LETTER | {"body": "{}"})
    assert run("dlq", "show", "0a1b").exit_code == 0
    result = run("dlq", "show", "ffff")
    assert (result.exit_code, "no dead letter begins with ffff" in result.output) == (2, True)


def test_one_letter_or_all_are_sent_again_and_nothing_by_default(api: Api) -> None:
    route = "POST /dead-letters/alerts/redrive"
    api.answers[route] = (200, {"redriven": 1, "left": 0})
    assert run("dlq", "redrive", "alerts", "0a1b").exit_code == 0
    assert api.asked[-1] == (route, {"letter_id": LETTER["letter_id"]})
    assert run("dlq", "redrive", "alerts", "--all").exit_code == 0
    assert api.asked[-1] == (route, {})
    assert run("dlq", "redrive", "alerts").exit_code == 2
    assert run("dlq", "redrive", "alerts", "0a1b", "--all").exit_code == 2


def test_consumers_tell_by_the_exit_code_that_one_is_late(api: Api) -> None:
    consumer: dict[str, Any] = {"queue": "alerts", "state": "OK", "lag_s": 1.0, "visible": 0, "in_flight": 0}
    api.answers["GET /consumers"] = (200, {"items": [consumer]})
    assert run("consumers").exit_code == 0
    api.answers["GET /consumers"] = (200, {"items": [consumer | {"state": "LATE"}]})
    assert run("consumers").exit_code == 1


def test_a_replay_says_what_was_sent(api: Api) -> None:
    api.answers["POST /replays"] = (200, {"replay_id": "r", "sent": 3, "next_cursor": None})
    result = run("events", "replay", "--consumer", "alerts", "--from", "2026-11-01", "--to", "2026-11-02")
    assert (result.exit_code, "3 events were sent to alerts again" in result.output) == (0, True)
    told = api.asked[-1][1]
    assert (told["consumer"], told["since"], told["until"]) == (
        "alerts",
        "2026-11-01T00:00:00.000000Z",
        "2026-11-02T00:00:00.000000Z",
    )
    assert run("events", "replay", "--consumer", "audit", "--from", "2026-11-01", "--to", "+1d").exit_code == 2


def test_a_rebuild_goes_through_all_accounts_and_says_what_was_other(api: Api) -> None:
    position = {
        "symbol": "ETH/USDT",
        "quantity_before": "7",
        "quantity": "2",
        "average_price_before": "1",
        "average_price": "2",
        "realised_pnl_before": "0",
        "realised_pnl": "0",
    }
    rebuilt: dict[str, Any] = {"account_id": ACCOUNT, "events": 9, "trades": [], "positions": [position]}
    rebuilt |= {"balances": [], "orders": [], "unknown_trades": []}
    api.answers["GET /read-models"] = (200, {"account_ids": [ACCOUNT]})
    api.answers[f"POST /read-models/{ACCOUNT}/rebuild"] = (200, rebuilt)
    result = run("events", "rebuild")
    assert result.exit_code == 0
    assert "9 events, 1 positions corrected" in result.output
    assert "ETH/USDT: 7 at 1, realised 0 -> 2 at 2, realised 0" in " ".join(result.output.split())
    problem = {"code": "CONFLICT", "detail": "too many events"}
    api.answers[f"POST /read-models/{ACCOUNT}/rebuild"] = (409, problem)
    result = run("events", "rebuild", "--json")
    assert (result.exit_code, json.loads(result.stdout)["failed"][0]["detail"]) == (1, "too many events")


def test_an_accounts_events_are_still_what_the_bare_command_lists(api: Api) -> None:
    api.answers["GET /events"] = (200, {"items": []})
    assert "Nothing new." in run("events", "--since", "3").output
