"""The main flow, as a trader and his programs drive it."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from breakwater.client import Client, Problem
from breakwater.client.order_terms import OrderOptions
from breakwater.domain.times import format_time
from tests.e2e.desk import SYMBOL, Desk, eventually, final, new_id


def test_me_names_the_user_and_the_accounts_he_may_trade_on(
    sign_in: Callable[[str], Client], endpoints: dict[str, Any]
) -> None:
    me = sign_in("trader2").me()
    listed = next(user for user in endpoints["users"] if user["username"] == "trader2")
    assert (me["username"], me["role"], me["account_ids"]) == ("trader2", "trader", listed["account_ids"])


def test_a_refreshed_session_works(endpoints: dict[str, Any]) -> None:
    password = next(user["password"] for user in endpoints["users"] if user["username"] == "trader2")
    late = 10.0**10  # By this clock every session has run out, so each call refreshes first.
    with Client(endpoints["api_url"], now=lambda: late) as client:
        client.sign_in("trader2", password)
        client.session = (
            None
            if client.session is None
            else type(client.session)(client.session.access_token, client.session.refresh_token, expires_at=0)
        )
        assert client.me()["username"] == "trader2"


def test_an_order_below_the_market_rests_with_every_core_field(desk: Desk) -> None:
    price = desk.price_below()
    client_order_id = new_id()
    order = desk.place("BUY", "0.01", price=price, client_order_id=client_order_id)
    assert order["status"] == "NEW"
    expected = {
        "client_order_id": client_order_id,
        "account_id": desk.account_id,
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
    }
    assert expected.items() <= order.items()
    assert [Decimal(text or "NaN") for text in (order["quantity"], order["price"], order["cum_qty"])] == [
        Decimal("0.01"),
        Decimal(price),
        Decimal(0),
    ]
    assert (Decimal(order["leaves_qty"]), order["avg_px"]) == (Decimal("0.01"), None)
    assert order["venue"]
    assert order["correlation_id"]
    assert order["created_at"] <= order["updated_at"]
    assert desk.client.order(order["order_id"]) == order


def test_a_cancelled_order_is_canceled_and_a_second_cancel_is_told_so(desk: Desk) -> None:
    order_id = desk.rest()["order_id"]
    canceled = desk.client.cancel(order_id)
    assert (canceled["status"], Decimal(canceled["leaves_qty"])) == ("CANCELED", Decimal(0))
    with pytest.raises(Problem) as raised:
        desk.client.cancel(order_id)
    assert raised.value.status == 409


def test_an_order_ends_by_itself_when_its_time_has_come(desk: Desk) -> None:
    ends = format_time(datetime.now(UTC) + timedelta(seconds=20))
    places: list[OrderOptions] = [
        {"venue": "SIM"},
        {"venue": "BOOK"},
        {"execution": {"algorithm": "BEST", "venues": ["SIM"]}},
    ]
    placed = []
    for place in places:
        until: OrderOptions = {"time_in_force": "GTD", "expire_time": ends}
        order = desk.client.place_order(
            desk.account_id, SYMBOL, "BUY", "0.01", price=desk.price_below(), **(until | place)
        )
        assert (order["status"], order["time_in_force"], order["expire_time"]) == ("NEW", "GTD", ends)
        placed.append(order["order_id"])
    day = desk.client.place_order(desk.account_id, SYMBOL, "BUY", "0.01", price=desk.price_below(), time_in_force="DAY")
    assert (day["expire_time"] or "") > day["created_at"]
    for order_id in placed:
        ended = final(desk.client, order_id, within_s=60)
        assert (ended["status"], Decimal(ended["leaves_qty"])) == ("EXPIRED", Decimal(0))
        assert ended["updated_at"] > ends
    assert desk.client.cancel(day["order_id"])["status"] == "CANCELED"


def test_cancelling_all_leaves_no_open_order(desk: Desk) -> None:
    placed = [desk.rest()["order_id"] for _ in range(3)]
    desk.client.cancel_all(desk.account_id)
    assert {desk.client.order(order_id)["status"] for order_id in placed} == {"CANCELED"}


def test_a_market_order_is_filled_and_trades_and_position_say_the_same(desk: Desk) -> None:
    def position() -> Decimal:
        held = desk.client.positions(account_id=desk.account_id)["items"]
        return sum((Decimal(each["quantity"]) for each in held if each["symbol"] == SYMBOL), Decimal(0))

    before = position()
    order = desk.place("BUY", "0.5")
    assert (order["status"], Decimal(order["cum_qty"])) == ("FILLED", Decimal("0.5"))
    trades = desk.filled_of(order["order_id"])
    paid = sum(Decimal(trade["last_qty"]) * Decimal(trade["last_px"]) for trade in trades)
    assert Decimal(order["avg_px"] or 0) == (paid / Decimal("0.5")).quantize(Decimal("1e-8"))
    assert {trade["side"] for trade in trades} == {"BUY"}
    assert eventually(lambda: position() == before + Decimal("0.5") or None)
    desk.place("SELL", "0.5")
    assert eventually(lambda: position() == before or None)


def test_the_portfolio_moves_by_what_was_bought(desk: Desk) -> None:
    def ether() -> Decimal:
        account = desk.client.portfolio(account_id=desk.account_id)["items"][0]
        return next(Decimal(each["total"]) for each in account["balances"] if each["asset"] == "ETH")

    before = ether()
    bought = desk.place("BUY", "0.2")
    fees = sum(Decimal(trade["fee"]) for trade in desk.filled_of(bought["order_id"]) if trade["fee_currency"] == "ETH")
    assert eventually(lambda: ether() == before + Decimal("0.2") - fees or None)
    desk.place("SELL", "0.2")


def test_a_post_only_order_that_would_take_is_refused(desk: Desk) -> None:
    with pytest.raises(Problem) as raised:
        desk.place("BUY", "0.01", price=desk.price_above(), post_only=True)
    assert raised.value.status == 422
    refused = desk.client.order(raised.value.document["order_id"])
    assert (refused["status"], Decimal(refused["cum_qty"])) == ("REJECTED", Decimal(0))


def test_an_ioc_order_away_from_the_market_ends_without_a_fill(desk: Desk) -> None:
    order = final(desk.client, desk.rest(time_in_force="IOC")["order_id"])
    assert order["status"] in {"CANCELED", "EXPIRED"}
    assert Decimal(order["cum_qty"]) == 0


def test_an_ioc_order_through_the_market_is_filled_at_once(desk: Desk) -> None:
    order = desk.place("BUY", "0.01", price=desk.price_above(), time_in_force="IOC")
    assert (order["status"], Decimal(order["cum_qty"])) == ("FILLED", Decimal("0.01"))
    desk.place("SELL", "0.01")


def test_a_fok_order_is_filled_whole_or_not_at_all(desk: Desk, endpoints: dict[str, Any]) -> None:
    whole = desk.place("BUY", "0.01", price=desk.price_above(), time_in_force="FOK")
    assert whole["status"] == "FILLED"
    desk.place("SELL", "0.01")
    # More than the market shows up to its price.
    nothing = desk.place("BUY", "45", price=str(desk.market()[1]), time_in_force="FOK")
    ended = final(desk.client, nothing["order_id"])
    if ended["status"] == "FILLED":  # The market may hold that much at its best price.
        assert Decimal(ended["cum_qty"]) == 45
        desk.place("SELL", "45")
    else:
        assert ended["status"] in {"CANCELED", "EXPIRED", "REJECTED"}
        assert Decimal(ended["cum_qty"]) == 0


def test_the_same_order_again_is_the_same_order_with_200(desk: Desk, endpoints: dict[str, Any]) -> None:
    price, client_order_id = desk.price_below(), new_id()
    first = desk.place("BUY", "0.01", price=price, client_order_id=client_order_id)
    assert desk.client.session is not None
    body = {
        "client_order_id": client_order_id,
        "account_id": desk.account_id,
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.010",  # The same quantity, written otherwise.
        "price": price,
    }
    headers = {"Authorization": f"Bearer {desk.client.session.access_token}"}
    again = httpx.post(f"{endpoints['api_url']}/orders", json=body, headers=headers, timeout=20)
    assert (again.status_code, again.json()["order_id"]) == (200, first["order_id"])


def test_the_same_id_with_another_body_is_409(desk: Desk) -> None:
    order = desk.rest()
    with pytest.raises(Problem) as raised:
        desk.rest("0.02", client_order_id=order["client_order_id"])
    assert (raised.value.status, raised.value.code) == (409, "ORDER_ID_REUSED")


def test_the_sagas_steps_are_visible(desk: Desk) -> None:
    steps = desk.client.saga(desk.rest()["order_id"])["items"]
    assert [(step["step"], step["outcome"]) for step in steps] == [
        ("reserve_limits", "DONE"),
        ("submit_order", "DONE"),
        ("confirm_order", "DONE"),
    ]


def test_events_since_a_sequence_number_are_gapless(desk: Desk) -> None:
    def last_sequence() -> int:
        since = 0
        while items := desk.client.events(since, account_id=desk.account_id)["items"]:
            since = items[-1]["sequence"]
        return int(since)

    since = last_sequence()
    order_id = desk.rest()["order_id"]
    desk.client.cancel(order_id)

    def look() -> list[dict[str, Any]] | None:
        items = desk.client.events(since, account_id=desk.account_id)["items"]
        return items if any(item["topic"] == "orders.OrderCanceled.v1" for item in items) else None

    items = eventually(look)
    assert [item["sequence"] for item in items] == list(range(since + 1, since + 1 + len(items)))
    topics = [item["topic"] for item in items if item["aggregate_id"] == order_id]
    assert topics.index("orders.OrderAccepted.v1") < topics.index("orders.OrderCanceled.v1")


def test_orders_are_listed_newest_first_by_account_and_status(desk: Desk) -> None:
    placed = [desk.rest()["order_id"] for _ in range(2)]
    listed = desk.client.orders(account_id=desk.account_id, status="NEW")["items"]
    assert [order["order_id"] for order in listed[:2]] == placed[::-1]


def test_every_answer_carries_a_correlation_id_and_takes_the_callers(endpoints: dict[str, Any]) -> None:
    given = str(uuid.uuid4())
    answer = httpx.get(f"{endpoints['api_url']}/health", headers={"X-Correlation-ID": given}, timeout=20)
    assert answer.headers["X-Correlation-ID"] == given
