"""The user data stream of an account with an order list: what is told of its two orders, and in which order."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, cast

import pytest

from breakwater.domain.executions import Execution, Oco
from breakwater.domain.orders import exchange_order_id
from breakwater.errors import Unavailable
from events.orders import OrderAccepted, OrderCanceled, OrderPlaced, OrderRefused, OrderRestated, TradeExecuted
from fargate_engine.account_feed import AccountSubscription, FeedEvent
from fargate_engine.binance.exchange import Balance, ShownOrder, ShownOrderList, UserEvent
from fargate_engine.firm_exchange import user_stream
from fargate_engine.firm_exchange.order_lists import filled_of_limit, shown_list
from fargate_engine.firm_exchange.user_stream import UserStream

ID = uuid.UUID(int=98)
LIMIT, STOP = exchange_order_id(ID), exchange_order_id(ID) + 1
OCO = Oco(
    algorithm="OCO",
    venues=("SIM",),
    stop_px=Decimal(1900),
    limit_client_order_id="limit",
    stop_client_order_id="stop",
)
AT_LIMIT, AT_STOP = ("0.4", "2100"), ("0.3", "1899")


def event(topic: str, status: str, *fills: tuple[str, str], venue: str = "SOR") -> FeedEvent:
    """After these fills, of which it tells the last where it is a trade."""
    cum_qty = sum((Decimal(quantity) for quantity, _ in fills), Decimal(0))
    cum_notional = sum((Decimal(quantity) * Decimal(price) for quantity, price in fills), Decimal(0))
    order = {
        "order_id": str(ID),
        "client_order_id": "list",
        "symbol": "ETH/USDT",
        "side": "SELL",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "venue": venue,
        "status": status,
        "quantity": "1",
        "price": "2100",
        "cum_qty": str(cum_qty),
        "cum_notional": str(cum_notional),
        "reject_code": None,
        "transact_time_ns": 7_000_000,
    }
    payload: dict[str, Any] = {"order": order}
    if topic == TradeExecuted.topic:
        quantity, price = fills[-1]
        payload |= {"trade_id": str(uuid.UUID(int=5)), "last_qty": quantity, "last_px": price}
        payload |= {"fee": "0.1", "fee_currency": "USDT", "liquidity": "MAKER"}
    return FeedEvent(uuid.UUID(int=2), 1, uuid.UUID(int=3), topic, uuid.UUID(int=1), ID, "c", 7_000_000, payload)


class Feed:
    def __init__(self, events: list[FeedEvent], *, lasts: bool) -> None:
        self._events = events
        self._lasts = lasts

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        for each in self._events:
            yield each
        if self._lasts:
            await asyncio.Event().wait()

    def close(self) -> None:
        """It is only a list."""


async def told(
    *events: FeedEvent, fills: tuple[tuple[str, str], ...] = (), execution: Execution | None = OCO
) -> list[UserEvent]:
    """`fills`: all that its children have filled by now, which may be more than the events tell yet."""

    async def execution_of(_: dict[str, Any]) -> Execution | None:
        return execution

    async def list_of(order: ShownOrder) -> ShownOrderList:
        filled = [(Decimal(quantity), Decimal(quantity) * Decimal(price)) for quantity, price in fills]
        return shown_list(order, filled_of_limit(order, filled))

    return await heard(events, execution_of, list_of)


async def no_balances() -> list[Balance]:
    raise Unavailable("nobody knows them here")


async def heard(
    events: Any, execution_of: Any, list_of: Any, balances: Any = no_balances, *, lasts: bool = False
) -> list[UserEvent]:
    """All that is told until the feed ends, or the first where it `lasts`."""

    async def always(*_: Any) -> bool:
        return True

    stream = UserStream(
        cast(AccountSubscription, Feed(list(events), lasts=lasts)),
        balances=balances,
        is_booked=always,
        is_believed=always,
        execution_of=execution_of,
        list_of=list_of,
        venue="SIM",
    )
    try:
        async with asyncio.timeout(5):
            if lasts:
                return [await anext(aiter(stream))]
            return [each async for each in stream]
    finally:
        stream.close()


def short(told: list[UserEvent]) -> list[tuple[Any, ...]]:
    """listStatus: its type. executionReport: whose, what, the status after it, how much of how much."""
    return [
        (each["l"],) if each["e"] == "listStatus" else (each["i"], each["x"], each["X"], each["z"][:3], each["q"][:3])
        for each in told
    ]


async def test_a_list_begins_with_its_status_and_its_two_orders() -> None:
    events = await told(event(OrderPlaced.topic, "PENDING_NEW"), event(OrderAccepted.topic, "NEW"))
    assert short(events) == [
        ("EXEC_STARTED",),
        (STOP, "NEW", "NEW", "0.0", "1.0"),
        (LIMIT, "NEW", "NEW", "0.0", "1.0"),
    ]
    assert {each["g"] for each in events} == {LIMIT}
    assert [each.get("C") for each in events] == ["list", "", ""]
    assert [each["c"] for each in events[1:]] == ["stop", "limit"]


async def test_the_stop_expires_when_the_limit_has_filled_all() -> None:
    fills = (AT_LIMIT, ("0.6", "2100"))
    events = await told(
        event(TradeExecuted.topic, "PARTIALLY_FILLED", AT_LIMIT),
        event(TradeExecuted.topic, "FILLED", *fills),
        fills=fills,
    )
    assert short(events) == [
        (LIMIT, "TRADE", "PARTIALLY_FILLED", "0.4", "1.0"),
        (STOP, "EXPIRED", "EXPIRED", "0.0", "1.0"),
        (LIMIT, "TRADE", "FILLED", "1.0", "1.0"),
        ("ALL_DONE",),
    ]


async def test_the_limit_expires_with_the_first_fill_of_the_stop_and_only_then() -> None:
    fills = (AT_LIMIT, AT_STOP, AT_STOP)
    events = await told(
        event(TradeExecuted.topic, "PARTIALLY_FILLED", AT_LIMIT),
        event(TradeExecuted.topic, "PARTIALLY_FILLED", AT_LIMIT, AT_STOP),
        event(TradeExecuted.topic, "FILLED", *fills),
        fills=fills,
    )
    assert short(events) == [
        (LIMIT, "TRADE", "PARTIALLY_FILLED", "0.4", "1.0"),
        (LIMIT, "EXPIRED", "EXPIRED", "0.4", "1.0"),
        (STOP, "TRADE", "PARTIALLY_FILLED", "0.3", "0.6"),
        (STOP, "TRADE", "FILLED", "0.6", "0.6"),
        ("ALL_DONE",),
    ]


async def test_both_are_cancelled_but_what_has_expired_before() -> None:
    both = short(await told(event(OrderCanceled.topic, "CANCELED")))
    assert both == [
        (STOP, "CANCELED", "CANCELED", "0.0", "1.0"),
        (LIMIT, "CANCELED", "CANCELED", "0.0", "1.0"),
        ("ALL_DONE",),
    ]
    after_the_stop = short(await told(event(OrderCanceled.topic, "CANCELED", AT_STOP), fills=(AT_STOP,)))
    assert after_the_stop == [(STOP, "CANCELED", "CANCELED", "0.3", "1.0"), ("ALL_DONE",)]


async def test_a_list_that_limits_refused_is_told_as_such() -> None:
    events = await told(event(OrderRefused.topic, "REJECTED"))
    assert [each[:2] for each in short(events)] == [(STOP, "REJECTED"), (LIMIT, "REJECTED"), ("RESPONSE",)]
    assert events[-1]["L"] == "REJECT"


async def test_an_order_that_was_restated_has_new_terms_and_is_not_new() -> None:
    restated = event(OrderRestated.topic, "PARTIALLY_FILLED", ("0.2", "2100"), venue="SIM")
    restated.payload["order"]["quantity"] = "0.7"
    [report] = short(await told(restated, execution=None))
    assert report == (LIMIT, "REPLACED", "PARTIALLY_FILLED", "0.2", "0.7")


UNNAMED = Oco(algorithm="OCO", venues=("SIM",), stop_px=Decimal(1900))


@pytest.mark.parametrize(("venue", "execution"), [("SIM", None), ("SOR", UNNAMED)])
async def test_an_order_that_is_no_list_is_told_once(venue: str, execution: Execution | None) -> None:
    [report] = await told(event(OrderAccepted.topic, "NEW", venue=venue), execution=execution)
    assert (report["e"], report["i"], report["g"], report["c"]) == ("executionReport", LIMIT, -1, "list")


@pytest.mark.parametrize(
    ("venue", "worked_at"),
    [("PAPER", None), ("BOOK", None), ("SOR", ("PAPER",)), ("SOR", ("SIM", "PAPER")), ("SOR", ())],
)
async def test_an_order_at_another_venue_is_not_told_and_its_balances_are(
    venue: str, worked_at: tuple[str, ...] | None
) -> None:
    execution = None if worked_at is None else UNNAMED.model_copy(update={"venues": worked_at})
    asked: list[dict[str, Any]] = []

    async def execution_of(order: dict[str, Any]) -> Execution | None:
        asked.append(order)
        return execution

    async def balances() -> list[Balance]:
        return [Balance("USDT", Decimal(5), Decimal(0))]

    elsewhere = event(TradeExecuted.topic, "FILLED", ("1", "2100"), venue=venue)
    [position] = await heard([elsewhere], execution_of, execution_of, balances, lasts=True)
    assert position["e"] == "outboundAccountPosition"
    assert len(asked) == (1 if venue == "SOR" else 0)  # Of any other venue it is known without a question.


async def test_a_stream_that_cannot_tell_what_an_order_is_ends_instead_of_leaving_it_out() -> None:
    async def unavailable(_: Any) -> Any:
        raise Unavailable("the control plane does not answer")

    events = [event(OrderAccepted.topic, "NEW"), event(OrderCanceled.topic, "CANCELED")]
    assert await heard(events, unavailable, unavailable) == []


@pytest.mark.parametrize("silent", ["execution_of", "list_of"])
async def test_a_stream_ends_when_what_an_order_is_is_not_answered_in_time(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_stream, "ASKED_S", 0.05)

    async def never(_: Any) -> Any:
        await asyncio.Event().wait()

    async def execution_of(_: Any) -> Execution:
        return OCO

    ways = {"execution_of": execution_of, "list_of": never} | {silent: never}
    assert await heard([event(OrderAccepted.topic, "NEW")], **ways) == []
