"""`breakwater credentials`: key and secret are asked for, sent, and shown nowhere."""

import pytest
from typer.testing import CliRunner

from breakwater.client.cli import app
from tests.unit.client.command_line import ACCOUNT, Api, run, sign_in

ID = "5a1c2f3e-0000-4000-8000-000000000001"
SHOWN = {"credential_id": ID, "version": 1, "account_id": ACCOUNT, "venue": "BINANCE", "label": "main"}
SHOWN |= {"api_key_end": "wxyz", "created_at": "2026-01-01T00:00:00Z", "granted_account_ids": [ACCOUNT]}
KEY, SECRET = "public-key-wxyz", "hush-hush"


@pytest.fixture(autouse=True)
def signed_in_api(api: Api) -> Api:
    sign_in(api)
    return api


def typed(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, input=f"{KEY}\n{SECRET}\n")
    assert result.exit_code == 0, result.output
    return result.output


def test_a_key_is_asked_for_and_shown_nowhere(api: Api) -> None:
    api.answers["POST /exchange-credentials"] = (201, SHOWN)
    told = typed("credentials", "add", "BINANCE", "main", "--account", ACCOUNT)
    sent = {"account_id": ACCOUNT, "venue": "BINANCE", "label": "main", "api_key": KEY, "secret": SECRET}
    assert api.asked[-1] == ("POST /exchange-credentials", sent)
    assert f"store:{ID}" in told
    assert KEY not in told
    assert SECRET not in told


def test_no_option_takes_a_key_or_a_secret() -> None:
    for option in ("--secret", "--api-key"):
        assert run("credentials", "add", "BINANCE", "main", "--account", ACCOUNT, option, SECRET).exit_code == 2


def test_a_rotation_says_how_long_the_old_version_is_kept(api: Api) -> None:
    api.answers[f"POST /exchange-credentials/{ID}/rotate"] = (201, SHOWN | {"version": 2})
    assert "Version 2" in typed("credentials", "rotate", ID, "--overlap-s", "60")
    assert api.asked[-1][1] == {"api_key": KEY, "secret": SECRET, "overlap_s": 60}


def test_they_are_listed_by_the_ends_of_their_keys(api: Api) -> None:
    api.answers["GET /exchange-credentials"] = (200, {"items": [SHOWN]})
    listed = run("credentials", "list", "--json")
    assert "wxyz" in listed.stdout


def test_one_is_forgotten(api: Api) -> None:
    api.answers[f"DELETE /exchange-credentials/{ID}"] = (204, {})
    assert run("credentials", "delete", ID).exit_code == 0
    assert api.asked[-1][0] == f"DELETE /exchange-credentials/{ID}"


def test_it_is_granted_to_another_account_and_taken_from_it(api: Api) -> None:
    path = f"/exchange-credentials/{ID}/accounts/{ACCOUNT}"
    for command, method in (("grant", "PUT"), ("withdraw", "DELETE")):
        api.answers[f"{method} {path}"] = (204, {})
        assert run("credentials", command, ID, ACCOUNT).exit_code == 0
        assert api.asked[-1][0] == f"{method} {path}"
