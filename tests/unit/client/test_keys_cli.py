"""`breakwater keys`: what is made, rotated and listed, and that a secret is shown once."""

from pathlib import Path

import pytest

from tests.unit.client.command_line import Api, run, sign_in

KEY_ID, NEXT_ID = "0123456789abcdef", "fedcba9876543210"
SECRET = f"bw_{NEXT_ID}_secret"
MADE = {"key_id": NEXT_ID, "api_key": SECRET, "name": "bot", "scopes": ["read"], "expires_at": None}
ROTATED = MADE | {"replaces": KEY_ID, "works_until": "2026-01-02T00:00:00.000000Z"}
LISTED = {
    "key_id": KEY_ID,
    "username": "trader1",
    "name": "bot",
    "scopes": ["read"],
    "ip_allow": [],
    "created_at": "2026-01-01T00:00:00.000000Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-01-01T12:00:00.000000Z",
    "last_used_from": "203.0.113.7",
    "requests_per_minute_max": None,
    "made_with": None,
    "replaced_by": NEXT_ID,
}


@pytest.fixture(autouse=True)
def signed_in_api(api: Api) -> Api:
    sign_in(api)
    return api


def test_a_rotation_shows_the_new_key_and_until_when_the_old_one_works(api: Api) -> None:
    api.answers[f"POST /api-keys/{KEY_ID}/rotate"] = (201, ROTATED)
    told = run("keys", "rotate", KEY_ID, "--overlap-s", "60")
    assert told.exit_code == 0
    assert api.asked[-1] == (f"POST /api-keys/{KEY_ID}/rotate", {"overlap_s": 60})
    words = " ".join(told.stdout.split())
    assert NEXT_ID in words
    assert SECRET in words
    assert f"{KEY_ID} works until 2026-01-02T00:00:00.000000Z" in words


def test_an_ed25519_key_is_rotated_to_the_public_half_that_a_file_holds(api: Api, tmp_path: Path) -> None:
    api.answers[f"POST /api-keys/{KEY_ID}/rotate"] = (201, ROTATED | {"api_key": None})
    pem = tmp_path / "next.pub"
    pem.write_text("PEM")
    told = run("keys", "rotate", KEY_ID, "--public-key", str(pem))
    assert api.asked[-1][1] == {"overlap_s": 86_400, "public_key": "PEM"}
    assert "secret" not in told.stdout


def test_a_key_is_made_with_its_rate(api: Api) -> None:
    api.answers["POST /api-keys"] = (201, MADE)
    assert run("keys", "create", "bot", "--scope", "read", "--per-minute", "7").exit_code == 0
    assert api.asked[-1][1] == {"name": "bot", "scopes": ["read"], "requests_per_minute_max": 7}


def test_keys_are_listed_with_their_last_use(api: Api) -> None:
    api.answers["GET /api-keys"] = (200, {"items": [LISTED]})
    listed = run("keys", "list", "--json")
    assert "203.0.113.7" in listed.stdout
    assert run("keys", "list").exit_code == 0
