"""`breakwater alerts` and `breakwater rota`: what is asked of the API, and how it is told."""

import uuid

import pytest

from tests.unit.client.command_line import Api, run, sign_in

ALERT_ID, USER_ID, OTHER_ID = (str(uuid.UUID(int=number << 96)) for number in (0xAAAA1111, 0xBBBB2222, 0xCCCC3333))
ALERT = {
    "alert_id": ALERT_ID,
    "severity": "CRITICAL",
    "title": "Desk A is KILLED",
    "created_at": "2026-01-01T00:00:00.000000Z",
    "acknowledged_by": None,
    "acknowledged_at": None,
}
TAKEN_UP = ALERT | {"acknowledged_by": "risk", "acknowledged_at": "2026-01-01T00:01:00.000000Z"}
SETTINGS = {"first_s": 900, "second_s": 1800, "incident_bridge": None}
SHIFT = {
    "username": "ben",
    "starts_at": "2026-01-05T08:00:00.000000Z",
    "ends_at": "2026-01-12T08:00:00.000000Z",
    "stands_in_for": "anna",
    "is_override": False,
}
ROTA = {
    "people": [
        {"user_id": USER_ID, "username": "anna", "is_available": False},
        {"user_id": OTHER_ID, "username": "ben", "is_available": True},
    ],
    "starts_on": "2026-01-05",
    "handover_at": "09:00",
    "time_zone": "Europe/Berlin",
    "turn_days": 7,
    "shifts": [SHIFT, SHIFT | {"username": None}],
    "overrides": [],
}
OVERRIDE = {"override_id": ALERT_ID, "username": "anna", "starts_at": "now", "ends_at": "then", "made_by": "anna"}


@pytest.fixture(autouse=True)
def signed_in_api(api: Api) -> Api:
    sign_in(api)
    users = [{"user_id": USER_ID, "username": "anna"}, {"user_id": OTHER_ID, "username": "ben"}]
    api.answers |= {
        "GET /alerts": (200, {"items": [ALERT], "next_cursor": None}),
        "GET /users": (200, {"items": users, "next_cursor": None}),
        "GET /alerts/escalation": (200, SETTINGS),
        "PUT /alerts/escalation": lambda sent: (200, sent),
        "GET /alerts/rota": (200, ROTA),
        "PUT /alerts/rota": (200, ROTA),
        "POST /alerts/rota/overrides": (201, OVERRIDE),
        f"DELETE /alerts/rota/overrides/{ALERT_ID}": (204, None),
        f"POST /alerts/{ALERT_ID}/acknowledge": (200, TAKEN_UP),
        "POST /alerts/acknowledge": (200, TAKEN_UP),
    }
    return api


def test_without_a_word_more_it_lists_them() -> None:
    told = run("alerts")
    assert told.exit_code == 0
    assert "Desk A is KILLED" in told.stdout


def test_an_alert_is_acknowledged_by_the_beginning_of_its_id(api: Api) -> None:
    told = run("alerts", "ack", ALERT_ID[:6], "--note", "looking")
    assert api.asked[-1] == (f"POST /alerts/{ALERT_ID}/acknowledge", {"note": "looking"})
    assert "Desk A is KILLED: acknowledged by risk at 2026-01-01T00:01:00.000000Z." in " ".join(told.stdout.split())
    assert run("alerts", "ack", "ffff").exit_code == 1


def test_a_group_is_acknowledged_by_its_name_and_not_beside_an_id(api: Api) -> None:
    assert run("alerts", "ack", "--all-of", "NODE_STATE/desk-a").exit_code == 0
    assert api.asked[-1] == ("POST /alerts/acknowledge", {"group_key": "NODE_STATE/desk-a"})
    assert run("alerts", "ack").exit_code == 2
    assert run("alerts", "ack", ALERT_ID, "--all-of", "g").exit_code == 2


def test_one_alert_is_shown_with_who_was_told(api: Api) -> None:
    delivery = {"stage": 15, "channel": "EMAIL", "destination": "head@example.com", "state": "SENT"}
    api.answers[f"GET /alerts/{ALERT_ID}"] = (200, {"alert": ALERT, "deliveries": [delivery]})
    assert "head@example.com" in run("alerts", "show", ALERT_ID).stdout


def test_what_is_not_said_of_an_escalation_stays_as_it_was(api: Api) -> None:
    assert "900" in run("alerts", "escalation").stdout
    assert [call for call, _ in api.asked if call.startswith("PUT")] == []
    assert run("alerts", "escalation", "--first", "20s", "--bridge", "+4930123456").exit_code == 0
    assert api.asked[-1][1] == {"first_s": 20, "second_s": 1800, "incident_bridge": "+4930123456"}
    assert run("alerts", "escalation", "--second", "1h", "--bridge", "-").exit_code == 0
    assert api.asked[-1][1] == {"first_s": 900, "second_s": 3600, "incident_bridge": None}
    assert run("alerts", "escalation", "--first", "soon").exit_code == 2


def test_a_rota_is_set_by_names_and_shows_who_stands_in_and_when_nobody_is_left(api: Api) -> None:
    told = run("rota", "set", "anna", "ben", "--starts-on", "2026-01-05", "--at", "09:00", "--zone", "Europe/Berlin")
    sent = {"people": [USER_ID, OTHER_ID], "starts_on": "2026-01-05", "handover_at": "09:00"}
    assert api.asked[-1] == ("PUT /alerts/rota", sent | {"time_zone": "Europe/Berlin"})
    words = " ".join(told.stdout.split())
    assert "every 7 days at 09:00 Europe/Berlin, since 2026-01-05" in words
    assert "NOBODY" in words
    assert "anna gone" in words


def test_whoever_names_nobody_takes_over_himself(api: Api) -> None:
    api.answers["GET /me"] = (200, {"user_id": USER_ID})
    assert run("rota", "override", "--until", "2026-01-06 09:00").exit_code == 0
    sent = {"user_id": USER_ID, "ends_at": "2026-01-06T09:00:00.000000Z"}
    assert api.asked[-1] == ("POST /alerts/rota/overrides", sent)
    assert run("rota", "override", "ben", "--from", "2026-01-05", "--until", "2026-01-06").exit_code == 0
    assert (api.asked[-1][1]["user_id"], api.asked[-1][1]["starts_at"]) == (OTHER_ID, "2026-01-05T00:00:00.000000Z")
    assert run("rota", "cancel", ALERT_ID).exit_code == 0
    assert api.asked[-1][0] == f"DELETE /alerts/rota/overrides/{ALERT_ID}"
