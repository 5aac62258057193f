"""The adapter against Bybit's v5 spot API as its documentation shows it, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from fargate_engine.venues import bybit_spot, exchange, exchange_client, exchange_connection
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.failures import ListTooLong, OutcomeUnknown
from tests.support.bybit_server import DAY_MS, Bybit, bybit_server
from tests.support.exchange_scene import SECRET, VENUE, Shard, connected, until
from tests.unit.fargate_engine.orders import submit

ORDER = submit(1, venue=VENUE, price=Decimal("2000.50"))
CLIENT_ID = client_id_of(ORDER.order_id)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 0.5)
    monkeypatch.setattr(exchange_connection, "POLL_S", 0.5)


@pytest.fixture
async def scene() -> AsyncIterator[tuple[Bybit, Shard]]:
    async with (
        bybit_server(SECRET) as (bybit, url),
        connected(url, exchange="bybit") as connection,
        Shard(connection).served() as shard,
    ):
        await until(lambda: connection.client.is_streaming)
        yield bybit, shard


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_an_order_is_asked_about_after_it_was_taken_and_cancelled(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    sent = bybit.orders[CLIENT_ID]
    assert (sent["qty"], sent["price"], sent["side"], sent["timeInForce"]) == ("1", "2000.5", "Buy", "GTC")
    shard.cancel(ORDER.order_id)
    await until(shard.has(ORDER.order_id, "CANCELED"))


@pytest.mark.parametrize("told", [True, False])
async def test_fills_come_by_the_stream_or_by_the_poll(told: bool, scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    await bybit.fill(CLIENT_ID, "0.4", "2000.50", told=told)
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED"))
    await bybit.fill(CLIENT_ID, "0.6", "2000.49", told=told)
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert shard.snapshot(ORDER.order_id).cum_notional == Decimal("2000.494")
    trades = [each["payload"] for each in shard.journal.events if each["topic"] == "trades.TradeExecuted.v1"]
    assert [(each["fee"], each["fee_currency"]) for each in trades] == [("0.00001", "ETH")] * 2


async def test_what_it_refuses_at_once_and_what_it_refuses_later_are_rejected(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    bybit.refuse = (170131, "Insufficient balance.")
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "REJECTED"))
    assert shard.snapshot(ORDER.order_id).reject_code == "INSUFFICIENT_FUNDS"
    crossing = submit(2, venue=VENUE, post_only=True)
    shard.submit(crossing)
    await until(shard.has(crossing.order_id, "NEW"))
    await bybit.end(client_id_of(crossing.order_id), "Cancelled", "EC_PostOnlyWillTakeLiquidity")
    await until(shard.has(crossing.order_id, "CANCELED"))
    assert shard.snapshot(crossing.order_id).reject_code == "POST_ONLY_WOULD_TAKE"


async def test_an_order_whose_answer_is_lost_is_found_by_its_id(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    bybit.loses_replies = True
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    assert len(bybit.orders) == 1


async def test_an_order_that_is_still_being_processed_is_found_out_and_not_rejected(
    scene: tuple[Bybit, Shard],
) -> None:
    """170035: a bad request to ccxt."""
    bybit, shard = scene
    bybit.answers_processing = bybit.shows_late = True
    shard.submit(ORDER)
    await until(lambda: CLIENT_ID in bybit.orders)
    await asyncio.sleep(exchange.ARRIVES_WITHIN_S / 2)
    assert shard.has(ORDER.order_id, "PENDING_NEW")()
    bybit.shows_late = False
    await until(shard.has(ORDER.order_id, "NEW"))


async def test_an_acknowledged_order_that_is_shown_late_stays_open_and_can_be_cancelled(
    scene: tuple[Bybit, Shard],
) -> None:
    bybit, shard = scene
    bybit.shows_late = True
    shard.submit(ORDER)
    await until(lambda: CLIENT_ID in bybit.orders)
    await asyncio.sleep(2 * exchange.ARRIVES_WITHIN_S)
    assert shard.has(ORDER.order_id, "PENDING_NEW")()
    shard.cancel(ORDER.order_id)
    await until(lambda: bybit.orders[CLIENT_ID]["orderStatus"] == "Cancelled")
    assert shard.has(ORDER.order_id, "PENDING_CANCEL")()
    bybit.shows_late = False
    await until(shard.has(ORDER.order_id, "CANCELED"))


def limits(left: int, reset_in_ms: int) -> dict[str, str]:
    return {"X-Bapi-Limit-Status": str(left), "X-Bapi-Limit-Reset-Timestamp": str(now_ms() + reset_in_ms)}


@pytest.mark.parametrize("is_refused", [True, False])
async def test_of_what_it_wants_no_more_nothing_is_sent_until_it_says_and_cancels_go_on(
    is_refused: bool, scene: tuple[Bybit, Shard]
) -> None:
    """It counts each kind of request by itself: 10006, or none left in the header of a good answer."""
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    before, after = submit(2, venue=VENUE), submit(3, venue=VENUE)
    bybit.refuse = (10006, "Too many visits!") if is_refused else None
    bybit.limit_headers = limits(0, 1_500)
    told_at = time.monotonic()
    shard.submit(before)
    await until(shard.has(before.order_id, "REJECTED" if is_refused else "NEW"))
    assert shard.snapshot(before.order_id).reject_code == ("VENUE_BUSY" if is_refused else None)
    bybit.limit_headers = {}
    shard.submit(after)
    shard.cancel(ORDER.order_id)
    await until(lambda: bybit.orders[CLIENT_ID]["orderStatus"] == "Cancelled")
    assert client_id_of(after.order_id) not in bybit.orders
    await until(lambda: client_id_of(after.order_id) in bybit.orders)
    assert time.monotonic() - told_at > 1.4


@pytest.mark.parametrize(("is_banned", "least_s"), [(True, 500), (False, 5)])
async def test_of_a_limit_of_the_address_everything_waits(
    is_banned: bool, least_s: float, scene: tuple[Bybit, Shard]
) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    bybit.is_banned = is_banned
    bybit.refuse = (10018, "Exceeded the IP Rate Limit.")
    refused = submit(2, venue=VENUE)
    shard.submit(refused)
    await until(shard.has(refused.order_id, "REJECTED"))
    assert shard.snapshot(refused.order_id).reject_code == "VENUE_BUSY"
    assert shard.connection.health()["blocked_s"] > least_s
    bybit.is_banned = False
    shard.cancel(ORDER.order_id)
    await asyncio.sleep(0.3)
    assert bybit.orders[CLIENT_ID]["orderStatus"] == "New"


async def test_questions_are_answered_exactly(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    (order,) = await shard.venue.open_orders()
    assert (order.client_id, order.quantity) == (CLIENT_ID, Decimal(1))
    await bybit.fill(CLIENT_ID, "1", "2000.50")
    read = await shard.venue.fills_since("ETH/USDT", now_ms() - 60_000)
    assert read.until_ms is None
    (fill,) = read.fills
    assert (await shard.connection.client.order_of(fill)).client_id == CLIENT_ID
    balances = await shard.venue.balances()
    assert set(balances) == {"USDT"}
    assert (balances["USDT"].free, balances["USDT"].locked) == (Decimal("980.5"), Decimal(20))
    at_venue = (await shard.venue.instruments())["ETH/USDT"]
    assert (at_venue.tick_size, at_venue.lot_size, at_venue.notional_min) == (
        Decimal("0.01"),
        Decimal("0.0001"),
        Decimal(5),
    )


async def test_an_order_of_more_fills_than_a_page_holds_is_filled_to_its_end(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    week_ago_ms = now_ms() - 8 * DAY_MS
    for number in range(250):
        await bybit.fill(CLIENT_ID, "0.004", "2000.50", told=False, at_ms=week_ago_ms + number)
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert bybit.pages["/v5/execution/list"] == 3
    trades = [each for each in shard.journal.events if each["topic"] == "trades.TradeExecuted.v1"]
    assert len(trades) == 250


async def test_fills_of_many_days_and_pages_are_all_told_oldest_first(
    scene: tuple[Bybit, Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than seven days: of a question that says only when it begins the venue answers the first seven."""
    monkeypatch.setattr(bybit_spot, "_WINDOW_MS", DAY_MS)
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    since_ms = now_ms() - 10 * DAY_MS
    times_ms = [since_ms, *(since_ms + number for number in range(230)), since_ms + 9 * DAY_MS, now_ms() - 1]
    for at_ms in times_ms:
        await bybit.fill(CLIENT_ID, "0.0001", "2000.50", told=False, at_ms=at_ms)
    read = await shard.venue.fills_since("ETH/USDT", since_ms)
    assert read.until_ms is None
    assert [fill.at_ms for fill in read.fills] == times_ms
    assert len({fill.trade_id for fill in read.fills}) == len(times_ms)


async def test_a_list_of_fills_that_is_cut_says_until_when_it_was_read_and_is_read_on_from_there(
    scene: tuple[Bybit, Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newest first: of a window that was not read to its end nothing is told, for what is older is missing."""
    monkeypatch.setattr(bybit_spot, "_WINDOW_MS", 1_000)
    monkeypatch.setattr(exchange_client, "PAGES_MAX", 5)
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    since_ms = now_ms() - 3_000
    times_ms = [since_ms + 500] * 150 + [since_ms + 1_500] * 250
    for at_ms in times_ms:
        await bybit.fill(CLIENT_ID, "0.0001", "2000.50", told=False, at_ms=at_ms)
    read = await shard.venue.fills_since("ETH/USDT", since_ms)
    assert (len(read.fills), read.until_ms) == (150, since_ms + 1_000)
    assert {fill.at_ms for fill in read.fills} == {since_ms + 500}
    rest = await shard.venue.fills_since("ETH/USDT", since_ms + 1_000)
    assert {fill.at_ms for fill in rest.fills} == {since_ms + 1_500}
    assert len(rest.fills) == 250
    monkeypatch.setattr(exchange_client, "PAGES_MAX", 2)
    with pytest.raises(ListTooLong, match="more than 2 pages of fills"):  # They are of one millisecond.
        await shard.venue.fills_since("ETH/USDT", since_ms + 1_500)


async def test_more_fills_in_one_window_than_are_read_at_once_are_read_in_shorter_ones(
    scene: tuple[Bybit, Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_client, "PAGES_MAX", 6)  # Of up to 60 fills, if they are not of many windows.
    monkeypatch.setattr(bybit_spot, "_FILLS_MAX", 10)
    monkeypatch.setattr(bybit_spot, "_WINDOW_MS", 1_000)
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    since_ms = now_ms() - 3_000
    times_ms = [since_ms + number for number in range(150)] + [now_ms() - 1]
    for at_ms in times_ms:
        await bybit.fill(CLIENT_ID, "0.0001", "2000.50", told=False, at_ms=at_ms)
    found: list[int] = []
    next_ms = since_ms
    for _ in range(60):
        read = await shard.venue.fills_since("ETH/USDT", next_ms)
        found += [fill.at_ms for fill in read.fills]
        if read.until_ms is None:
            break
        assert read.until_ms > next_ms
        next_ms = read.until_ms
    assert found == times_ms


async def test_open_orders_beyond_a_page_are_seen_and_more_than_are_read_are_not_taken_for_all(
    scene: tuple[Bybit, Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    for number in range(119):  # By hand.
        names = {"orderLinkId": f"web-{number}", "orderId": f"{number}"}
        bybit.orders[names["orderLinkId"]] = bybit.orders[CLIENT_ID] | names
    assert {order.client_id for order in await shard.venue.open_orders()} == set(bybit.orders)
    assert {order.client_id for order in await shard.connection.client.open_orders("ETH/USDT")} == set(bybit.orders)
    monkeypatch.setattr(exchange_client, "PAGES_MAX", 2)
    with pytest.raises(OutcomeUnknown, match="more than 2 pages of open_orders"):
        await shard.venue.open_orders()
    await until(lambda: shard.connection.failure is not None)
    assert "more than 2 pages" in (shard.connection.failure or "")
