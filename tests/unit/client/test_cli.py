import json
import stat
from pathlib import Path

import pytest

from tests.unit.client.command_line import ACCOUNT, SIGNED_IN, Api, run, run_with, sign_in

ORDER = {"order_id": "o-1", "client_order_id": "my-1", "status": "NEW", "quantity": "0.5", "price": "2684.10"}


def test_sign_in_leaves_a_session_only_its_owner_can_read(api: Api, session_file: Path) -> None:
    sign_in(api)
    assert stat.S_IMODE(session_file.stat().st_mode) == 0o600
    assert json.loads(session_file.read_text())["account_ids"] == [ACCOUNT]


def test_sign_in_takes_url_and_password_from_the_local_run(api: Api, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    users = [{"username": "trader1", "password": "local"}]
    (tmp_path / ".local" / "endpoints.json").write_text(json.dumps({"api_url": api.url, "users": users}))
    assert run("sign-in", "--user", "trader1").exit_code == 0
    assert api.asked[0] == ("POST /auth/sign-in", {"username": "trader1", "password": "local"})


def test_sign_out_forgets_the_session(api: Api, session_file: Path) -> None:
    sign_in(api)
    api.answers["POST /auth/sign-out"] = (204, {})
    assert run("sign-out").exit_code == 0
    assert not session_file.exists()


def test_sign_out_everywhere_says_so(api: Api) -> None:
    sign_in(api)
    api.answers["POST /auth/sign-out"] = (204, {})
    assert run("sign-out", "--everywhere").exit_code == 0
    assert api.asked[-1] == ("POST /auth/sign-out", {"everywhere": True})


def test_who_must_enrol_a_second_factor_is_told_how_and_can(api: Api, session_file: Path) -> None:
    api.answers["GET /me"] = (403, {"code": "SECOND_FACTOR_REQUIRED", "detail": "enrol one"})
    result = run("sign-in", "--user", "trader1", "--password", "secret", "--api-url", api.url)
    assert (result.exit_code, "breakwater users totp" in result.stdout) == (0, True)
    assert json.loads(session_file.read_text())["account_ids"] == []
    uri = "otpauth://totp/Breakwater:trader1?secret=JBSW&issuer=Breakwater"
    api.answers["POST /users/me/totp"] = (201, {"secret": "JBSW", "otpauth_uri": uri})
    api.answers["POST /users/me/totp/verify"] = (204, {})
    result = run_with("123456\n", "users", "totp")
    assert (result.exit_code, uri in result.stdout, "Secret: JBSW" in result.stdout) == (0, True, True)
    assert api.asked[-1] == ("POST /users/me/totp/verify", {"code": "123456"})
    assert run("users", "totp", "--code", "654321").exit_code == 0
    assert api.asked[-1] == ("POST /users/me/totp/verify", {"code": "654321"})


def test_any_other_refusal_after_signing_in_is_told(api: Api, session_file: Path) -> None:
    api.answers["GET /me"] = (403, {"code": "NOT_PERMITTED", "detail": "no"})
    assert run("sign-in", "--user", "trader1", "--password", "secret", "--api-url", api.url).exit_code == 1
    assert not session_file.exists()


def test_place_sends_the_order_for_the_users_account(api: Api) -> None:
    sign_in(api)
    api.answers["POST /orders"] = (201, ORDER)
    options = ("--at", "2684.10", "--tif", "GTC", "--post-only", "--id", "my-1")
    result = run("place", "buy", "0.5", "ETH/USDT", *options, "--json")
    assert json.loads(result.stdout) == ORDER
    assert api.asked[-1][1] == {
        "client_order_id": "my-1",
        "account_id": ACCOUNT,
        "symbol": "ETH/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.5",
        "price": "2684.10",
        "time_in_force": "GTC",
        "post_only": True,
    }


@pytest.mark.parametrize("command", [("place",), ("work", "--by", "best")])
@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (
            ("--until", "2026-12-01T16:00:00Z"),
            {"time_in_force": "GTD", "expire_time": "2026-12-01T16:00:00.000000Z"},
        ),
        (("--until", "2026-12-01 16:00"), {"time_in_force": "GTD", "expire_time": "2026-12-01T16:00:00.000000Z"}),
        (("--day",), {"time_in_force": "DAY"}),
        ((), {}),
    ],
)
def test_an_order_is_sent_with_its_end(
    api: Api, command: tuple[str, ...], options: tuple[str, ...], sent: dict[str, str]
) -> None:
    sign_in(api)
    api.answers["POST /orders"] = (201, ORDER)
    assert run(*command, "buy", "0.5", "ETH/USDT", "--at", "2684.10", *options).exit_code == 0
    body = api.asked[-1][1]
    assert {name: body[name] for name in ("time_in_force", "expire_time") if name in body} == sent


@pytest.mark.parametrize("options", [("--day", "--tif", "GTC"), ("--until", "+2h", "--day")])
def test_an_order_lives_in_one_way(api: Api, options: tuple[str, ...]) -> None:
    sign_in(api)
    result = run("place", "buy", "1", "ETH/USDT", "--at", "1", *options)
    assert result.exit_code == 2
    assert "say one of --tif, --until and --day" in result.stderr


@pytest.mark.parametrize("options", [(), ("--at", "1", "--market")])
def test_place_wants_a_price_or_the_market_and_not_both(api: Api, options: tuple[str, ...]) -> None:
    sign_in(api)
    result = run("place", "buy", "1", "ETH/USDT", *options)
    assert result.exit_code == 2
    assert "either --at PRICE or --market" in result.stderr


def test_a_refusal_is_one_line_and_the_limits_with_the_largest_quantity_that_passes(api: Api) -> None:
    sign_in(api)
    refusal = {"node_name": "Desk A", "limit_type": "MAX_ORDER_QTY", "largest_passing_quantity": "0.4"}
    body = {"code": "LIMIT_EXCEEDED", "detail": "1 limit refused", "refusals": [refusal], "correlation_id": "c-1"}
    api.answers["POST /orders"] = (422, body)
    result = run("place", "buy", "1", "ETH/USDT", "--market")
    assert result.exit_code == 1
    assert result.stdout == ""
    first, *rest = result.stderr.splitlines()
    assert first == "error: 1 limit refused (LIMIT_EXCEEDED); the largest quantity that passes is 0.4 [c-1]"
    assert "Desk A" in rest[-1]
    assert "0.4" in rest[-1]


@pytest.mark.parametrize(("status", "message"), [(401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found")])
def test_an_ended_session_or_one_of_an_api_that_is_gone_says_how_to_go_on(api: Api, status: int, message: str) -> None:
    sign_in(api)
    api.answers["GET /orders"] = (status, {"message": message})
    result = run("orders")
    told = f"error: {message} (HTTP_{status}): run `breakwater sign-in`\n"
    assert (result.exit_code, result.stderr) == (1, told)


def test_a_server_that_is_down_is_one_line(session_file: Path) -> None:
    session_file.parent.mkdir()
    saved = {"api_url": "http://127.0.0.1:9", "username": "trader1", "account_ids": [ACCOUNT]}
    tokens = {"access_token": "a", "refresh_token": "r", "expires_at": 4e9}
    session_file.write_text(json.dumps(saved | {"session": tokens}))
    result = run("limits", "kill", "n", "--reason", "test")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no answer from http://127.0.0.1:9")
    assert len(result.stderr.splitlines()) == 1


def test_who_needs_a_code_is_told_to_say_it(api: Api) -> None:
    sign_in(api)
    api.answers["GET /orders"] = (
        401,
        {"code": "MFA_CODE_REQUIRED", "detail": "this user signs in with a code as well"},
    )
    told = "error: this user signs in with a code as well (MFA_CODE_REQUIRED): say --code\n"
    assert run("orders").stderr == told


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"session": {"no": 1}}', '{"session": 7}'])
def test_a_broken_session_file_is_one_line(session_file: Path, content: str) -> None:
    session_file.parent.mkdir()
    session_file.write_text(content)
    result = run("orders")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_without_a_session_it_says_to_sign_in() -> None:
    assert run("trades").stderr == "error: not signed in: run `breakwater sign-in`\n"


def test_without_a_local_run_it_says_to_start_one() -> None:
    assert "run `make up` first" in run("health").stderr


def test_a_refreshed_session_is_kept(api: Api, session_file: Path) -> None:
    api.answers["POST /auth/sign-in"] = (200, SIGNED_IN | {"expires_in": 90})
    sign_in(api)
    saved = json.loads(session_file.read_text())
    saved["session"]["expires_at"] = 0
    session_file.write_text(json.dumps(saved))
    api.answers["POST /auth/refresh"] = (200, {"access_token": "newer", "expires_in": 3600})
    api.answers["GET /orders"] = (200, {"items": [], "next_cursor": None})
    assert "No orders." in run("orders").stdout
    assert json.loads(session_file.read_text())["session"]["access_token"] == "newer"


LISTED = {"items": [{"order_id": "6b41f701-1afa"}, {"order_id": "6b41f702-1afb"}], "next_cursor": None}


def test_an_order_is_found_by_the_beginning_of_its_id(api: Api) -> None:
    sign_in(api)
    api.answers |= {"GET /orders": (200, LISTED), "DELETE /orders/6b41f702-1afb": (200, ORDER)}
    assert run("cancel", "6B41F702").exit_code == 0


@pytest.mark.parametrize("told", ["6b41", "7200", "6", "?account_id=x"])
def test_an_id_that_fits_no_order_or_two_is_one_line_and_cancels_nothing(api: Api, told: str) -> None:
    sign_in(api)
    api.answers["GET /orders"] = (200, LISTED)
    result = run("cancel", told)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert not any(call.startswith("DELETE") for call, _ in api.asked)


def test_an_order_whose_answer_was_lost_is_told_with_the_id_that_makes_it_safe_to_repeat(
    session_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breakwater.client.transport.PAUSE_FIRST_S", 0)
    saved = {"api_url": "http://127.0.0.1:9", "username": "trader1", "account_ids": [ACCOUNT]}
    tokens = {"access_token": "a", "refresh_token": "r", "expires_at": 4e9}
    session_file.parent.mkdir()
    session_file.write_text(json.dumps(saved | {"session": tokens}))
    result = run("place", "buy", "1", "ETH/USDT", "--market", "--id", "my-7")
    assert result.exit_code == 1
    assert "the same again with `--id my-7` places it once at most" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("place", "buy", "1", "ETH/USDT", "--market"),
        ("work", "buy", "1", "ETH/USDT", "--market", "--by", "twap", "--over", "10m"),
    ],
)
@pytest.mark.parametrize("status", [503, 504])
def test_an_order_of_which_a_gateway_does_not_know_is_told_with_the_id_it_was_sent_under(
    api: Api, command: tuple[str, ...], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breakwater.client.transport.PAUSE_FIRST_S", 0)
    sign_in(api)
    api.answers["POST /orders"] = (status, {"message": "no answer in time"})
    result = run(*command)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    sent = api.asked[-1][1]["client_order_id"]
    assert f"it may have been placed; the same again with `--id {sent}` places it once at most" in result.stderr


def test_an_order_that_starts_later_or_ends_is_told_with_the_time_that_was_sent(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breakwater.client.transport.PAUSE_FIRST_S", 0)
    sign_in(api)
    api.answers["POST /orders"] = (504, {"message": "no answer in time"})
    work = ("work", "buy", "1", "ETH/USDT", "--market", "--by", "twap", "--over", "10m", "--id", "x")
    result = run(*work, "--start", "+10m")
    start_at = api.asked[-1][1]["execution"]["start_at"]
    assert f"the same again with `--id x` and `--start {start_at}` places it once at most" in result.stderr
    run(*work, "--start", start_at)
    assert api.asked[-1][1]["execution"]["start_at"] == start_at
    result = run("place", "buy", "1", "ETH/USDT", "--at", "1", "--id", "x", "--until", "+10m")
    until = api.asked[-1][1]["expire_time"]
    assert f"the same again with `--id x` and `--until {until}` places it once at most" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("place", "buy", "1", "ETH/USDT", "--market"),
        ("work", "buy", "1", "ETH/USDT", "--market", "--by", "best"),
        ("bracket", "buy", "1", "ETH/USDT", "--market", "--target", "2800", "--stop", "2500"),
    ],
)
def test_an_empty_id_is_refused_and_nothing_is_sent(api: Api, command: tuple[str, ...]) -> None:
    sign_in(api)
    result = run(*command, "--id", "")
    assert result.exit_code == 2
    assert "is empty: leave it out, or say one" in result.stderr
    assert not any(call == "POST /orders" for call, _ in api.asked)


def test_side_and_symbol_may_be_typed_in_any_case(api: Api) -> None:
    sign_in(api)
    api.answers["POST /orders"] = (201, ORDER)
    assert run("place", "Buy", "1", "eth/usdt", "--at", "1", "--tif", "gtc").exit_code == 0
    sent = api.asked[-1][1]
    assert (sent["side"], sent["symbol"], sent["time_in_force"]) == ("BUY", "ETH/USDT", "GTC")


@pytest.mark.parametrize(("state", "exit_code"), [("UP", 0), ("DOWN", 1)])
def test_health_tells_by_its_exit_code_and_asks_once(api: Api, state: str, exit_code: int) -> None:
    body = {"status": state, "dependencies": {"engine": {"state": state, "latency_ms": 1}}}
    api.answers["GET /health"] = (200 if state == "UP" else 503, body)
    result = run("health", "--api-url", api.url)
    assert result.exit_code == exit_code
    assert state in result.stdout
    assert len(api.asked) == 1


def test_health_names_the_shards_that_nobody_serves(api: Api) -> None:
    engine = {"state": "DEGRADED", "latency_ms": 1, "unserved_shards": [3, 7]}
    database = {"state": "UP", "latency_ms": 1, "unserved_shards": []}
    body = {"status": "DEGRADED", "dependencies": {"database": database, "engine": engine}}
    api.answers["GET /health"] = (503, body)
    result = run("health", "--api-url", api.url)
    assert result.exit_code == 1
    assert "engine: nobody takes orders in the symbols of these shards: 3, 7" in " ".join(result.stdout.split())
    assert "database: " not in result.stdout


def test_another_folder_of_the_local_run_is_found(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    users = [{"username": "trader1", "password": "local"}]
    (tmp_path / "elsewhere" / "endpoints.json").write_text(json.dumps({"api_url": api.url, "users": users}))
    monkeypatch.setenv("BREAKWATER_LOCAL_DIR", str(tmp_path / "elsewhere"))
    assert run("sign-in", "--user", "trader1").exit_code == 0


@pytest.mark.parametrize(("status", "is_noted"), [("UNKNOWN", True), ("PENDING_NEW", True), ("NEW", False)])
def test_an_order_of_unknown_outcome_says_how_to_learn_it(api: Api, status: str, is_noted: bool) -> None:
    sign_in(api)
    api.answers["POST /orders"] = (202, ORDER | {"status": status})
    assert ("note: " in run("place", "buy", "1", "ETH/USDT", "--market").stdout) is is_noted
