"""An entry with its exit: what is placed, what is taken back, and what is said."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from breakwater.client import (
    BracketTerms,
    Client,
    ExitRefused,
    NothingToExit,
    Problem,
    ServerUnreachable,
    Session,
    place_bracket,
)
from breakwater.client.brackets import ID_CHARS_MAX
from breakwater.client.limit_words import Misunderstood
from tests.unit.client.command_line import ACCOUNT, Api, run, sign_in
from tests.unit.client.execution_views import order

NOW = 1_000_000.0
SESSION = Session(access_token="access", refresh_token="refresh", expires_at=NOW + 3600)
ENTRY_ID, EXIT_ID = "6b41f701-1afa-5ab2-9411-e43cdab575a8", "7b41f701-1afa-5ab2-9411-e43cdab575a8"
REFUSAL = {"limit_type": "SHORT_POSITION", "node_name": "Desk A", "largest_passing_quantity": "0"}
REFUSED = (422, {"code": "LIMIT_EXCEEDED", "detail": "refused by SHORT_POSITION of Desk A", "refusals": [REFUSAL]})


def entry(**words: Any) -> dict[str, Any]:
    plain = {"order_id": ENTRY_ID, "venue": "SIM", "execution": None, "status": "NEW", "cum_qty": "0", "avg_px": None}
    return order(**plain | words)


@dataclass
class Platform:
    """Answers to the entry and to the exit, and what it was asked, in order."""

    to_entry: tuple[int, Any] = (201, entry())
    to_exit: tuple[int, Any] = (201, order(order_id=EXIT_ID, side="SELL", status="NEW"))
    to_cancel: tuple[int, Any] = (200, entry(status="CANCELED"))
    to_look: tuple[int, Any] | None = None  # Whatever is asked for.
    looks: list[dict[str, Any]] = field(default_factory=lambda: [entry()])
    known: list[dict[str, Any]] = field(default_factory=list)
    known_exits: list[dict[str, Any]] = field(default_factory=list)
    preview: tuple[int, Any] = (200, {"passes": True, "refusals": []})
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else dict(request.url.params)
        self.asked.append((f"{request.method} {request.url.path}", body))
        status, answer = self._answer(request.method, request.url.path, body)
        return httpx.Response(status, json=answer)

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if (method, path) == ("GET", "/orders"):
            is_exit = body["client_order_id"].endswith("-exit")
            return 200, {"items": self.known_exits if is_exit else self.known, "next_cursor": None}
        if path == "/orders/preview":
            return self.preview
        if method == "DELETE":
            return self.to_cancel
        if method == "GET":
            if self.to_look is not None:
                return self.to_look
            return 200, self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return self.to_exit if body["client_order_id"].endswith("-exit") else self.to_entry

    def place(self, **terms: Any) -> Any:
        words: dict[str, Any] = {"side": "BUY", "quantity": "1", "price": "2600", "target": "2800", "stop": "2500"}
        transport = httpx.MockTransport(self)
        with Client(
            "http://test", session=SESSION, transport=transport, sleep=lambda _: None, now=lambda: NOW
        ) as client:
            made = BracketTerms(account_id=ACCOUNT, symbol="ETH/USDT", bracket_id="b-1", **words | terms)
            return place_bracket(client, made, sleep=lambda _: None)

    def sent(self, call: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == call]


def test_the_exit_follows_the_entry_with_the_other_side_and_an_id_of_its_own() -> None:
    platform = Platform()
    made = platform.place(stop_limit="2490", strategy_id="s-1")
    assert (made.entry["order_id"], made.exit["order_id"]) == (ENTRY_ID, EXIT_ID)
    shared = {"account_id": ACCOUNT, "symbol": "ETH/USDT", "type": "LIMIT", "quantity": "1", "strategy_id": "s-1"}
    oco = {"algorithm": "OCO", "stop_px": "2500", "stop_limit_px": "2490", "after": ENTRY_ID, "venues": ["SIM"]}
    assert platform.sent("POST /orders") == [
        shared | {"client_order_id": "b-1-entry", "side": "BUY", "price": "2600"},
        shared | {"client_order_id": "b-1-exit", "side": "SELL", "price": "2800", "execution": oco},
    ]


def test_an_entry_at_several_venues_is_routed_and_exits_there() -> None:
    platform = Platform()
    platform.place(venues=("SIM", "BINANCE"))
    sent_entry, sent_exit = platform.sent("POST /orders")
    assert sent_entry["execution"] == {"algorithm": "BEST", "venues": ["SIM", "BINANCE"]}
    assert sent_exit["execution"]["venues"] == ["SIM", "BINANCE"]


def test_an_entry_at_one_venue_is_an_order_there() -> None:
    platform = Platform(to_entry=(201, entry(venue="BOOK")))
    platform.place(venues=("BOOK",))
    sent_entry, sent_exit = platform.sent("POST /orders")
    assert (sent_entry["venue"], "execution" in sent_entry) == ("BOOK", False)
    assert sent_exit["execution"]["venues"] == ["BOOK"]


def test_an_entry_at_the_router_exits_wherever_that_goes() -> None:
    platform = Platform(to_entry=(201, entry(venue="SOR")))
    platform.place(venues=("SOR",))
    sent_entry, sent_exit = platform.sent("POST /orders")
    assert sent_entry["venue"] == "SOR"
    assert "venues" not in sent_exit["execution"]  # SOR is none that the router goes to.


@pytest.mark.parametrize("venues", [("BOOK",), ("SIM", "BINANCE")])
def test_the_exit_is_tried_at_the_venues_that_were_told(venues: tuple[str, ...]) -> None:
    platform = Platform()
    platform.place(venues=venues)
    (tried,) = platform.sent("POST /orders/preview")
    assert tried["execution"]["venues"] == list(venues)


@pytest.mark.parametrize(
    "terms",
    [
        {"target": "2590"},
        {"stop": "2600"},
        {"price": None, "target": "2400"},
        {"side": "SELL"},
        {"side": "SELL", "price": None},
    ],
)
def test_prices_that_are_the_wrong_way_round_are_told_before_anything_is_asked(terms: dict[str, Any]) -> None:
    platform = Platform()
    with pytest.raises(Misunderstood, match="its price and has its target"):
        platform.place(**terms)
    assert platform.asked == []


@pytest.mark.parametrize("told", ["nan", "sNaN", "Infinity", "many"])
@pytest.mark.parametrize("option", ["price", "target", "stop"])
def test_the_server_says_what_is_no_price(option: str, told: str) -> None:
    platform = Platform(preview=(422, {"code": "INVALID_REQUEST", "detail": "no amount"}))
    with pytest.raises(ExitRefused, match="no amount"):
        platform.place(**{option: told})


def test_a_short_bracket_has_its_stop_above_and_its_target_below() -> None:
    platform = Platform()
    platform.place(side="SELL", target="2500", stop="2700")
    assert [body["side"] for body in platform.sent("POST /orders")] == ["SELL", "BUY"]


def test_an_id_that_is_too_long_to_be_the_beginning_of_two_is_told() -> None:
    with pytest.raises(Misunderstood, match="30 characters at most"):
        BracketTerms(
            account_id=ACCOUNT,
            symbol="ETH/USDT",
            side="BUY",
            quantity="1",
            target="3",
            stop="1",
            bracket_id="x" * (ID_CHARS_MAX + 1),
        )


def test_an_exit_that_is_not_valid_is_refused_before_the_entry_is_placed() -> None:
    platform = Platform(preview=(422, {"code": "INVALID_REQUEST", "detail": "not a multiple of the tick"}))
    with pytest.raises(ExitRefused) as raised:
        platform.place()
    assert raised.value.entry is None
    assert platform.sent("POST /orders") == []


@pytest.mark.parametrize(
    ("limit_type", "entry_terms", "is_placed"),
    [
        ("SHORT_POSITION", {}, False),  # The entry rests, so that what is held stays as it is.
        ("SHORT_POSITION", {"price": None}, True),
        ("SHORT_POSITION", {"time_in_force": "IOC"}, True),
        ("ORDER_PERMISSION", {"price": None}, False),  # No fill changes that.
    ],
)
def test_limits_are_asked_first_for_what_the_entry_does_not_change(
    limit_type: str, entry_terms: dict[str, Any], is_placed: bool
) -> None:
    platform = Platform(preview=(200, {"passes": False, "refusals": [REFUSAL | {"limit_type": limit_type}]}))
    if is_placed:
        platform.place(**entry_terms)
    else:
        with pytest.raises(ExitRefused, match=f"{limit_type} of Desk A would refuse it"):
            platform.place(**entry_terms)
    assert bool(platform.sent("POST /orders")) is is_placed


def test_a_bracket_that_is_repeated_is_not_judged_again_beside_itself() -> None:
    platform = Platform(known=[entry()], preview=(200, {"passes": False, "refusals": [REFUSAL]}))
    assert platform.place().exit["order_id"] == EXIT_ID
    assert platform.sent("GET /orders") == [{"account_id": ACCOUNT, "client_order_id": "b-1-entry"}]


def test_a_refused_exit_cancels_its_entry() -> None:
    platform = Platform(to_exit=REFUSED, to_cancel=(200, entry(status="CANCELED", cum_qty="0.3", avg_px="2600")))
    with pytest.raises(ExitRefused) as raised:
        platform.place()
    assert platform.asked[-1][0] == f"DELETE /orders/{ENTRY_ID}"
    assert raised.value.entry is not None
    assert (raised.value.entry["status"], raised.value.entry["cum_qty"]) == ("CANCELED", "0.3")
    assert raised.value.problem.refusals == [REFUSAL]


def test_an_entry_that_filled_before_its_cancel_is_told_as_it_stands() -> None:
    final = (409, {"code": "ORDER_FINAL", "detail": "the order is FILLED already"})
    platform = Platform(to_exit=REFUSED, to_cancel=final, looks=[entry(status="FILLED", cum_qty="1", avg_px="2600")])
    with pytest.raises(ExitRefused) as raised:
        platform.place()
    assert raised.value.entry is not None
    assert raised.value.entry["status"] == "FILLED"


def test_an_entry_that_cannot_be_cancelled_is_told_to_be_open_and_why() -> None:
    silent = (503, {"code": "ENGINE_UNAVAILABLE", "detail": "the engine does not answer"})
    platform = Platform(to_exit=REFUSED, to_cancel=silent)
    with pytest.raises(ExitRefused) as raised:
        platform.place()
    assert raised.value.entry is not None
    assert raised.value.entry["status"] == "NEW"
    assert "the engine does not answer" in str(raised.value.cancel_trouble)


def test_no_answer_about_the_exit_is_no_refusal() -> None:
    platform = Platform(to_exit=(503, {"code": "UNAVAILABLE", "detail": "not now"}))
    with pytest.raises(ServerUnreachable):
        platform.place()
    assert not any(call.startswith("DELETE") for call, _ in platform.asked)


def test_the_same_id_with_another_stop_leaves_the_entry_and_its_exit_alone() -> None:
    platform = Platform(known=[entry()], to_exit=(409, {"code": "ORDER_ID_REUSED", "detail": "used"}))
    with pytest.raises(Problem, match="the exit of this id was placed before"):
        platform.place()
    assert not any(call.startswith("DELETE") for call, _ in platform.asked)


@pytest.mark.parametrize("status", ["EXPIRED", "CANCELED"])
def test_an_entry_that_ended_with_a_part_filled_gets_an_exit_for_that_part(status: str) -> None:
    platform = Platform(to_entry=(201, entry(status=status, quantity="10", cum_qty="6", avg_px="2600")))
    platform.place(quantity="10", price=None)
    assert [body["quantity"] for body in platform.sent("POST /orders")] == ["10", "6"]


def test_an_entry_that_may_fill_on_gets_an_exit_for_the_whole() -> None:
    platform = Platform(to_entry=(201, entry(status="PARTIALLY_FILLED", quantity="10", cum_qty="6", avg_px="2600")))
    platform.place(quantity="10")
    assert [body["quantity"] for body in platform.sent("POST /orders")] == ["10", "10"]


def placed_exit(quantity: str, **execution: Any) -> dict[str, Any]:
    oco = {"algorithm": "OCO", "stop_px": "2500", "stop_limit_px": None, "after": ENTRY_ID, "venues": ["SIM"]}
    words = {"order_id": EXIT_ID, "side": "SELL", "status": "NEW", "quantity": quantity, "price": "2800.0"}
    return order(**words, execution=oco | execution)


def repeated(known_exit: dict[str, Any]) -> Platform:
    """The entry ended with 6 of 10 after its exit was placed."""
    ended = entry(status="CANCELED", quantity="10", cum_qty="6", avg_px="2600")
    reused = (409, {"code": "ORDER_ID_REUSED", "detail": "used"})
    return Platform(known=[ended], to_entry=(200, ended), to_exit=reused, known_exits=[known_exit])


def test_an_exit_for_the_whole_stays_the_exit_when_the_entry_ends_with_a_part_filled() -> None:
    platform = repeated(placed_exit("10"))
    assert platform.place(quantity="10").exit["order_id"] == EXIT_ID
    assert platform.sent("GET /orders")[-1] == {"account_id": ACCOUNT, "client_order_id": "b-1-exit"}


@pytest.mark.parametrize("known", [placed_exit("10", stop_px="2400"), placed_exit("6"), placed_exit("10", venues=[])])
def test_an_exit_that_differs_in_more_than_that_is_told(known: dict[str, Any]) -> None:
    with pytest.raises(Problem, match="the exit of this id was placed before"):
        repeated(known).place(quantity="10")


@pytest.mark.parametrize("status", ["EXPIRED", "CANCELED"])
def test_an_entry_that_ended_without_a_fill_gets_no_exit(status: str) -> None:
    platform = Platform(to_entry=(201, entry(status=status)))
    with pytest.raises(NothingToExit):
        platform.place()
    assert len(platform.sent("POST /orders")) == 1


def test_the_exit_waits_until_it_is_known_that_the_entry_was_taken() -> None:
    unknown = entry(status="UNKNOWN")
    platform = Platform(to_entry=(202, unknown), looks=[unknown, entry()])
    platform.place()
    calls = [call for call, _ in platform.asked]
    assert calls[-3:] == [f"GET /orders/{ENTRY_ID}", f"GET /orders/{ENTRY_ID}", "POST /orders"]
    platform = Platform(to_entry=(202, unknown), looks=[unknown])
    with pytest.raises(NothingToExit):
        platform.place()


def exit_order(status: str, **words: Any) -> dict[str, Any]:
    return order(order_id=EXIT_ID, side="SELL", status=status, execution=None, **words)


def test_an_exit_of_which_nothing_is_known_is_asked_for_and_its_rejection_cancels_the_entry() -> None:
    rejected = exit_order("REJECTED", reject_reason="no book")
    unknown = (202, exit_order("UNKNOWN"))
    platform = Platform(to_exit=unknown, looks=[exit_order("UNKNOWN"), rejected])
    with pytest.raises(ExitRefused, match="no book"):
        platform.place()
    assert [call for call, _ in platform.asked][-2:] == [f"GET /orders/{EXIT_ID}", f"DELETE /orders/{ENTRY_ID}"]
    platform = Platform(to_exit=unknown, looks=[exit_order("UNKNOWN"), exit_order("NEW")])
    assert platform.place().exit["status"] == "NEW"
    assert platform.sent(f"DELETE /orders/{ENTRY_ID}") == []


@pytest.mark.parametrize("status", [401, 429, 503])
@pytest.mark.parametrize(
    ("answers", "asked_about"),
    [
        ({"to_entry": (202, entry(status="UNKNOWN"))}, ENTRY_ID),
        ({"to_exit": (202, exit_order("UNKNOWN"))}, EXIT_ID),
    ],
)
def test_an_order_that_cannot_be_asked_for_is_not_known_and_named(
    answers: dict[str, Any], asked_about: str, status: int
) -> None:
    platform = Platform(to_look=(status, {"code": "NO", "detail": "not now"}), **answers)
    with pytest.raises(ServerUnreachable, match=f"{asked_about} could not be asked: not now"):
        platform.place()
    assert platform.sent(f"DELETE /orders/{ENTRY_ID}") == []


# The command ---------------------------------------------------------------------------------------------------------

BRACKET = ("bracket", "buy", "1", "ETH/USDT", "--target", "2800", "--stop", "2500", "--id", "b-1")


def serve_bracket(api: Api, platform: Platform) -> None:
    """The same answers for the command."""
    sign_in(api)
    api.answers |= {
        "GET /orders": (200, {"items": platform.known, "next_cursor": None}),
        "POST /orders/preview": platform.preview,
        "POST /orders": lambda body: platform.to_exit if body["client_order_id"] == "b-1-exit" else platform.to_entry,
        f"DELETE /orders/{ENTRY_ID}": platform.to_cancel,
        f"GET /orders/{ENTRY_ID}": (200, platform.looks[0]),
    }


def test_the_command_shows_both_parts(api: Api) -> None:
    serve_bracket(api, Platform())
    result = run(*BRACKET, "--at", "2600")
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert result.exit_code == 0
    assert [line.split()[0] for line in lines] == ["part", "entry", "exit"]
    assert ENTRY_ID in lines[1]
    assert EXIT_ID in lines[2]


def test_the_command_tells_the_refusal_the_entry_and_how_to_try_again(api: Api) -> None:
    canceled = entry(status="CANCELED", quantity="1", cum_qty="0.3", avg_px="2600")
    serve_bracket(api, Platform(to_exit=REFUSED, to_cancel=(200, canceled)))
    result = run(*BRACKET, "--at", "2600")
    first, *_, last = result.stderr.splitlines()
    assert result.exit_code == 1
    assert first == "error: the exit: refused by SHORT_POSITION of Desk A (LIMIT_EXCEEDED)"
    assert last == (
        "The entry is CANCELED: 0.3 of 1 ETH/USDT had filled at 2,600, and no order exits from that. To try again: "
        f"`breakwater work sell 0.3 ETH/USDT --by oco --at 2800 --stop 2500 --after {ENTRY_ID} --venue SIM "
        f"--account {ACCOUNT}`."
    )


def test_the_command_says_that_an_entry_without_an_exit_is_still_open(api: Api) -> None:
    refused = (403, {"code": "NOT_PERMITTED", "detail": "not yours"})
    serve_bracket(api, Platform(to_exit=REFUSED, to_cancel=refused))
    last = run(*BRACKET, "--at", "2600").stderr.splitlines()[-1]
    assert last == (
        "The entry is NEW: nothing of 3 ETH/USDT had filled. It was not cancelled (not yours (NOT_PERMITTED)): "
        f"`breakwater cancel {ENTRY_ID}` does it."
    )


def test_the_command_says_that_nothing_was_placed(api: Api) -> None:
    serve_bracket(api, Platform(preview=(200, {"passes": False, "refusals": [REFUSAL]})))
    result = run(*BRACKET, "--at", "2600", "--json")
    assert result.stderr.splitlines()[-1] == "Nothing was placed."
    assert json.loads(result.stdout) == {"entry": None, "exit": None}


def test_the_command_says_of_a_refused_entry_that_it_is_the_entry(api: Api) -> None:
    serve_bracket(api, Platform(to_entry=REFUSED))
    result = run(*BRACKET, "--market")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the entry: refused by SHORT_POSITION of Desk A")


def test_the_command_says_how_to_go_on_when_the_entry_is_not_known(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breakwater.client.brackets.RESOLVED_WITHIN_S", 0)
    serve_bracket(api, Platform(to_entry=(202, entry(status="UNKNOWN"))))
    result = run(*BRACKET, "--market")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "the same again with `--id b-1` goes on where it was" in result.stderr


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_the_command_says_how_to_go_on_when_the_exit_is_not_known(
    api: Api, monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    monkeypatch.setattr("breakwater.client.brackets.RESOLVED_WITHIN_S", 0)
    serve_bracket(api, Platform(to_exit=(202, exit_order("UNKNOWN"))))
    result = run(*BRACKET, "--market", *as_json)
    assert result.exit_code == 1
    assert f"whether the exit {EXIT_ID} was taken is not known yet; the same again with `--id b-1`" in result.stderr


def test_the_command_says_how_to_go_on_when_the_entry_cannot_be_asked_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breakwater.client.brackets.POLL_S", 0.01)
    serve_bracket(api, Platform(to_entry=(202, entry(status="UNKNOWN"))))
    api.answers[f"GET /orders/{ENTRY_ID}"] = (429, {"code": "TOO_MANY_REQUESTS", "detail": "too many"})
    result = run(*BRACKET, "--market")
    assert result.exit_code == 1
    assert f"what became of the order {ENTRY_ID} could not be asked: too many" in result.stderr
    assert "the same again with `--id b-1` goes on where it was" in result.stderr


def test_the_command_says_how_to_go_on_when_no_answer_came(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breakwater.client.transport.PAUSE_FIRST_S", 0)
    serve_bracket(api, Platform(to_exit=(503, {"code": "UNAVAILABLE", "detail": "not now"})))
    result = run(*BRACKET, "--market")
    assert result.exit_code == 1
    assert "some of it may have been placed; the same again with `--id b-1` goes on where it was" in result.stderr


def test_the_command_says_why_an_entry_found_nothing(api: Api) -> None:
    serve_bracket(api, Platform(to_entry=(201, entry(status="EXPIRED", reject_reason="nothing to trade with"))))
    result = run(*BRACKET, "--at", "2600", "--tif", "ioc")
    expected = "error: the entry is EXPIRED and has filled nothing: nothing to trade with; no exit was placed\n"
    assert (result.exit_code, result.stderr) == (1, expected)
