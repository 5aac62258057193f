"""`breakwater oauth-clients`: what is made, given another secret and listed, and that a secret is shown once."""

import pytest

from tests.unit.client.command_line import Api, run, sign_in

CLIENT_ID, SECRET = "bwc_0123456789abcdef", "s" * 43
USER = {"user_id": "7b7b0d43-6f4c-4a4f-9d2d-222222222222", "username": "viewer1"}
MADE = {"client_id": CLIENT_ID, "client_secret": SECRET, "older_works_until": None}
LISTED = {
    "client_id": CLIENT_ID,
    "name": "reports",
    "user_id": USER["user_id"],
    "username": "viewer1",
    "made_by": "admin",
    "scopes": ["read"],
    "ip_allow": ["203.0.113.0/24"],
    "created_at": "2026-01-01T00:00:00.000000Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-01-01T12:00:00.000000Z",
    "last_used_from": "203.0.113.7",
    "requests_per_minute_max": None,
    "is_live": True,
    "older_secret_ends_at": None,
}


@pytest.fixture(autouse=True)
def signed_in_api(api: Api) -> Api:
    sign_in(api)
    return api


def test_a_client_is_made_for_a_user_by_name_and_its_secret_shown(api: Api) -> None:
    api.answers["GET /users"] = (200, {"items": [USER], "next_cursor": None})
    api.answers["POST /oauth-clients"] = (201, MADE)
    options = ("--user", "viewer1", "--scope", "read", "--ip", "203.0.113.0/24", "--per-minute", "7")
    told = run("oauth-clients", "create", "reports", *options)
    assert told.exit_code == 0
    assert api.asked[-1][1] == {
        "name": "reports",
        "user_id": USER["user_id"],
        "scopes": ["read"],
        "ip_allow": ["203.0.113.0/24"],
        "requests_per_minute_max": 7,
    }
    assert CLIENT_ID in told.stdout
    assert SECRET in told.stdout


def test_a_rotation_shows_the_new_secret_and_until_when_the_one_before_works(api: Api) -> None:
    until = "2026-01-02T00:00:00.000000Z"
    api.answers[f"POST /oauth-clients/{CLIENT_ID}/rotate"] = (201, MADE | {"older_works_until": until})
    told = run("oauth-clients", "rotate", CLIENT_ID, "--overlap-s", "0")
    assert api.asked[-1] == (f"POST /oauth-clients/{CLIENT_ID}/rotate", {"overlap_s": 0})
    assert SECRET in told.stdout
    assert f"The secret before works until {until}." in " ".join(told.stdout.split())


def test_clients_are_listed_and_revoked(api: Api) -> None:
    api.answers["GET /oauth-clients"] = (200, {"items": [LISTED]})
    api.answers[f"DELETE /oauth-clients/{CLIENT_ID}"] = (204, None)
    assert "203.0.113.7" in run("oauth-clients", "list", "--json").stdout
    assert run("oauth-clients", "list").exit_code == 0
    assert run("oauth-clients", "revoke", CLIENT_ID).exit_code == 0
    assert api.asked[-1][0] == f"DELETE /oauth-clients/{CLIENT_ID}"
