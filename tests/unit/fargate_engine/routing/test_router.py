"""Orders at the router: worked as children, one order to everybody else."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from breakwater.domain.executions import Execution, Oco, Route, Stop
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from fargate_engine import registry
from fargate_engine.messages import CancelOrder
from fargate_engine.orders import FinalOrder, ForgottenOrder
from fargate_engine.routing import router, working
from fargate_engine.routing.moves import Moves, Send, View
from fargate_engine.routing.venue_views import MARKET_SILENT_S, VenueViews
from fargate_engine.shard_state import ShardState
from tests.support.engine_words import snapshot_in_state
from tests.unit.fargate_engine.orders import submit
from tests.unit.fargate_engine.routing.scene import PARENT, Scene, until

BEST, SEEK = Route(), Route(algorithm="SEEK")
IOC = TimeInForce.IOC


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with Scene().served() as served:
        served.a.show(bids=((199_000, 10_000),), asks=((199_900, 4_000), (200_100, 9_000)))
        served.b.show(bids=((199_000, 10_000),), asks=((199_950, 3_000), (200_000, 9_000)))
        yield served


async def test_an_order_is_filled_at_the_venues_where_it_costs_least(scene: Scene) -> None:
    await scene.place(BEST, price=Decimal("2001.00"), time_in_force=IOC)

    await until(lambda: scene.parent.status is OrdStatus.FILLED)
    # 0.4 at 1999.00 at A; 0.3 at 1999.50 and 0.3 at 2000.00 at B.
    assert scene.parent.cum_notional == Decimal("1999.45")
    assert {terms.quantity_lots for terms in scene.a.sent} == {4_000}
    assert sum(terms.quantity_lots for terms in scene.b.sent) == 6_000


async def test_what_nobody_offers_within_its_price_ends_an_ioc_order_with_the_reason(scene: Scene) -> None:
    await scene.place(BEST, price=Decimal("1999.60"), time_in_force=IOC)

    await until(lambda: scene.parent.status is OrdStatus.CANCELED)
    assert (scene.parent.cum_qty, scene.parent.reject_code) == (Decimal("0.7"), "NO_LIQUIDITY")
    assert scene.children == []


async def test_a_book_that_is_not_told_any_more_is_none_however_much_trades_there(scene: Scene) -> None:
    assert scene.a.shown.book_told_at is not None
    scene.a.shown.book_told_at -= MARKET_SILENT_S + 1
    scene.a.trade(Side.BUY, 199_900, 1)

    await scene.place(BEST, price=Decimal("2001.00"), time_in_force=IOC)

    await until(lambda: scene.parent.status is OrdStatus.FILLED)
    assert scene.a.sent == []


async def test_one_account_leaves_room_to_the_others_and_who_comes_in_leaves_room_to_who_goes_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in {"ORDERS_MAX": 4, "KEPT_FOR_EXITS": 2, "ORDERS_OF_ACCOUNT_MAX": 3}.items():
        monkeypatch.setattr(router, name, number)
    stop = Stop(algorithm="STOP", stop_px=Decimal(1000))

    async def placed(number: int, execution: Execution, account: int) -> str | None:
        order = submit(number, venue="SOR", execution=execution, account_id=uuid.UUID(int=account), side=Side.SELL)
        await scene.ask(order)
        said = snapshot_in_state(scene.state, order.order_id)
        return said.reject_reason

    assert [await placed(number, stop, 7) for number in range(10, 13)] == [None] * 3
    assert await placed(13, stop, 7) == "the router works 3 orders of an account in a shard at once"
    refused = "the router works 2 orders of a shard at once, and keeps room for exits"
    assert await placed(14, SEEK, 8) == refused
    assert await placed(15, stop, 8) is None
    assert await placed(16, stop, 9) == "the router works 4 orders of a shard at once"


async def test_a_market_in_other_ticks_and_lots_is_none(scene: Scene) -> None:
    market = scene.a.shown
    market.instrument = replace(market.instrument, lot_size=market.instrument.lot_size / 10)
    views = VenueViews(scene.state, scene.hub, {})
    assert (views.market("A", "ETH/USDT"), views.market("B", "ETH/USDT")) == (None, scene.b.shown)

    await scene.place(BEST, price=Decimal("2001.00"), time_in_force=IOC)

    await until(lambda: scene.parent.status is OrdStatus.FILLED)
    assert scene.a.sent == []


async def test_orders_that_come_together_are_counted_together(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "ORDERS_OF_ACCOUNT_MAX", 3)
    stop = Stop(algorithm="STOP", stop_px=Decimal(1000))
    orders = [submit(number, venue="SOR", execution=stop, side=Side.SELL) for number in range(10, 16)]

    await asyncio.gather(*(scene.ask(order) for order in orders))

    statuses = [snapshot_in_state(scene.state, order.order_id).status for order in orders]
    assert statuses == [OrdStatus.NEW] * 3 + [OrdStatus.REJECTED] * 3


async def test_a_market_order_stays_within_its_band(scene: Scene) -> None:
    band = {"price_low": Decimal(1000), "price_high": Decimal("1999.50")}
    await scene.place(BEST, type=OrderType.MARKET, price=None, time_in_force=IOC, **band)

    await until(lambda: scene.parent.status is OrdStatus.CANCELED)
    assert scene.parent.cum_qty == Decimal("0.7")


async def test_what_rests_is_cancelled_with_its_order(scene: Scene) -> None:
    await scene.place(SEEK, price=Decimal("1999.60"))
    await until(lambda: [each.status for each in scene.children] == [OrdStatus.NEW])

    await scene.cancel()

    assert (scene.parent.status, scene.parent.cum_qty) == (OrdStatus.CANCELED, Decimal("0.7"))
    assert scene.parent.reject_code is None
    assert scene.children == []


async def test_a_fill_on_the_way_of_a_cancel_is_counted(scene: Scene) -> None:
    await scene.place(SEEK, price=Decimal("1999.60"))
    await until(lambda: [each.status for each in scene.children] == [OrdStatus.NEW])
    at = scene.venues[scene.children[0].submitted.venue]
    at.hold_back()
    canceling = asyncio.create_task(scene.cancel())
    at.trade(Side.SELL, 199_960, 1_000)

    at.let_go()

    await canceling
    assert (scene.parent.status, scene.parent.cum_qty) == (OrdStatus.CANCELED, Decimal("0.8"))


async def test_the_rest_is_taken_when_somebody_offers_it(scene: Scene) -> None:
    await scene.place(SEEK, price=Decimal("1999.60"))
    await until(lambda: [each.status for each in scene.children] == [OrdStatus.NEW])

    for venue in (scene.a, scene.b):
        venue.show(bids=((199_000, 10_000),), asks=((199_960, 5_000),))

    await until(lambda: scene.parent.status is OrdStatus.FILLED)


async def test_an_engine_that_was_killed_goes_on_where_it_was(scene: Scene) -> None:
    await scene.place(SEEK, price=Decimal("1999.60"))
    await until(lambda: [each.status for each in scene.children] == [OrdStatus.NEW])
    child = scene.children[0].order_id

    async with scene.restarted().served() as again:
        assert [each.order_id for each in again.children] == [child]
        for venue in (again.a, again.b):
            venue.show(bids=((199_000, 10_000),), asks=((199_960, 5_000),))
        await until(lambda: again.parent.status is OrdStatus.FILLED)
        assert again.parent.cum_qty == Decimal(1)
        (ended,) = [each for each in again.told("orders.ExecutionMeasured.v1") if each["ended_at_ns"]]
        assert ended["arrival_px"] == "1994.5"


async def test_an_order_that_was_being_cancelled_is_so_after_a_restart(scene: Scene) -> None:
    await scene.place(SEEK, price=Decimal("1999.60"))
    await until(lambda: [each.status for each in scene.children] == [OrdStatus.NEW])
    for venue in scene.venues.values():
        venue.hold_back()
    canceling = asyncio.create_task(scene.cancel())
    await until(lambda: scene.children[0].status is OrdStatus.PENDING_CANCEL)
    canceling.cancel()

    async with scene.restarted().served() as again:
        for venue in again.venues.values():
            venue.let_go()
        await until(lambda: again.parent.status is OrdStatus.CANCELED)


async def test_the_market_is_measured_when_it_begins_and_when_it_has_ended(scene: Scene) -> None:
    await scene.place(SEEK, price=Decimal("1999.60"))
    await until(lambda: [each.status for each in scene.children] == [OrdStatus.NEW])
    scene.b.trade(Side.BUY, 200_000, 1_000)
    scene.b.trade(Side.BUY, 199_990, 3_000)
    await asyncio.sleep(0.1)  # A tick, in which they are counted.

    await scene.cancel()

    await until(lambda: len(scene.told("orders.ExecutionMeasured.v1")) == 2)
    began, ended = scene.told("orders.ExecutionMeasured.v1")
    # 0.4 at 1999.00, 0.3 at 1999.50, 0.3 at 2000.00, of both books together.
    assert (began["arrival_px"], began["arrival_cost_px"]) == ("1994.5", "1999.45")
    assert began["vwap_px"] is None
    assert ended["vwap_px"] == "1999.925"


async def test_one_order_is_told_and_its_children_beside_it(scene: Scene) -> None:
    await scene.place(BEST, price=Decimal("2001.00"), time_in_force=IOC)
    await until(lambda: scene.parent.status is OrdStatus.FILLED)

    fills, of_children = scene.told("trades.TradeExecuted.v1"), scene.told("orders.ChildOrderFilled.v1")
    assert {each["order"]["order_id"] for each in fills} == {str(submit(1).order_id)}
    assert sorted((each["last_qty"], each["last_px"], each["fee"]) for each in fills) == sorted(
        (each["last_qty"], each["last_px"], each["fee"]) for each in of_children
    )
    assert {each["order"]["venue"] for each in of_children} == {"A", "B"}


async def test_a_venue_that_refuses_is_left_out_for_a_while(scene: Scene) -> None:
    scene.a.is_listed = False

    await scene.place(BEST, price=Decimal("2001.00"), time_in_force=IOC)

    await until(lambda: scene.parent.status is OrdStatus.FILLED)
    assert scene.a.sent == []


async def test_an_order_for_venues_that_are_not_here_is_refused(scene: Scene) -> None:
    await scene.place(Route(venues=("ELSEWHERE",)))

    assert (scene.parent.status, scene.parent.reject_code) == (OrdStatus.REJECTED, "UNKNOWN_VENUE")


async def test_an_algorithm_that_fails_ends_its_order_and_nothing_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(view: View) -> Moves:
        raise ZeroDivisionError

    monkeypatch.setattr(working, "algorithm_of", lambda execution: broken)
    await scene.place(BEST)

    await until(lambda: scene.parent.status is OrdStatus.CANCELED)
    assert scene.parent.reject_code == "ALGORITHM_FAILED"
    await scene.ask(submit(2, venue="A"))


@pytest.mark.parametrize(
    "send",
    [
        Send("A", 10_001, 199_900, IOC),
        Send("A", 0, 199_900, IOC),
        Send("A", 10_000, 400_001, IOC),
        Send("A", 10_000, 99_999, IOC),
    ],
)
async def test_nothing_is_sent_beyond_what_was_reserved_whatever_an_algorithm_says(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, send: Send
) -> None:
    monkeypatch.setattr(working, "algorithm_of", lambda execution: lambda view: Moves(send=(send,)))
    await scene.place(BEST)
    await asyncio.sleep(0.1)

    assert scene.a.sent == []
    assert scene.children == []


async def test_an_order_has_no_end_of_children(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "CHILDREN_MAX", 5)
    nothing_there = Send("A", 1, 100_000, IOC)
    monkeypatch.setattr(working, "algorithm_of", lambda execution: lambda view: Moves(send=(nothing_there,)))

    await scene.place(BEST)

    await until(lambda: scene.parent.status is OrdStatus.CANCELED)
    assert scene.parent.reject_code == "TOO_MANY_CHILDREN"
    assert len(scene.a.sent) == 5


@pytest.mark.parametrize("stop_limit_px", [None, Decimal("1975.00")])
@pytest.mark.parametrize("side", Side)
async def test_the_half_of_an_oco_that_stops_goes_beyond_the_price_of_the_other(
    scene: Scene, side: Side, stop_limit_px: Decimal | None
) -> None:
    """A sale that rests at 2050 and stops at 1980; a buy that rests at 1950 and stops at 2020."""
    sells = side is Side.SELL
    if stop_limit_px is not None and not sells:
        stop_limit_px = Decimal("2025.00")
    stop, rests_at = (Decimal("1980.00"), "2050.00") if sells else (Decimal("2020.00"), "1950.00")
    execution = Oco(algorithm="OCO", stop_px=stop, stop_limit_px=stop_limit_px, trigger_by="BEST")
    await scene.place(execution, side=side, price=Decimal(rests_at))
    await until(lambda: [each.status for each in scene.children] == [OrdStatus.NEW])

    for venue in (scene.a, scene.b):
        if sells:
            venue.show(bids=((197_900, 6_000),), asks=((198_900, 4_000),))
        else:
            venue.show(bids=((201_000, 6_000),), asks=((202_100, 6_000),))

    await until(lambda: scene.parent.status is OrdStatus.FILLED)
    assert scene.parent.cum_notional == (Decimal("1979.00") if sells else Decimal("2021.00"))


async def test_a_fok_order_is_refused(scene: Scene) -> None:
    await scene.place(BEST, time_in_force=TimeInForce.FOK)

    assert (scene.parent.status, scene.parent.reject_code) == (OrdStatus.REJECTED, "INVALID_TERMS")


async def test_an_entry_that_cannot_be_counted_ends_its_exit_and_nothing_else(scene: Scene) -> None:
    """As one of another symbol would be, which the API does not let pass."""
    await scene.ask(submit(9, venue="A", side=Side.BUY, price=Decimal("1999.00"), quantity=Decimal("0.1")))
    final = scene.state.order(submit(9).order_id)
    assert isinstance(final, FinalOrder)
    odd = final.last_words.replace(b'"cum_qty":"0.1"', b'"cum_qty":"0.00001"')
    scene.state.registry.orders[final.order_id] = final._replace(last_words=odd)

    exits = Stop(algorithm="STOP", stop_px=Decimal("1980.00"), after=final.order_id)
    await scene.place(exits, side=Side.SELL, price=Decimal("1970.00"))

    await until(lambda: scene.parent.status is OrdStatus.CANCELED)
    assert scene.parent.reject_code == "ALGORITHM_FAILED"


async def test_an_order_whose_time_has_come_ends_its_children_and_is_expired(scene: Scene) -> None:
    await scene.place(
        BEST, price=Decimal("1990.00"), time_in_force=TimeInForce.GTD, expire_at_ns=time.time_ns() + 200_000_000
    )
    await until(lambda: [child.status for child in scene.children] == [OrdStatus.NEW])
    assert scene.parent.status is OrdStatus.NEW

    await until(lambda: scene.parent.status is OrdStatus.EXPIRED)

    assert scene.children == []
    (told,) = scene.told("orders.OrderExpired.v1")
    assert told["order"]["leaves_qty"] == "0"
    (*_, last) = scene.told("orders.ChildOrderChanged.v1")
    assert last["order"]["status"] == "CANCELED"


async def test_an_order_whose_time_came_while_nobody_ran_ends_after_the_restart(scene: Scene) -> None:
    await scene.place(
        BEST, price=Decimal("1990.00"), time_in_force=TimeInForce.DAY, expire_at_ns=time.time_ns() + 200_000_000
    )
    await until(lambda: [child.status for child in scene.children] == [OrdStatus.NEW])
    restarted = scene.restarted()
    await asyncio.sleep(0.3)
    assert restarted.parent.status is OrdStatus.NEW
    async with restarted.served():
        await until(lambda: restarted.parent.status is OrdStatus.EXPIRED)
        assert restarted.children == []


def forget(scene: Scene) -> None:
    """As an hour later."""
    scene.state.registry.forget(scene.state.last_at_ns + registry.REMEMBERED_NS, at_most=100)


async def test_an_exit_from_an_order_that_is_forgotten_is_refused_and_sells_nothing(scene: Scene) -> None:
    """Its entry filled 0.4 of 1, of whose end the ledger may not have heard: it lets an exit of 1 pass."""
    scene.a.show(bids=((198_900, 10_000),), asks=((199_000, 4_000),))
    entry = submit(9, venue="A", side=Side.BUY, price=Decimal("1999.00"), quantity=Decimal("1"))
    await scene.ask(entry)
    await scene.ask(CancelOrder(order_id=entry.order_id, tenant_id=entry.tenant_id))
    forget(scene)
    assert isinstance(scene.state.order(entry.order_id), ForgottenOrder)
    sent = len(scene.a.sent) + len(scene.b.sent)

    exits = Stop(algorithm="STOP", stop_px=Decimal("1990.50"), trigger_by="BEST", after=entry.order_id)
    await scene.place(exits, side=Side.SELL, price=Decimal("1970.00"), quantity=Decimal("1"))

    assert (scene.parent.status, scene.parent.reject_code) == (OrdStatus.REJECTED, "ENTRY_FORGOTTEN")
    assert len(scene.a.sent) + len(scene.b.sent) == sent


async def test_an_entry_is_kept_as_long_as_its_exit_lives(scene: Scene) -> None:
    entry = submit(9, venue="A", side=Side.BUY, price=Decimal("1999.00"), quantity=Decimal("0.4"))
    await scene.ask(entry)
    exits = Stop(algorithm="STOP", stop_px=Decimal("1980.00"), trigger_by="BEST", after=entry.order_id)
    await scene.place(exits, side=Side.SELL, price=Decimal("1970.00"), quantity=Decimal("1"))
    forget(scene)
    assert isinstance(scene.state.order(entry.order_id), FinalOrder)
    for venue in (scene.a, scene.b):
        venue.show(bids=((197_900, 100_000),), asks=((199_000, 10_000),))

    await until(lambda: scene.parent.status is OrdStatus.CANCELED)
    assert (scene.parent.reject_code, scene.parent.cum_qty) == ("EXITED", Decimal("0.4"))


async def entered(scene: Scene, filled: str) -> uuid.UUID:
    """A buy of 1 that was cancelled when it had filled so much."""
    lots = int(Decimal(filled) * 10_000)
    scene.a.show(bids=((198_900, 10_000),), asks=((199_000, lots),))
    entry = submit(9, venue="A", side=Side.BUY, price=Decimal("1999.00"), quantity=Decimal(1))
    await scene.ask(entry)
    await scene.ask(CancelOrder(order_id=entry.order_id, tenant_id=entry.tenant_id))
    return entry.order_id


async def stopped(scene: Scene, number: int, entry_id: uuid.UUID, quantity: str, stop_px: str) -> uuid.UUID:
    """The id of a sale that waits for its price."""
    execution = Stop(algorithm="STOP", stop_px=Decimal(stop_px), trigger_by="BEST", after=entry_id)
    terms = {"side": Side.SELL, "price": Decimal("1970.00"), "quantity": Decimal(quantity), "execution": execution}
    order = submit(number, venue="SOR", **terms)
    await scene.ask(order)
    return order.order_id


def crash(scene: Scene, price_ticks: int) -> None:
    for venue in (scene.a, scene.b):
        venue.show(bids=((price_ticks, 100_000),), asks=((price_ticks + 100, 10_000),))


async def test_exits_of_one_entry_sell_together_no_more_than_that_has_filled(scene: Scene) -> None:
    """The ledger let them pass while the entry might still have filled 1."""
    entry_id = await entered(scene, "0.4")
    exits = [await stopped(scene, number, entry_id, "0.5", "1980.00") for number in (21, 22)]
    crash(scene, 197_900)

    await until(lambda: all(isinstance(scene.state.order(each), FinalOrder) for each in exits))
    said = [snapshot_in_state(scene.state, each) for each in exits]
    assert sum(each.cum_qty for each in said) == Decimal("0.4")
    assert {each.reject_code for each in said} == {"EXITED"}


async def test_what_an_exit_sold_before_it_ended_is_sold_also_after_a_restart(scene: Scene) -> None:
    entry_id = await entered(scene, "0.4")
    first = await stopped(scene, 21, entry_id, "0.3", "1985.00")
    second = await stopped(scene, 22, entry_id, "0.3", "1975.00")
    crash(scene, 198_400)
    await until(lambda: isinstance(scene.state.order(first), FinalOrder))
    assert snapshot_in_state(scene.state, first).cum_qty == Decimal("0.3")

    async with scene.restarted().served() as again:
        assert again.state.snapshot() == scene.state.snapshot()
        state = ShardState.restore(again.state.snapshot(), shard=again.state.shard)
        assert state.registry.exited == {entry_id: 3_000}
        crash(again, 197_400)
        await until(lambda: isinstance(again.state.order(second), FinalOrder))
        said = snapshot_in_state(again.state, second)
        assert (said.cum_qty, said.reject_code) == (Decimal("0.1"), "EXITED")
        forget(again)
        assert again.state.registry.exited == {}


async def test_an_exit_from_a_rejected_order_that_is_forgotten_has_nothing_to_exit(scene: Scene) -> None:
    await scene.ask(submit(9, venue="MOON"))
    forget(scene)

    exits = Stop(algorithm="STOP", stop_px=Decimal("1980.00"), after=submit(9).order_id)
    await scene.place(exits, side=Side.SELL, price=Decimal("1970.00"))

    await until(lambda: scene.parent.status is OrdStatus.CANCELED)
    assert scene.parent.reject_code == "ENTRY_NOT_FILLED"


async def test_after_a_restart_no_child_gets_the_id_of_one_that_is_forgotten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_there = Send("A", 1, 100_000, IOC)
    to_do = [nothing_there] * 2
    monkeypatch.setattr(
        working, "algorithm_of", lambda execution: lambda view: Moves(send=(to_do.pop(),) if to_do else ())
    )
    await scene.place(BEST)
    scene.a.show(asks=((199_900, 4_001),))
    await until(lambda: len(scene.a.sent) == 2 and scene.children == [])
    again = scene.restarted()
    forget(again)
    assert len(again.state.registry.forgotten) == 2
    to_do.append(nothing_there)
    async with again.served():
        await until(lambda: len(again.a.sent) == 3 and again.children == [])
    assert len({each.order_id for each in again.a.sent}) == 3


async def test_a_clock_that_is_set_forward_by_hours_harms_no_order(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its children are forgotten by the very rows that tell of their ends."""
    monkeypatch.setattr(registry, "REMEMBERED_NS", -1)

    await scene.place(BEST)

    await until(lambda: isinstance(scene.state.order(PARENT), ForgottenOrder))
    [*_, last] = [each["order"] for each in scene.told("trades.TradeExecuted.v1")]
    assert (last["status"], last["cum_qty"]) == ("FILLED", "1")
    assert len(scene.state.registry.forgotten) == 1 + len(scene.a.sent) + len(scene.b.sent)
