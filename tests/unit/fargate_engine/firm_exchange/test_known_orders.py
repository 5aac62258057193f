"""Order lists in the engine's memory: found by all of their ids while they are open, after a restart and when done."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from breakwater.domain.executions import ROUTER_VENUE, Oco
from breakwater.domain.orders import OrdStatus, Side, SubmitOrder, exchange_order_id, order_id_of
from breakwater.domain.permissions import Principal
from breakwater.errors import EngineUnavailable
from fargate_engine.binance.exchange import OrderListRef, OrderRef
from fargate_engine.firm_exchange.known_orders import KnownOrders
from fargate_engine.firm_exchange.order_lists import filled_of_limit, other_number, shown_list
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.gateway.state import EngineState
from fargate_engine.messages import CancelOrder
from fargate_engine.orders import EngineOrder
from fargate_engine.registry import REMEMBERED_NS
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, submit
from tests.unit.fargate_engine.routing.scene import Scene, until

OWNER = Owner(cast(Principal, SimpleNamespace(tenant_id=TENANT)), ACCOUNT)
LIST_ID = order_id_of(TENANT, ACCOUNT, "list")
NUMBER = exchange_order_id(LIST_ID)
OCO = Oco(
    algorithm="OCO",
    venues=("A",),
    stop_px=Decimal("1980.00"),
    trigger_by="BEST",
    limit_client_order_id="limit",
    stop_client_order_id="stop",
)
BY_ORDER = [(NUMBER, None), (other_number(NUMBER), None), (None, "limit"), (None, "stop"), (NUMBER, "limit")]
NOT_BY = [(None, "list"), (NUMBER, "stop"), (NUMBER ^ 2, None), (None, "client-2")]


def order_list(**changes: Any) -> SubmitOrder:
    return submit(
        1,
        order_id=LIST_ID,
        client_order_id="list",
        venue=ROUTER_VENUE,
        execution=OCO,
        side=Side.SELL,
        price=Decimal("1999.80"),
        **changes,
    )


def known_orders(scene: Scene, venue: str = "A") -> KnownOrders:
    """An engine that serves this shard alone."""
    term = SimpleNamespace(state=scene.state, inbox=scene.inbox)
    engine = SimpleNamespace(instruments=[ETH], term=lambda _: term)
    return KnownOrders(cast(EngineState, engine), venue)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with Scene().served() as served:
        served.a.show(bids=((199_000, 10_000),), asks=((199_900, 4_000),))
        await served.ask(order_list())
        await until(lambda: len(served.state.registry.children_of(LIST_ID)) == 1)
        yield served


@pytest.mark.parametrize(("number", "client_order_id"), BY_ORDER)
async def test_an_order_of_a_list_is_found_by_its_number_and_client_id_also_after_a_restart(
    scene: Scene, number: int | None, client_order_id: str | None
) -> None:
    ref = OrderRef(ETH, number, client_order_id)
    for each in (scene, scene.restarted()):
        orders = known_orders(each)
        live = orders.find_live(OWNER, ref)
        assert live is not None
        assert live[1].order_id == LIST_ID
        found = orders.find(OWNER, ref)
        assert found is not None
        assert (found.client_order_id, found.execution) == ("list", OCO)


@pytest.mark.parametrize(("number", "client_order_id"), NOT_BY)
async def test_what_no_order_of_a_list_is_called_finds_none(
    scene: Scene, number: int | None, client_order_id: str | None
) -> None:
    assert known_orders(scene).find(OWNER, OrderRef(ETH, number, client_order_id)) is None


async def test_orders_of_one_venue_are_not_found_at_another(scene: Scene) -> None:
    over_both = OCO.model_copy(update={"venues": ()})
    at_each: list[dict[str, Any]] = [{"venue": "A"}, {"venue": "B"}, {"venue": ROUTER_VENUE, "execution": over_both}]
    for number, changes in enumerate(at_each):
        name = f"plain-{number}"
        order_id = order_id_of(TENANT, ACCOUNT, name)
        await scene.ask(submit(2, order_id=order_id, client_order_id=name, price=Decimal(1000), **changes))
    term = cast(Any, SimpleNamespace(state=scene.state))
    assert len(scene.state.open_orders_of(ACCOUNT)) == 4
    for venue, ids in (("A", ["list", "plain-0"]), ("B", ["plain-1"]), ("SIM", [])):
        orders = known_orders(scene, venue)
        assert [each.submitted.client_order_id for each in orders.open_orders_of(term, OWNER)] == ids
        number = exchange_order_id(order_id_of(TENANT, ACCOUNT, "plain-1"))
        for ref in (OrderRef(ETH, number, None), OrderRef(ETH, None, "plain-1")):
            assert (orders.find_live(OWNER, ref) is not None) == (venue == "B")
        of_list = (OrderListRef(None, NUMBER, None), OrderListRef(None, None, "list"))
        assert [orders.find_live_list(OWNER, each) is not None for each in of_list] == [venue == "A"] * 2


async def test_a_list_is_found_by_its_own_number_and_client_id(scene: Scene) -> None:
    await scene.ask(submit(2, venue="A", side=Side.BUY, price=Decimal(1000)))  # Which is none.
    orders = known_orders(scene)
    for found in (
        orders.find_list(OWNER, OrderListRef(None, NUMBER, None)),
        orders.find_list(OWNER, OrderListRef(ETH, NUMBER, "list")),
        orders.find_list(OWNER, OrderListRef(None, None, "list")),
    ):
        assert found is not None
        assert found.order_number == NUMBER
    plain = exchange_order_id(submit(2).order_id)
    for number, client_order_id in ((other_number(NUMBER), None), (None, "stop"), (NUMBER, "stop"), (plain, None)):
        assert orders.find_list(OWNER, OrderListRef(None, number, client_order_id)) is None


async def test_a_list_that_is_over_is_found_as_long_as_it_is_remembered(scene: Scene) -> None:
    orders = known_orders(scene)
    live = orders.find_live_list(OWNER, OrderListRef(None, NUMBER, None))
    assert live is not None
    orders.remember(OWNER, LIST_ID, orders.shown(live[1]))
    assert orders.is_in_list(OWNER, "stop")
    assert not orders.is_in_list(OWNER, "list")
    await scene.ask(CancelOrder(order_id=LIST_ID, tenant_id=TENANT))
    await until(lambda: not isinstance(scene.state.order(LIST_ID), EngineOrder))
    for number, client_order_id in BY_ORDER:
        found = orders.find(OWNER, OrderRef(ETH, number, client_order_id))
        assert found is not None
        assert found.status is OrdStatus.CANCELED
    for ref in (OrderListRef(None, NUMBER, None), OrderListRef(ETH, None, "list")):
        assert orders.find_live_list(OWNER, ref) is None
        found = orders.find_list(OWNER, ref)
        assert found is not None
        assert found.status is OrdStatus.CANCELED
    assert orders.find(OWNER, OrderRef(ETH, None, "list")) is None


async def test_what_limit_and_stop_have_filled_is_known_by_their_children_also_after_a_restart(scene: Scene) -> None:
    orders = known_orders(scene)
    live = orders.find_live(OWNER, OrderRef(ETH, NUMBER, None))
    assert live is not None
    at_first = orders.shown(live[1])
    [child] = scene.state.registry.children_of(LIST_ID)
    scene.venues[child.submitted.venue].trade(Side.BUY, 199_980, 4_000)
    await until(lambda: live[1].cum_lots == 4_000)
    amid = orders.shown(live[1])
    for venue in (scene.a, scene.b):
        venue.show(bids=((197_900, 9_000),), asks=((198_900, 4_000),))
    await until(lambda: not isinstance(scene.state.order(LIST_ID), EngineOrder))
    done = replace(amid, status=OrdStatus.FILLED, cum_qty=Decimal(1), cum_notional=Decimal("1987.32"))
    async with scene.restarted().served() as restarted:
        known = [await known_orders(each).child_fills(OWNER, at_first) for each in (scene, restarted)]
    for fills in known:
        assert fills is not None
        stop, limit = shown_list(done, filled_of_limit(done, fills)).orders
        assert (limit.cum_qty, limit.cum_notional) == (Decimal("0.4"), Decimal("799.92"))
        assert (stop.cum_qty, stop.cum_notional) == (Decimal("0.6"), Decimal("1187.40"))
        assert (limit.status, stop.status) == (OrdStatus.EXPIRED, OrdStatus.FILLED)
        _, limit = shown_list(amid, filled_of_limit(amid, fills)).orders
        assert (limit.status, limit.cum_qty) == (OrdStatus.PARTIALLY_FILLED, Decimal("0.4"))


async def test_what_is_forgotten_is_asked_of_the_api(scene: Scene) -> None:
    orders = known_orders(scene)
    live = orders.find_live(OWNER, OrderRef(ETH, NUMBER, None))
    assert live is not None
    shown, term = orders.shown(live[1]), live[0]
    orders.remember(OWNER, LIST_ID, shown)
    assert await orders.child_fills(OWNER, shown) == [(Decimal(0), Decimal(0))]
    await scene.ask(CancelOrder(order_id=LIST_ID, tenant_id=TENANT))
    await until(lambda: not isinstance(scene.state.order(LIST_ID), EngineOrder))
    assert orders.find(OWNER, OrderRef(ETH, NUMBER, None)) is not None

    scene.state.registry.forget(scene.state.last_at_ns + REMEMBERED_NS, at_most=100)

    assert orders.find(OWNER, OrderRef(ETH, NUMBER, None)) is None
    assert orders.find_list(OWNER, OrderListRef(ETH, NUMBER, "list")) is None
    assert await orders.child_fills(OWNER, shown) is None
    assert term.state.has_taken(LIST_ID)


async def test_its_children_are_looked_at_no_more_once_the_stop_has_filled_something(scene: Scene) -> None:
    looks: list[Any] = []

    def find(*asked: Any) -> Any:
        looks.append(asked)
        return scene.state.find(*asked)

    state = SimpleNamespace(find=find)
    term = SimpleNamespace(state=state, inbox=scene.inbox)
    engine = SimpleNamespace(instruments=[ETH], term=lambda _: term)
    orders = KnownOrders(cast(EngineState, engine), "A")
    live = known_orders(scene).find_live(OWNER, OrderRef(ETH, NUMBER, None))
    assert live is not None
    shown = known_orders(scene).shown(live[1])
    for expected in (Decimal(0), Decimal("0.4")):
        assert await orders.child_fills(OWNER, shown) == [(expected, expected * Decimal("1999.80"))]
        looks.clear()
        [child] = scene.state.registry.children_of(LIST_ID)
        if not expected:
            scene.venues[child.submitted.venue].trade(Side.BUY, 199_980, 4_000)
            await until(lambda: live[1].cum_lots == 4_000)
    for venue in (scene.a, scene.b):
        venue.show(bids=((197_900, 9_000),), asks=((198_900, 4_000),))
    await until(lambda: not isinstance(scene.state.order(LIST_ID), EngineOrder))
    for _ in range(2):
        assert await orders.child_fills(OWNER, shown) == [(Decimal("0.4"), Decimal("799.92"))]
    children = len(looks)
    assert children > 1
    await orders.child_fills(OWNER, shown)
    assert len(looks) == children


async def test_where_nothing_of_it_was_worked_its_children_are_not_known(scene: Scene) -> None:
    orders = known_orders(scene)
    live = orders.find_live(OWNER, OrderRef(ETH, NUMBER, None))
    assert live is not None
    assert await orders.child_fills(OWNER, replace(orders.shown(live[1]), client_order_id="another")) is None


async def test_what_its_children_have_filled_is_told_and_kept_once_it_is_in_the_journal(scene: Scene) -> None:
    """Were the commit to fail, a leg would keep a fill that never was."""
    orders = known_orders(scene)
    live = orders.find_live(OWNER, OrderRef(ETH, NUMBER, None))
    assert live is not None
    shown = orders.shown(live[1])
    [child] = scene.state.registry.children_of(LIST_ID)
    scene.venues[child.submitted.venue].trade(Side.BUY, 199_980, 4_000)
    await until(lambda: live[1].cum_lots == 4_000)
    for venue in (scene.a, scene.b):
        venue.show(bids=((197_900, 9_000),), asks=((198_900, 4_000),))
    await until(lambda: not isinstance(scene.state.order(LIST_ID), EngineOrder))
    scene.inbox.close()
    with pytest.raises(EngineUnavailable):
        await orders.child_fills(OWNER, shown)
    assert not orders._of_stopped
