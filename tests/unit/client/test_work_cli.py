"""`breakwater work`, `execution`, and what `order` and `orders` tell of an order that the router works."""

import json
from typing import Any

import pytest

from breakwater.client import order_render
from tests.unit.client.command_line import ACCOUNT, Api, run, sign_in
from tests.unit.client.execution_views import PARENT_ID, child, order, report

WORK = ("work", "buy", "3", "ETH/USDT")


def told(*arguments: str) -> str:
    """What it prints, each run of spaces as one."""
    return " ".join(run(*arguments).output.split())


def test_work_sends_what_place_would_with_its_execution(api: Api) -> None:
    sign_in(api)
    api.answers["POST /orders"] = (201, order())
    options = ("--by", "twap", "--over", "10m", "--slices", "20", "--venue", "sim", "--venue", "BINANCE")
    result = run(*WORK, *options, "--at", "2690", "--tif", "gtc", "--post-only", "--id", "my-1", "--json")
    assert json.loads(result.stdout) == order()
    assert api.asked[-1][1] == {
        "client_order_id": "my-1",
        "account_id": ACCOUNT,
        "symbol": "ETH/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "3",
        "price": "2690",
        "time_in_force": "GTC",
        "post_only": True,
        "execution": {"algorithm": "TWAP", "duration_s": 600, "slices": 20, "venues": ["SIM", "BINANCE"]},
    }


def test_the_order_to_exit_from_is_found_by_the_beginning_of_its_id(api: Api) -> None:
    sign_in(api)
    listed = {"items": [{"order_id": PARENT_ID}], "next_cursor": None}
    api.answers |= {"GET /orders": (200, listed), "POST /orders": (201, order())}
    exit_ = ("work", "sell", "1", "ETH/USDT", "--market", "--by", "stop", "--stop", "2500", "--trigger", "best")
    assert run(*exit_, "--after", PARENT_ID[:8]).exit_code == 0
    expected = {"algorithm": "STOP", "stop_px": "2500", "trigger_by": "BEST", "after": PARENT_ID}
    assert api.asked[-1][1]["execution"] == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--by", "twap"), "error: TWAP needs --over\n"),
        (("--by", "twap", "--over", "soon"), "error: 'soon' is no duration: say 600, 90s, 10m, 2h or 1d\n"),
        (("--by", "twp", "--over", "1m"), "error: no algorithm is named 'twp': did you mean TWAP?\n"),
        (
            ("--by", "best", "--over", "1m"),
            "error: --over does not belong to BEST, but to TWAP, VWAP, POV: BEST takes no options of its own\n",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line_and_sends_nothing(api: Api, options: tuple[str, ...], said: str) -> None:
    sign_in(api)
    result = run(*WORK, "--market", *options)
    assert (result.exit_code, result.stderr) == (2, said)
    assert not any(call == "POST /orders" for call, _ in api.asked)


def test_what_the_server_says_of_a_field_is_told_by_the_option_that_was_typed(api: Api) -> None:
    sign_in(api)
    errors = [{"field": "execution.TWAP.duration_s", "message": "too short"}, {"field": "quantity", "message": "no"}]
    body = {"code": "INVALID_REQUEST", "detail": "the request is not valid", "errors": errors}
    api.answers["POST /orders"] = (422, body)
    result = run(*WORK, "--market", "--by", "twap", "--over", "1s")
    expected = "error: the request is not valid (INVALID_REQUEST); --over: too short; quantity: no\n"
    assert (result.exit_code, result.stderr) == (1, expected)


def test_an_execution_can_be_previewed_and_is_not_placed(api: Api) -> None:
    sign_in(api)
    api.answers["POST /orders/preview"] = (200, {"passes": True, "price_low": "2375", "verdicts": []})
    said = told("work", "sell", "1", "ETH/USDT", "--market", "--by", "stop", "--stop", "2500", "--preview")
    assert "price low 2,375" in said
    call, sent = api.asked[-1]
    assert (call, sent["execution"]) == ("POST /orders/preview", {"algorithm": "STOP", "stop_px": "2500"})


def test_the_answer_tells_the_execution_and_where_more_is(api: Api) -> None:
    sign_in(api)
    api.answers["POST /orders"] = (201, order(status="NEW"))
    said = told(*WORK, "--market", "--by", "twap", "--over", "10m")
    assert "execution TWAP over 10m, slices 20" in said
    assert f"`breakwater execution {PARENT_ID[:8]}` shows how" in said


def test_a_plain_order_says_nothing_of_executions(api: Api) -> None:
    sign_in(api)
    api.answers["POST /orders"] = (201, order(execution=None, status="NEW"))
    assert "execution" not in told("place", "buy", "1", "ETH/USDT", "--market")


def test_the_list_shows_what_the_router_works_where_there_is_such_an_order(api: Api) -> None:
    sign_in(api)
    plain = order(order_id="7b41f701-1afa-5ab2-9411-e43cdab575a8", execution=None)
    api.answers["GET /orders"] = (200, {"items": [order(), plain], "next_cursor": None})
    said = told("orders")
    assert "price execution filled" in said
    assert "2,690 TWAP 10m 2" in said
    assert "2,690 - 2" in said
    api.answers["GET /orders"] = (200, {"items": [plain], "next_cursor": None})
    assert "price filled" in told("orders")


def answer_about(api: Api, **words: Any) -> None:
    api.answers |= {
        f"GET /orders/{PARENT_ID}": (200, order()),
        f"GET /orders/{PARENT_ID}/saga": (200, {"order_id": PARENT_ID, "status": "NEW", "items": []}),
        f"GET /orders/{PARENT_ID}/execution": (200, report(**words)),
        f"GET /orders/{PARENT_ID}/replaces": (200, {"order_id": PARENT_ID, "items": []}),
    }


def test_an_order_shows_how_its_children_stand_and_those_that_are_open(api: Api) -> None:
    sign_in(api)
    answer_about(api)
    said = told("order", PARENT_ID)
    assert "execution TWAP over 10m, slices 20" in said
    assert "Children: 2 FILLED, 1 NEW." in said
    assert "00000003-1afa" in said
    assert "00000002-1afa" not in said
    answer_about(api, children=[])
    assert "No children yet." in told("order", PARENT_ID)


def test_a_plain_order_is_not_asked_about_its_execution(api: Api) -> None:
    sign_in(api)
    answer_about(api)
    api.answers[f"GET /orders/{PARENT_ID}"] = (200, order(execution=None))
    run("order", PARENT_ID)
    assert not any(call.endswith("/execution") for call, _ in api.asked)


def test_the_report_tells_costs_venues_and_children(api: Api) -> None:
    sign_in(api)
    answer_about(api)
    said = told("execution", PARENT_ID)
    assert "filled 2 of 3 (66.7 %) at 2,001 on average" in said
    # Two units, each 1 dearer than the middle and 1 cheaper than the book.
    assert "arrival: middle of the market when it began 2,000 5 2 USDT" in said
    assert "book: all of it taken then, at its venues 2,002 -4.995 -2 USDT" in said
    assert "VWAP: what traded since - - - -" in said
    assert "SIM 3 2 66.7 % 2,001 100 % 4.002 USDT" in said
    assert all(f"0000000{number}-1afa" in said for number in (1, 2, 3))


def test_a_sale_that_got_less_than_the_market_was_a_cost(api: Api) -> None:
    sign_in(api)
    compared = [{"benchmark": "ARRIVAL", "price": "2000", "slippage_bps": "-5"}]
    answer_about(api, side="SELL", benchmarks=compared, ended_at="2026-11-29T12:01:30.4Z")
    said = told("execution", PARENT_ID)
    assert "when it began 2,000 -5 -2 USDT" in said
    assert "worked for 0:01:30" in said


def test_an_average_over_less_than_the_whole_time_says_since_when(api: Api) -> None:
    sign_in(api)
    answer_about(api, vwap_since="2026-11-29T12:04:00.000000Z")
    assert "VWAP: what traded since 2026-11-29 12:04:00" in told("execution", PARENT_ID)


def test_older_children_are_counted_and_shown_on_request(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(api)
    count = order_render.CHILDREN_SHOWN_MAX + 5
    answer_about(api, children=[child(number) for number in range(count, 0, -1)])
    latest, every = told("execution", PARENT_ID), told("execution", PARENT_ID, "--all")
    assert "5 older ones: --all shows them." in latest
    assert "00000001-1afa" not in latest
    assert "00000001-1afa" in every
    assert "older ones" not in every
    answer_about(api, children_cut=True)
    assert "There are older ones than these 3." in told("execution", PARENT_ID)


def test_why_a_child_was_refused_stands_beside_it(api: Api) -> None:
    sign_in(api)
    refused = child(1, status="REJECTED", reject_code="INSUFFICIENT_BALANCE", reject_reason="not enough ETH")
    answer_about(api, children=[refused])
    assert "REJECTED 00000001-1afa-5ab2-9411-e43cdab575a8 not enough ETH" in told("execution", PARENT_ID)


def test_the_report_of_an_order_that_the_router_does_not_work_is_one_line(api: Api) -> None:
    sign_in(api)
    body = {"code": "NOT_FOUND", "detail": "this order has no execution: the router did not work it"}
    api.answers[f"GET /orders/{PARENT_ID}/execution"] = (404, body)
    result = run("execution", PARENT_ID)
    assert (result.exit_code, result.stderr) == (
        1,
        "error: this order has no execution: the router did not work it (NOT_FOUND)\n",
    )
