"""What `breakwater limits` makes of the server's answers; tests/contract has it against the real functions."""

import json
from typing import Any

import pytest

from breakwater.client import render
from breakwater.client.limits_lease_cli import LEASES, lease_rows
from tests.unit.client.command_line import ACCOUNT, Api, run, sign_in
from tests.unit.client.limit_views import LIMIT_ID, TYPES, limit_of, node_of
from tests.unit.client.test_render import shown

FIRM = [
    node_of("Harbour", "n-firm", kind="FIRM"),
    node_of("Desk A", "n-a"),
    node_of("Twin", "n-b"),
    node_of("Twin", "n-c"),
    node_of("Desk [red]", "0b7b0d43-aaaa"),
    node_of("trader1 paper", "n-p", kind="ACCOUNT", account_id=ACCOUNT),
]
KILLED = node_of("Desk A", state="KILLED", state_reason="test") | {
    "canceled": ["o-1"],
    "failed": [],
    "leases_not_stopped": [],
}
BEAT = {"node_id": "n-p", "heartbeat_at": "2026-11-28T12:00:00Z", "expires_at": "2026-11-28T12:00:30Z"}


@pytest.fixture
def firm(api: Api) -> Api:
    """A stub that knows the nodes, the types, and one limit of Desk A."""
    sign_in(api)
    api.answers |= {
        "GET /limits/nodes": (200, {"items": FIRM}),
        "GET /limits/types": (200, {"items": TYPES}),
        "GET /limits/usage": (200, node_of("Desk A") | {"items": [limit_of()], "planned": []}),
        "GET /limits/overrides": (200, {"items": [], "next_cursor": None}),
    }
    return api


@pytest.mark.parametrize(
    ("told", "node_id"), [("desk a", "n-a"), ("0B7B", "0b7b0d43-aaaa"), ("desk [red]", "0b7b0d43-aaaa")]
)
def test_a_node_is_stopped_by_its_name_or_the_beginning_of_its_id(firm: Api, told: str, node_id: str) -> None:
    firm.answers["POST /limits/kill"] = (200, KILLED)
    assert "1 order cancelled." in run("limits", "kill", told, "--reason", "test").stdout
    assert firm.asked[-1] == ("POST /limits/kill", {"node_id": node_id, "reason": "test"})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Desk Z", "no node is named 'Desk Z': did you mean Desk A"),
        ("Twin", "2 nodes are named 'Twin', say the id of one: n-b, n-c"),
        ("0b7", "no node is named '0b7'"),
        ("", "no node is named ''"),
    ],
)
def test_a_name_of_no_node_or_of_two_is_one_line_and_stops_nothing(firm: Api, name: str, told: str) -> None:
    result = run("limits", "kill", name, "--reason", "test")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert told in result.stderr
    assert "POST /limits/kill" not in dict(firm.asked)


def test_orders_that_a_kill_could_not_cancel_are_listed_and_the_exit_code_says_so(firm: Api) -> None:
    failed = [{"order_id": "o-7", "reason": "the engine does not answer"}]
    firm.answers["POST /limits/kill"] = (200, KILLED | {"canceled": [], "failed": failed})
    result = run("limits", "kill", "Desk A", "--reason", "test")
    assert result.exit_code == 1
    assert "these may still be open" in result.stderr
    assert "o-7" in result.stderr
    assert "the engine does not answer" in result.stderr


def test_leases_that_a_kill_could_not_stop_are_listed_whole_and_the_exit_code_says_so(firm: Api) -> None:
    firm.answers["POST /limits/kill"] = (200, KILLED | {"leases_not_stopped": [LIMIT_ID, "l-2"]})
    result = run("limits", "kill", "Desk A", "--reason", "test")
    assert result.exit_code == 1
    told, *listed = result.stderr.splitlines()
    assert "the engine may go by these leases until they run out" in told
    assert listed == [LIMIT_ID, "l-2"]


def test_a_change_keeps_what_is_not_said_and_replaces_no_version_but_the_one_it_saw(firm: Api) -> None:
    before = limit_of(value="20", set_value="10", override_id="o-1", version=4, action="KILL", thresholds_pct=[50])
    shown = node_of("Desk A") | {"items": [before], "planned": []}
    firm.answers |= {
        "GET /limits/usage": (200, shown),
        "POST /limits": (200, limit_of(version=5, action="KILL", warnings=[])),
    }
    assert run("limits", "set", "Desk A", "long-position", "--instrument", "ETH/USDT", "--warn-at", "80").exit_code == 0
    assert firm.asked[-1][1] == {
        "node_id": "n-a",
        "limit_type": "LONG_POSITION",
        "instrument": "ETH/USDT",
        "value": "10",  # What was set: an override ends, and must not become the limit.
        "currency": "USDT",
        "action": "KILL",
        "thresholds_pct": [80],
        "version": 4,
    }


def test_the_end_of_a_limit_is_taken_away_by_its_id(firm: Api) -> None:
    until = "2026-12-01T00:00:00Z"
    shown = node_of("Desk A") | {"items": [limit_of(valid_until=until)], "planned": []}
    firm.answers |= {"GET /limits/usage": (200, shown), "POST /limits": (200, limit_of(version=2, warnings=[]))}
    command = ("limits", "set", "Desk A", "LONG_POSITION", "--until", "never")
    assert run(*command, "--id", LIMIT_ID[:8]).exit_code == 0
    sent = firm.asked[-1][1]
    assert sent["limit_id"] == LIMIT_ID
    assert "valid_until" not in sent
    result = run(*command)
    assert (result.exit_code, result.stderr) == (2, "error: say with --id which limit shall not end any more\n")


def test_of_several_limits_of_a_type_one_must_be_named(firm: Api) -> None:
    limits = [limit_of(), limit_of(instrument="BTC/USDT", limit_id="2" + LIMIT_ID[1:])]
    firm.answers["GET /limits/usage"] = (200, node_of("Desk A") | {"items": limits, "planned": []})
    firm.answers[f"DELETE /limits/{LIMIT_ID}"] = (204, {})
    result = run("limits", "unset", "Desk A", "LONG_POSITION")
    assert result.exit_code == 1
    assert "say which: ETH/USDT (--id 1c5e1d0a), BTC/USDT (--id 2c5e1d0a)" in result.stderr
    assert run("limits", "unset", "Desk A", "LONG_POSITION", "--instrument", "ETH/USDT").exit_code == 0
    assert firm.asked[-1][0] == f"DELETE /limits/{LIMIT_ID}"


def test_somebody_who_was_faster_is_shown_with_both_versions(firm: Api) -> None:
    stands, asked_for = limit_of(value="12", version=2), limit_of(value="15", version=1)
    body = {"code": "VERSION_CONFLICT", "detail": "somebody else has changed it", "current": stands, "yours": asked_for}
    firm.answers["POST /limits"] = (409, body)
    result = run("limits", "set", "Desk A", "LONG_POSITION", "15", "--instrument", "ETH/USDT")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["error:", "version", "stands", "asked", "To"]
    assert "say --version 2" in result.stderr


def test_all_pages_are_read_where_all_is_asked_for(firm: Api) -> None:
    page = {"items": [], "next_cursor": "next"}
    firm.answers["GET /limits/breaches"] = (200, page)
    assert "There are older ones: --all shows them." in run("limits", "breaches").stdout
    assert json.loads(run("limits", "breaches", "--json").stdout) == page


def beats(firm: Api, monkeypatch: pytest.MonkeyPatch, *later: Any) -> list[float]:
    """The pauses between heartbeats; after the first beat the server answers so, and then somebody presses Ctrl-C."""
    answers, pauses = list(later), []

    def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if not answers:
            raise KeyboardInterrupt
        firm.answers["POST /limits/heartbeat"] = answers.pop(0)

    firm.answers["POST /limits/heartbeat"] = (200, BEAT)
    monkeypatch.setattr("time.sleep", sleep)
    return pauses


def test_heartbeats_go_on_through_trouble_of_the_server_until_ctrl_c(
    firm: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = beats(firm, monkeypatch, (500, {"code": "INTERNAL"}), (200, BEAT | {"expires_at": "2026-11-28T12:00:50Z"}))
    result = run("limits", "heartbeat", "--every", "10")
    assert result.exit_code == 0
    assert len(pauses) == 3
    assert "its orders are cancelled at 12:00:30" in result.stderr
    assert "Without another heartbeat its open orders are cancelled at 12:00:50 UTC." in result.stdout
    assert firm.asked[-1] == ("POST /limits/heartbeat", {"account_id": ACCOUNT})


def test_heartbeats_end_when_the_server_says_no(firm: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"code": "INVALID_REQUEST", "detail": "trader1 paper has no DEAD_MAN limit"}
    beats(firm, monkeypatch, (422, gone))
    result = run("limits", "heartbeat", "--every", "10")
    assert (result.exit_code, result.stderr) == (1, "error: trader1 paper has no DEAD_MAN limit (INVALID_REQUEST)\n")


def test_heartbeats_that_are_too_seldom_are_told_at_once(firm: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    beats(firm, monkeypatch)
    result = run("limits", "heartbeat", "--every", "30")
    assert "every 30 s is too seldom: a silence of 30 s cancels its orders" in result.stderr


def test_a_key_node_needs_the_key_and_no_other_node_takes_one(firm: Api) -> None:
    for arguments in (("key", "bot"), ("desk", "Desk B", "--key", "0123456789abcdef")):
        result = run("limits", "node", "add", *arguments, "--under", "Harbour")
        assert result.exit_code == 2
        assert "say --key with a node of kind key, and with no other" in result.stderr


def test_an_override_is_found_by_the_beginning_of_its_id_if_it_is_the_only_one(firm: Api) -> None:
    pages = {"items": [{"override_id": "ab-1"}, {"override_id": "ab-2"}], "next_cursor": None}
    firm.answers["GET /limits/overrides"] = (200, pages)
    result = run("limits", "override", "approve", "ab")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "2 overrides have an id that begins with 'ab'" in result.stderr


@pytest.mark.parametrize(
    ("told", "said"),
    [("ab", "2 leases have an id that begins with 'ab'"), ("cd", "no lease has an id that begins with 'cd'")],
)
def test_a_lease_is_stopped_by_the_beginning_of_its_id_if_it_is_the_only_one(firm: Api, told: str, said: str) -> None:
    firm.answers["GET /limits/leases"] = (200, {"items": [{"lease_id": "ab-1"}, {"lease_id": "ab-2"}]})
    result = run("limits", "lease", "stop", told)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert said in result.stderr
    assert [call for call, _ in firm.asked if call.startswith("DELETE")] == []


def test_leases_are_a_table_in_110_columns_too_without_the_second_they_expire_in() -> None:
    lease = {
        **dict.fromkeys(("buy_free", "buy_taken", "sell_free", "sell_taken"), "10"),
        **{"lease_id": LIMIT_ID, "account_id": ACCOUNT, "symbol": "ETH/USDT", "venue": "BOOK", "state": "OPEN"},
        **{"live_orders": 1, "orders_max": 10, "is_answered": True, "expires_at": "2026-11-28T12:00:05Z"},
    }
    rows = lease_rows([lease], {ACCOUNT: "trader1 paper"})
    wide, narrow = (shown(render.table(rows, LEASES, empty=""), columns=columns) for columns in (200, 110))
    assert "12:00:05" in wide
    row = narrow.splitlines()[1].split()
    assert row == ["trader1", "paper", "ETH/USDT", "BOOK", "OPEN", *["10"] * 4, "1", "of", "10", "yes", LIMIT_ID[:8]]
