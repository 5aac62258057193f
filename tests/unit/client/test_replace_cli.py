"""`breakwater replace`, and what `order` tells of replaces."""

import json
from typing import Any

import pytest

from tests.unit.client.command_line import Api, run, sign_in
from tests.unit.client.execution_views import PARENT_ID, order

REPLACE = ("replace", PARENT_ID)
PATCH, HISTORY = f"PATCH /orders/{PARENT_ID}", f"GET /orders/{PARENT_ID}/replaces"


def plain(**changes: Any) -> dict[str, Any]:
    return order() | {"execution": None, "venue": "BOOK", **changes}


def answer(api: Api, status: int, state: str, **changes: Any) -> None:
    entry = {
        "replace_no": 1,
        "replace_id": "mine",
        "quantity": "2",
        "price": None,
        "state": state,
        "reject_code": None,
        "reject_reason": None,
        "requested_by": "trader1",
        "requested_at": "2026-03-02T12:00:00.000000Z",
        "decided_at": None,
        **changes,
    }
    api.answers |= {PATCH: (status, plain()), HISTORY: (200, {"order_id": PARENT_ID, "items": [entry]})}


def test_it_sends_what_was_said_and_nothing_else(api: Api) -> None:
    sign_in(api)
    answer(api, 200, "REPLACED")
    result = run(*REPLACE, "--quantity", "2", "--id", "mine", "--json")
    sent = {call: body for call, body in api.asked if call == PATCH}
    assert sent == {PATCH: {"replace_id": "mine", "quantity": "2"}}
    assert json.loads(result.stdout)["replace"]["state"] == "REPLACED"
    run(*REPLACE, "--price", "2590")
    body = [body for call, body in api.asked if call == PATCH][-1]
    assert (set(body), body["price"]) == ({"replace_id", "price"}, "2590")


def test_one_that_is_not_decided_is_noted(api: Api) -> None:
    sign_in(api)
    answer(api, 202, "PENDING")
    assert "which terms it has is not known yet" in run(*REPLACE, "--quantity", "2", "--id", "mine").output
    answer(api, 200, "REPLACED")
    assert "not known" not in run(*REPLACE, "--quantity", "2", "--id", "mine").output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "error: say --quantity, --price or both\n"),
        (("--price", "2", "--id", ""), "error: --id is empty: leave it out, or say one\n"),
    ],
)
def test_what_says_nothing_is_not_sent(api: Api, options: tuple[str, ...], said: str) -> None:
    sign_in(api)
    result = run(*REPLACE, *options)
    assert (result.exit_code, result.output) == (2, said)
    assert [call for call, _ in api.asked if call == PATCH] == []


def test_without_an_answer_it_says_under_which_id_to_repeat(api: Api) -> None:
    sign_in(api)
    api.answers[PATCH] = (504, {"message": "Gateway Timeout"})
    result = run(*REPLACE, "--quantity", "2", "--id", "mine")
    assert result.exit_code == 1
    assert "the same again with `--id mine` replaces it once at most" in " ".join(result.output.split())


def test_an_order_shows_its_replaces(api: Api) -> None:
    sign_in(api)
    answer(api, 200, "REJECTED", reject_reason="as much of the order has traded")
    steps = {"order_id": PARENT_ID, "status": "NEW", "items": []}
    api.answers |= {f"GET /orders/{PARENT_ID}": (200, plain()), f"GET /orders/{PARENT_ID}/saga": (200, steps)}
    said = " ".join(run("order", PARENT_ID).output.split())
    assert "REJECTED as much of the order has traded" in said
