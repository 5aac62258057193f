"""Order lists of a symbol that another engine serves: all is asked of the API, and is shown under the same ids."""

import asyncio
import uuid
from dataclasses import replace
from decimal import Decimal
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

import pytest

from breakwater.domain.executions import Oco
from breakwater.domain.orders import OrderType, Side, TimeInForce, exchange_order_id, order_id_of
from breakwater.domain.permissions import Principal
from breakwater.errors import Unavailable
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import Client, NewOrder, OrderListRef, OrderRef, ShownOrder, ShownOrderList, Span
from fargate_engine.firm_exchange import as_shown, placing
from fargate_engine.firm_exchange.control_plane import Answer, ControlPlane, Function, OutcomeUnknown
from fargate_engine.firm_exchange.exchange import FirmExchange, Platform
from fargate_engine.firm_exchange.order_lists import other_number
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.gateway.state import EngineState
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT

CLIENT = Client("key", cast(Any, None), frozenset(), Owner(cast(Principal, SimpleNamespace(tenant_id=TENANT)), ACCOUNT))
NAMES = {"limit_client_order_id": "limit", "stop_client_order_id": "stop"}
NEWEST = Span(limit=10)


def order(client_order_id: str, *, status: str = "NEW", **changes: Any) -> dict[str, Any]:
    order_id = order_id_of(TENANT, ACCOUNT, client_order_id)
    told = {
        "order_id": str(order_id),
        "exchange_order_id": exchange_order_id(order_id),
        "client_order_id": client_order_id,
        "symbol": "ETH/USDT",
        "side": "SELL",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "post_only": False,
        "status": status,
        "quantity": "1",
        "price": "2100",
        "cum_qty": "0",
        "cum_notional": "0",
        "created_at": "2026-01-02T03:04:05.000006Z",
        "updated_at": "2026-01-02T03:04:06.000006Z",
        "reject_reason": None,
        "execution": None,
    }
    told |= changes
    return {"venue": "SIM" if told["execution"] is None else "SOR", **told}


def oco(**names: str) -> dict[str, Any]:
    return {"algorithm": "OCO", "stop_px": "1900", "venues": ["SIM"], **names}


def trade(of: dict[str, Any], number: int, quantity: str, price: str, *, venue: str = "SOR") -> dict[str, Any]:
    return {
        "trade_id": str(uuid.UUID(int=number)),
        "order_id": of["order_id"],
        "symbol": "ETH/USDT",
        "side": "SELL",
        "last_qty": quantity,
        "last_px": price,
        "liquidity": "MAKER",
        "fee": "0",
        "fee_currency": "USDT",
        "venue": venue,
        "transact_time": f"2026-01-02T03:04:0{number}.000006Z",
    }


class Api:
    """Orders and trades as the functions find them."""

    def __init__(self, orders: list[dict[str, Any]], trades: list[dict[str, Any]]) -> None:
        self._orders = orders
        self._trades = trades
        self.asked: list[str] = []
        self.refuses = False
        self.hides_trades = False
        self.is_busy_for: set[str] = set()  # Ids of orders that cannot be cancelled now.
        self.shows_late = 0  # So often of all trades only the first.
        self.placed_as: dict[str, Any] = {}
        self.totals: dict[str, str] = {}

    async def ask(self, function: Function, method: str, path: str, owner: Owner, **how: Any) -> Answer:
        self.asked.append(f"{method} {path}")
        for _ in range(10 if method == "POST" else 1):
            await asyncio.sleep(0)  # Others have their turn, as they have while a function works.
        if method == "POST":
            return self._place(how["body"])
        query = {name: value for name, value in (how.get("query") or {}).items() if value is not None}
        if path == "/portfolio":
            balances = [{"asset": asset, "total": total} for asset, total in self.totals.items()]
            return Answer(HTTPStatus.OK, {"items": [{"balances": balances}]})
        if path == "/trades" and self.hides_trades:
            raise OutcomeUnknown("no answer in time")
        if path == "/trades" and self.shows_late:
            self.shows_late -= 1
            return Answer(HTTPStatus.OK, {"items": self._trades[:1], "next_cursor": None})
        if path == "/trades":
            here = {each["order_id"] for each in self._orders if _is_of_venue(each, query)}
            found = [each for each in self._trades if query.get("order_id") in {None, each["order_id"]}]
            found = [each for each in found if each["order_id"] in here]
            return Answer(HTTPStatus.OK, {"items": found[::-1], "next_cursor": None})
        if method == "DELETE" and path.rpartition("/")[2] in self.is_busy_for:
            raise Unavailable("too many requests wait")
        if path != "/orders":
            [one] = [each for each in self._orders if path == f"/orders/{each['order_id']}"]
            return Answer(HTTPStatus.OK, one | ({"status": "CANCELED"} if method == "DELETE" else {}))
        return Answer(
            HTTPStatus.OK, {"items": [each for each in self._orders if _fits(each, query)], "next_cursor": None}
        )

    def _place(self, body: dict[str, Any]) -> Answer:
        if self.refuses:
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"code": "NODE_STOPPED", "detail": ""})
        placed = order(body["client_order_id"], execution=body.get("execution"), **self.placed_as)
        if placed["order_id"] in {each["order_id"] for each in self._orders}:
            return Answer(HTTPStatus.CONFLICT, {"code": "ORDER_ID_REUSED", "detail": ""})
        self._orders.append(placed)
        return Answer(HTTPStatus.CREATED, placed)


def _fits(told: dict[str, Any], query: dict[str, Any]) -> bool:
    execution = told["execution"] or {}
    names = {execution.get(name) for name in NAMES}
    return all(
        told[name] == query[name]
        for name in ("symbol", "status", "client_order_id", "exchange_order_id")
        if name in query
    ) and (
        query.get("algorithm") in {None, execution.get("algorithm")}
        and ("leg_client_order_id" not in query or query["leg_client_order_id"] in names)
        and _is_of_venue(told, query)
    )


def _is_of_venue(told: dict[str, Any], query: dict[str, Any]) -> bool:
    alone = None if told["execution"] is None else told["execution"]["venues"]
    return query.get("venue") in {None, told["venue"]} or alone == [query["venue"]]


LIST, PLAIN, UNNAMED = order("list", execution=oco(**NAMES)), order("plain"), order("oco", execution=oco())
NUMBER: int = LIST["exchange_order_id"]
LIMIT_FILL, STOP_FILL = trade(LIST, 1, "0.4", "2100"), trade(LIST, 2, "0.6", "1895")
DONE = LIST | {"status": "FILLED", "cum_qty": "1", "cum_notional": "1977"}


def exchange(
    *orders: dict[str, Any], trades: tuple[dict[str, Any], ...] = (), venue: str = "SIM"
) -> tuple[FirmExchange, Api]:
    hub = SimpleNamespace(get=lambda *_: None)
    firm = FirmExchange(cast(EngineState, SimpleNamespace(instruments=[ETH], term=lambda _: None, hub=hub)), venue)
    api = Api(list(orders), list(trades))
    firm.connect(Platform(cast(Any, None), cast(Any, None), cast(ControlPlane, api), cast(Any, None)))
    return firm, api


@pytest.mark.parametrize(
    ("number", "client_order_id", "shown"),
    [
        (NUMBER, None, "limit"),
        (other_number(NUMBER), None, "stop"),
        (None, "limit", "limit"),
        (None, "stop", "stop"),
        (other_number(NUMBER), "stop", "stop"),
        (PLAIN["exchange_order_id"], None, "plain"),
        (None, "oco", "oco"),
        (UNNAMED["exchange_order_id"], None, "oco"),
        (None, "list", None),
        (NUMBER, "stop", None),
        (other_number(PLAIN["exchange_order_id"]), None, None),
        (1 << 52, None, None),
    ],
)
async def test_an_order_is_found_by_what_it_is_shown_under(
    number: int | None, client_order_id: str | None, shown: str | None
) -> None:
    firm, _ = exchange(LIST, PLAIN, UNNAMED)
    if shown is None:
        with pytest.raises(BinanceError) as raised:
            await firm.order(CLIENT, OrderRef(ETH, number, client_order_id))
        assert raised.value.code == -2013
        return
    assert (await firm.order(CLIENT, OrderRef(ETH, number, client_order_id))).client_order_id == shown


async def test_a_list_is_found_by_its_own_ids_and_no_order_is_one() -> None:
    firm, _ = exchange(LIST, PLAIN, UNNAMED)
    for number, client_order_id in ((NUMBER, None), (None, "list"), (NUMBER, "list")):
        assert (await firm.order_list(CLIENT, OrderListRef(None, number, client_order_id))).list_number == NUMBER
    for number, client_order_id in ((other_number(NUMBER), None), (None, "stop"), (None, "plain"), (None, "oco")):
        with pytest.raises(BinanceError) as raised:
            await firm.order_list(CLIENT, OrderListRef(None, number, client_order_id))
        assert raised.value.code == -2013
        with pytest.raises(BinanceError) as raised:
            await firm.cancel_list(CLIENT, OrderListRef(ETH, number, client_order_id))
        assert raised.value.code == -2011


async def test_lists_of_orders_show_both_and_lists_of_lists_only_those() -> None:
    firm, _ = exchange(LIST, PLAIN, UNNAMED)
    ids = ["stop", "limit"]
    opened = [each.client_order_id for each in await firm.open_orders(CLIENT, ETH)]
    assert opened == [*ids, "plain", "oco"]
    listed = [each.client_order_id for each in await firm.orders(CLIENT, ETH, NEWEST)]
    assert listed == ["oco", "plain", *ids]
    from_the_limit = await firm.orders(CLIENT, ETH, Span(limit=10, from_number=NUMBER))
    assert [each.client_order_id for each in from_the_limit] == ["limit"]
    for lists in (await firm.open_order_lists(CLIENT), await firm.order_lists(CLIENT, NEWEST)):
        assert [each.list_client_order_id for each in lists] == ["list"]


async def test_its_trades_say_what_limit_and_stop_have_filled_and_whose_they_are() -> None:
    of_plain = trade(PLAIN, 3, "0.1", "2100", venue="SIM")
    firm, api = exchange(DONE, PLAIN, trades=(LIMIT_FILL, STOP_FILL, of_plain))
    stop, limit = (await firm.order_list(CLIENT, OrderListRef(None, NUMBER, None))).orders
    assert (limit.cum_qty, limit.status.value) == (Decimal("0.4"), "EXPIRED")
    assert (stop.cum_qty, stop.quantity, stop.status.value) == (Decimal("0.6"), Decimal("0.6"), "FILLED")
    for _ in range(2):
        trades = await firm.trades(CLIENT, ETH, NEWEST, None)
        assert [(each.order_number, each.list_number) for each in trades] == [
            (limit.order_number, NUMBER),
            (stop.order_number, NUMBER),
            (PLAIN["exchange_order_id"], -1),
        ]
    assert api.asked.count(f"GET /orders/{LIST['order_id']}") == 1  # What it is never changes.
    [of_stop] = await firm.trades(CLIENT, ETH, NEWEST, stop.order_number)
    assert of_stop.fill.price == Decimal(1895)


THERE = order("there", venue="PAPER")
THERE_ALONE = order("there-alone", execution=oco() | {"venues": ["PAPER"]})
OVER_BOTH = order("both", execution=oco() | {"venues": ["SIM", "PAPER"]})
OVER_ALL = order("all", execution=oco() | {"venues": []})
ELSEWHERE = (THERE, THERE_ALONE, OVER_BOTH, OVER_ALL)


async def test_orders_at_other_venues_are_neither_shown_nor_found_nor_cancelled() -> None:
    firm, api = exchange(PLAIN, *ELSEWHERE)
    for shown in (await firm.open_orders(CLIENT, ETH), await firm.orders(CLIENT, ETH, NEWEST)):
        assert [each.client_order_id for each in shown] == ["plain"]
    for each in ELSEWHERE:
        for number, client_order_id in ((each["exchange_order_id"], None), (None, each["client_order_id"])):
            ref = OrderRef(ETH, number, client_order_id)
            with pytest.raises(BinanceError) as raised:
                await firm.order(CLIENT, ref)
            assert raised.value.code == -2013
            with pytest.raises(BinanceError) as raised:
                await firm.cancel(CLIENT, ref)
            assert raised.value.code == -2011
    (cancelled,) = await firm.cancel_all(CLIENT, ETH)
    assert isinstance(cancelled, ShownOrder)
    assert cancelled.client_order_id == "plain"
    assert [each for each in api.asked if each.startswith("DELETE")] == [f"DELETE /orders/{PLAIN['order_id']}"]


async def test_at_a_venue_its_own_orders_and_those_worked_there_alone_are_shown() -> None:
    firm, _ = exchange(PLAIN, *ELSEWHERE, venue="PAPER")
    shown = [each.client_order_id for each in await firm.open_orders(CLIENT, ETH)]
    assert shown == ["there", "there-alone"]
    canceled = [each for each in await firm.cancel_all(CLIENT, ETH) if isinstance(each, ShownOrder)]
    assert [each.client_order_id for each in canceled] == shown


async def test_trades_of_orders_at_other_venues_are_not_shown() -> None:
    trades = (
        trade(PLAIN, 1, "0.1", "2100", venue="SIM"),
        trade(THERE, 2, "0.1", "2100", venue="PAPER"),
        *(trade(each, 3 + number, "0.1", "2100") for number, each in enumerate((THERE_ALONE, OVER_BOTH, OVER_ALL))),
    )
    for venue, expected in (("SIM", [PLAIN]), ("PAPER", [THERE, THERE_ALONE])):
        firm, _ = exchange(PLAIN, *ELSEWHERE, trades=trades, venue=venue)
        shown = await firm.trades(CLIENT, ETH, Span(limit=2), None)
        assert [each.order_number for each in shown] == [each["exchange_order_id"] for each in expected]


async def test_what_orders_at_other_venues_lock_is_locked_in_the_balances() -> None:
    firm, api = exchange(PLAIN, THERE)
    api.totals = {"ETH": "5"}
    [balance] = await firm.balances(CLIENT)
    assert (balance.asset, balance.free, balance.locked) == ("ETH", Decimal(3), Decimal(2))


@pytest.mark.parametrize("ref", [OrderRef(ETH, other_number(NUMBER), None), OrderRef(ETH, None, "limit")])
async def test_a_cancel_of_one_of_its_orders_is_answered_with_the_list(ref: OrderRef) -> None:
    firm, api = exchange(LIST)
    canceled = await firm.cancel(CLIENT, ref)
    assert isinstance(canceled, ShownOrderList)
    assert [each.status.value for each in canceled.orders] == ["CANCELED", "CANCELED"]
    assert api.asked[-1] == f"DELETE /orders/{LIST['order_id']}"


async def test_all_that_is_cancelled_is_answered_as_it_is_shown() -> None:
    firm, _ = exchange(LIST, PLAIN)
    canceled = await firm.cancel_all(CLIENT, ETH)
    assert [type(each) for each in canceled] == [ShownOrderList, ShownOrder]


async def test_where_only_some_could_be_cancelled_nobody_is_told_that_nothing_was_done() -> None:
    firm, api = exchange(LIST, PLAIN)
    api.is_busy_for = {PLAIN["order_id"]}
    with pytest.raises(BinanceError) as raised:
        await firm.cancel_all(CLIENT, ETH)
    assert raised.value.code == -1007

    api.is_busy_for = {PLAIN["order_id"], LIST["order_id"]}
    with pytest.raises(Unavailable):
        await firm.cancel_all(CLIENT, ETH)


async def test_a_list_that_is_over_cannot_be_cancelled() -> None:
    firm, api = exchange(DONE)
    for cancel in (
        firm.cancel(CLIENT, OrderRef(ETH, None, "stop")),
        firm.cancel_list(CLIENT, OrderListRef(ETH, NUMBER, None)),
    ):
        with pytest.raises(BinanceError) as raised:
            await cancel
        assert raised.value.code == -2011
    assert not [each for each in api.asked if each.startswith("DELETE")]


def new_list(client_order_id: str, **names: Any) -> NewOrder:
    execution = Oco(algorithm="OCO", stop_px=Decimal(1900), **(NAMES | names))
    return NewOrder(
        instrument=ETH,
        side=Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        quantity=Decimal(1),
        quote_quantity=None,
        price=Decimal(2100),
        client_order_id=client_order_id,
        valid_until_ms=1_900_000_000_000,
        execution=execution,
    )


async def test_of_two_lists_with_one_id_at_the_same_moment_one_is_placed() -> None:
    firm, api = exchange()
    both = (firm.place_list(CLIENT, new_list(each), {"stop"}) for each in ("one", "two"))
    placed, refused = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(placed, ShownOrderList)
    assert [each.client_order_id for each in placed.orders] == ["stop", "limit"]
    assert isinstance(refused, BinanceError)
    assert refused.message == "Duplicate order sent."
    assert api.asked.count("POST /orders") == 1


@pytest.mark.parametrize("is_list_first", [True, False])
async def test_of_a_list_and_a_plain_order_with_one_id_at_the_same_moment_the_first_is_placed(
    is_list_first: bool,
) -> None:
    firm, api = exchange()
    plain = replace(new_list("stop"), execution=None)
    both = [firm.place_list(CLIENT, new_list("one"), {"stop"}), firm.place(CLIENT, plain)]
    placed, refused = await asyncio.gather(*(both if is_list_first else both[::-1]), return_exceptions=True)
    assert isinstance(placed, ShownOrderList if is_list_first else ShownOrder)
    assert isinstance(refused, BinanceError)
    assert refused.message == "Duplicate order sent."
    assert api.asked.count("POST /orders") == 1


async def test_a_plain_order_that_was_refused_holds_its_id_back_no_longer() -> None:
    firm, api = exchange()
    plain = replace(new_list("stop"), execution=None)
    api.refuses = True
    with pytest.raises(BinanceError, match="may not place or cancel"):
        await firm.place(CLIENT, plain)
    api.refuses = False
    assert (await firm.place(CLIENT, plain)).client_order_id == "stop"


@pytest.mark.parametrize(
    ("ends", "status"),
    [(Answer(HTTPStatus.OK, {"status": "FILLED", "cum_qty": "1"}), "FILLED"), (OutcomeUnknown("no answer"), "NEW")],
)
async def test_an_order_that_must_not_rest_is_asked_about_until_it_has_ended_and_is_placed_whatever_is_answered(
    monkeypatch: pytest.MonkeyPatch, ends: Answer | Exception, status: str
) -> None:
    monkeypatch.setattr(placing, "ENDED_LOOK_ELSEWHERE_S", 0.0)
    looks: list[str] = []

    class Ending(Api):
        async def ask(self, function: Function, method: str, path: str, owner: Owner, **how: Any) -> Answer:
            answer = await super().ask(function, method, path, owner, **how)
            if not path.startswith("/orders/"):
                return answer
            looks.append(path)
            if len(looks) == 1:
                return answer
            if isinstance(ends, Exception):
                raise ends
            return Answer(ends.status, answer.document | ends.document)

    firm, _ = exchange(venue="PAPER")
    api = Ending([], [])
    api.placed_as = {"venue": "PAPER", "time_in_force": "IOC", "status": "NEW"}
    firm.connect(Platform(cast(Any, None), cast(Any, None), cast(ControlPlane, api), cast(Any, None)))
    placed = await firm.place(CLIENT, replace(new_list("one"), execution=None, time_in_force=TimeInForce.IOC))
    assert (placed.status.value, len(looks)) == (status, 2)


@pytest.mark.parametrize(
    ("client_order_id", "names", "told_ids"),
    [
        ("list", {"limit_client_order_id": "a", "stop_client_order_id": "b"}, {"a", "b"}),
        ("new", {"stop_client_order_id": "b"}, {"limit", "b"}),
        ("new", {"limit_client_order_id": "plain"}, {"plain"}),
        ("new", {"limit_client_order_id": "a"}, {"a", "stop"}),
    ],
)
async def test_an_id_that_an_order_or_a_list_has_used_is_refused_to_a_list(
    client_order_id: str, names: dict[str, str], told_ids: set[str]
) -> None:
    firm, _ = exchange(LIST, PLAIN)
    with pytest.raises(BinanceError, match="Duplicate order sent") as raised:
        await firm.place_list(CLIENT, new_list(client_order_id, **names), told_ids)
    assert raised.value.code == -2010


async def test_what_was_refused_holds_no_ids_back() -> None:
    firm, api = exchange()
    api.refuses = True
    with pytest.raises(BinanceError, match="may not place or cancel"):
        await firm.place_list(CLIENT, new_list("one"), {"limit", "stop"})
    api.refuses = False
    assert (await firm.place_list(CLIENT, new_list("two"), {"limit", "stop"})).list_client_order_id == "two"


STOPPED = {"status": "PARTIALLY_FILLED", "cum_qty": "0.4", "cum_notional": "758"}


async def test_a_list_that_was_placed_is_answered_although_its_fills_cannot_be_asked_for() -> None:
    firm, api = exchange()
    api.hides_trades, api.placed_as = True, STOPPED
    placed = await firm.place_list(CLIENT, new_list("one"), {"limit", "stop"})
    stop, limit = placed.orders
    assert (stop.cum_qty, limit.cum_qty) == (Decimal("0.4"), Decimal(0))
    with pytest.raises(BinanceError) as raised:  # A question may fail.
        await firm.order_list(CLIENT, OrderListRef(None, placed.list_number, None))
    assert raised.value.code == -1001


async def test_a_cancel_that_was_done_is_answered_although_fills_cannot_be_asked_for() -> None:
    firm, api = exchange(LIST | STOPPED)
    api.hides_trades = True
    answers = [
        await firm.cancel(CLIENT, OrderRef(ETH, None, "stop")),
        await firm.cancel_list(CLIENT, OrderListRef(ETH, NUMBER, None)),
        *await firm.cancel_all(CLIENT, ETH),
    ]
    assert [each.status.value for each in answers] == ["CANCELED"] * 3


async def test_a_good_fill_of_the_limit_does_not_hide_a_bad_one_of_the_stop() -> None:
    """Together they are better than the limit's price."""
    whole = LIST | {"status": "FILLED", "cum_qty": "1", "cum_notional": "2102"}
    firm, _ = exchange(whole, trades=(trade(LIST, 1, "0.95", "2110"), trade(LIST, 2, "0.05", "1950")))
    stop, limit = (await firm.order_list(CLIENT, OrderListRef(None, NUMBER, None))).orders
    assert (limit.cum_qty, limit.status.value) == (Decimal("0.95"), "EXPIRED")
    assert (stop.cum_qty, stop.cum_notional, stop.status.value) == (Decimal("0.05"), Decimal("97.5"), "FILLED")


async def test_a_list_whose_trades_are_not_shown_yet_is_told_by_its_sums() -> None:
    firm, _ = exchange(LIST | {"status": "FILLED", "cum_qty": "1", "cum_notional": "2100"})
    stop, limit = (await firm.order_list(CLIENT, OrderListRef(None, NUMBER, None))).orders
    assert (limit.status.value, stop.status.value) == ("FILLED", "EXPIRED")


@pytest.mark.parametrize("late", [1, 100])
async def test_trades_that_are_shown_later_than_their_order_are_read_again_a_few_times(
    late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is missing even then the sum tells whose it is: here the rest of the limit's fills is."""
    monkeypatch.setattr(as_shown, "TRADES_PAUSE_S", 0)
    whole = LIST | {"status": "FILLED", "cum_qty": "1", "cum_notional": "2100"}
    firm, api = exchange(whole, trades=(LIMIT_FILL, trade(LIST, 2, "0.6", "2100")))
    api.shows_late = late
    stop, limit = (await firm.order_list(CLIENT, OrderListRef(None, NUMBER, None))).orders
    assert (limit.cum_qty, limit.status.value, stop.status.value) == (Decimal(1), "FILLED", "EXPIRED")
    assert api.asked.count("GET /trades") == min(late + 1, as_shown.TRADES_TRIES)
