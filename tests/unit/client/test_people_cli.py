import json
from typing import Any

import pytest

from tests.unit.client.command_line import ACCOUNT, SIGNED_IN, Api, run, sign_in

DORA, BERT = "0b7b0d43-6f4c-4a4f-9d2d-aaaaaaaaaaaa", "0b7b0d43-6f4c-4a4f-9d2d-bbbbbbbbbbbb"
DESK, GROUP = "0b7b0d43-6f4c-4a4f-9d2d-cccccccccccc", "0b7b0d43-6f4c-4a4f-9d2d-dddddddddddd"


def user(user_id: str, username: str, **changes: Any) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "username": username,
        "email": f"{username}@example.com",
        "role": "trader",
        "is_disabled": False,
        "sees_all_accounts": False,
        "account_ids": [],
        "given_account_ids": [],
        "node_ids": [],
        "group_ids": [],
        "created_at": "2026-01-02T03:04:05.000006Z",
    } | changes


@pytest.fixture
def people(api: Api) -> Api:
    """Two users on two pages, a desk with an account, and a group."""
    sign_in(api)
    dora = user(DORA, "dora", account_ids=[ACCOUNT], node_ids=[DESK], group_ids=[GROUP])
    listed = [dora, user(BERT, "1e5", role="auditor", is_disabled=True, sees_all_accounts=True)]
    api.answers |= {
        "GET /users": (200, {"items": listed, "next_cursor": None}),
        "GET /groups": (
            200,
            {
                "items": [
                    {"group_id": GROUP, "name": "Arbitrage", "member_ids": [DORA], "account_ids": [ACCOUNT]}
                    | {"created_at": "2026-01-02T03:04:05.000006Z"}
                ]
            },
        ),
        "GET /limits/nodes": (
            200,
            {
                "items": [
                    {"node_id": DESK, "name": "Desk A", "kind": "DESK", "account_id": None},
                    {"node_id": "n", "name": "dora paper", "kind": "ACCOUNT", "account_id": ACCOUNT},
                ]
            },
        ),
    }
    return api


def test_users_are_listed_with_what_they_reach_by_name(people: Api) -> None:
    lines = run("users", "list").stdout.splitlines()
    assert lines[0].split() == ["user", "role", "accounts", "state", "email", "since"]
    assert lines[1].split()[:5] == ["dora", "trader", "dora", "paper", "enabled"]
    assert lines[2].split()[:4] == ["1e5", "auditor", "all", "disabled"]  # A name that looks like a number stays one.
    assert json.loads(run("users", "list", "--json").stdout)["items"][0]["user_id"] == DORA


def test_one_user_is_shown_with_the_ways_to_his_accounts(people: Api) -> None:
    told = run("users", "show", "DORA").stdout
    for word in ("dora paper", "Desk A", "Arbitrage", "enabled"):
        assert word in told


def test_sessions_are_listed_and_ended_by_the_beginning_of_an_id(people: Api) -> None:
    session = {
        "session_id": DESK,
        "issuer": "POOL",
        "signed_in_at": "2026-01-02T03:04:05.000006Z",
        "last_seen_at": "2026-01-02T03:04:05.000006Z",
        "source_ip": "203.0.113.7",
        "has_second_factor": True,
        "is_current": True,
    }
    other = session | {"session_id": "1c7b0d43-6f4c-4a4f-9d2d-cccccccccccc", "is_current": False}
    for whose in ("me", DORA):
        people.answers[f"GET /users/{whose}/sessions"] = (200, {"items": [session, other]})
        people.answers[f"DELETE /users/{whose}/sessions/{other['session_id']}"] = (204, {})
        people.answers[f"DELETE /users/{whose}/sessions/{GROUP}"] = (204, {})
    lines = run("users", "sessions").stdout.splitlines()
    assert (lines[1].split()[:3], "this one" in lines[1], "this one" in lines[2]) == (
        [DESK, "203.0.113.7", "yes"],
        True,
        False,
    )
    assert json.loads(run("users", "sessions", "--user", "dora", "--json").stdout)["items"] == [session, other]
    assert run("users", "end-session", "1c7b").exit_code == 0
    assert people.asked[-1][0] == f"DELETE /users/me/sessions/{other['session_id']}"
    assert run("users", "end-session", GROUP, "--user", "dora").exit_code == 0
    assert people.asked[-1][0] == f"DELETE /users/{DORA}/sessions/{GROUP}"
    result = run("users", "end-session", "ffff")
    assert (result.exit_code, "breakwater users sessions" in result.stderr) == (1, True)


def test_a_second_factor_is_reset_by_name(people: Api) -> None:
    people.answers[f"DELETE /users/{DORA}/totp"] = (204, {})
    assert run("users", "reset-totp", "dora").exit_code == 0
    assert people.asked[-1][0] == f"DELETE /users/{DORA}/totp"


def test_somebody_of_the_firms_own_issuer_is_invited_by_what_it_calls_him(people: Api) -> None:
    people.answers["POST /users"] = (201, user(BERT, "bert"))
    result = run("users", "invite", "bert", "bert@example.com", "viewer", "--issuer-subject", "4711")
    assert (result.exit_code, "his sign-in at the issuer" in result.stdout) == (0, True)
    assert people.asked[-1][1]["issuer_subject"] == "4711"


def test_an_invitation_is_sent_as_it_was_typed(people: Api) -> None:
    people.answers["POST /users"] = (201, user(BERT, "bert"))
    result = run("users", "invite", "bert", "bert@example.com", "desk_head")
    assert (result.exit_code, "a mail to bert@example.com" in result.stdout) == (0, True)
    assert people.asked[-1] == (
        "POST /users",
        {"username": "bert", "email": "bert@example.com", "role": "desk_head"},
    )
    result = run("users", "invite", "bert", "bert@example.com", "viewer", "--temporary-password", "Tell-him-1")
    assert "the password that you tell him" in result.stdout
    assert people.asked[-1][1]["temporary_password"] == "Tell-him-1"
    assert "Tell-him-1" not in result.stdout
    assert run("users", "invite", "bert", "bert@example.com", "system_admin").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "call", "body"),
    [
        (("users", "role", "dora", "viewer"), f"PATCH /users/{DORA}", {"role": "viewer"}),
        (("users", "disable", "dora"), f"PATCH /users/{DORA}", {"is_disabled": True}),
        (("users", "enable", DORA), f"PATCH /users/{DORA}", {"is_disabled": False}),
        (("users", "invite-again", "dora"), f"POST /users/{DORA}/invitation", {}),
        (("users", "give", "dora", "dora paper"), f"PUT /users/{DORA}/accounts/{ACCOUNT}", None),
        (("users", "take", "dora", ACCOUNT), f"DELETE /users/{DORA}/accounts/{ACCOUNT}", None),
        (("users", "assign", "dora", "desk a"), f"PUT /users/{DORA}/nodes/{DESK}", None),
        (("users", "unassign", "dora", "Desk A"), f"DELETE /users/{DORA}/nodes/{DESK}", None),
        (("groups", "create", "Arbitrage"), "POST /groups", {"name": "Arbitrage"}),
        (("groups", "add", "arbitrage", "dora"), f"PUT /groups/{GROUP}/members/{DORA}", None),
        (("groups", "remove", GROUP, "dora"), f"DELETE /groups/{GROUP}/members/{DORA}", None),
        (("groups", "give", "Arbitrage", "dora paper"), f"PUT /groups/{GROUP}/accounts/{ACCOUNT}", None),
        (("groups", "take", "Arbitrage", "dora paper"), f"DELETE /groups/{GROUP}/accounts/{ACCOUNT}", None),
        (
            ("accounts", "create", "New", "--under", "Desk A", "--balance", "usdt=100.50", "--base", "usdc"),
            "POST /accounts",
            {"parent_id": DESK, "name": "New", "base_currency": "USDC", "balances": {"USDT": "100.50"}},
        ),
        (
            ("accounts", "create", "New", "--under", "Desk A", "--live"),
            "POST /accounts",
            {"parent_id": DESK, "name": "New", "kind": "LIVE"},
        ),
        (("groups", "delete", "Arbitrage"), f"DELETE /groups/{GROUP}", None),
    ],
)
def test_a_command_is_one_call(people: Api, arguments: tuple[str, ...], call: str, body: Any) -> None:
    people.answers[call] = (200, user(DORA, "dora") | {"name": "Arbitrage", "account_id": ACCOUNT})
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert people.asked[-1] == (call, body)


def test_a_balance_that_makes_no_sense_is_said_to_be_so(people: Api) -> None:
    result = run("accounts", "create", "New", "--under", "Desk A", "--balance", "100")
    assert (result.exit_code, "'100' is not such as USDT=100000" in result.stderr) == (2, True)


def test_a_name_that_is_near_is_offered(people: Api) -> None:
    assert run("users", "disable", "dorra").stderr == "error: no user is named 'dorra': did you mean dora?\n"
    assert "`breakwater groups list` shows them" in run("groups", "delete", "Zzz").stderr


def test_groups_are_listed_by_name(people: Api) -> None:
    told = run("groups", "list").stdout
    assert all(word in told for word in ("Arbitrage", "dora", "dora paper"))


def test_an_invited_user_chooses_a_password_as_he_signs_in(api: Api) -> None:
    api.answers["POST /auth/sign-in"] = (200, SIGNED_IN)
    options = ("--user", "dora", "--password", "temporary", "--new-password", "my own", "--api-url", api.url)
    assert run("sign-in", *options).exit_code == 0
    assert api.asked[0][1] == {"username": "dora", "password": "temporary", "new_password": "my own"}
