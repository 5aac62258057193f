"""Limits on conduct with what Postgres keeps for them: windows, streaks, and the last order of the same terms."""

import itertools
import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.db.watch import forget_activity
from breakwater.domain.exposure import Activity
from breakwater.domain.orders import OrdStatus, PlaceOrder, Side
from breakwater.domain.permissions import Caller
from breakwater.services import brakes, overrides
from breakwater.services.brakes import StateChange
from breakwater.services.limits import judge, read_ladder, settle
from events.limits import NodeStateChanged
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import (
    NOW,
    SYMBOL,
    Firm,
    order_of,
    reserve_and_record,
    set_reference,
    snapshot_of,
)
from tests.integration.limits.people import (
    API_KEY,
    events_of,
    limit,
    override,
    refused_by,
    risk_manager,
    state_of,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
WINDOW: dict[str, Any] = {"parameters": {"window_s": 60}}

type Send = Callable[..., tuple[PlaceOrder, list[str]]]


@pytest.fixture
def send(tx: TenantTransaction, firm: Firm, database_urls: DatabaseUrls) -> Send:
    """Send an order at a moment: the order, and which types refused it."""

    def at(moment: datetime = NOW, quantity: str = "0.01", **more: Any) -> tuple[PlaceOrder, list[str]]:
        set_reference(database_urls.admin, Decimal(2000), moment)
        order = order_of(firm, quantity=quantity, at=moment, **more)
        return order, refused_by(tx, order)

    return at


def fill(tx: TenantTransaction, order: PlaceOrder, at: datetime, seq: int = 1) -> None:
    settle(tx, snapshot_of(order, seq, OrdStatus.FILLED, str(order.terms.quantity), at=at))


def activity(tx: TenantTransaction, node_id: uuid.UUID, *columns: str) -> list[tuple[Any, ...]]:
    return tx.connection.execute(
        f"SELECT {', '.join(columns)} FROM limits.activity WHERE node_id = %s ORDER BY at", (node_id,)
    ).fetchall()


def rearm(tx: TenantTransaction, by: Caller, node_id: uuid.UUID, at: datetime) -> None:
    brakes.rearm(StateChange(node_id=node_id, reason="looked into"), by, tx, at)


def test_windows_are_filled_by_orders_cancels_and_fills_where_a_limit_looks_back_and_nowhere_else(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "MESSAGE_RATE", "100", **WINDOW)
    first, second = send(NOW)[0], send(NOW + SECOND / 2, api_key_id=API_KEY)[0]
    fill(tx, first, NOW + 2 * SECOND)
    fill(tx, second, NOW + 2 * SECOND)
    third = send(NOW + 3 * SECOND)[0]
    settle(tx, snapshot_of(third, 1, OrdStatus.CANCELED))
    tx.limits.count_cancel(third.order_id, NOW + 3 * SECOND)
    counts = ("at", "new_count", "cancel_count", "fill_count", "automated_fill_count", "traded_notional")
    assert activity(tx, firm.desk, *counts) == [
        (NOW, 2, 0, 0, 0, 0),
        (NOW + 2 * SECOND, 0, 0, 2, 1, 40),
        (NOW + 3 * SECOND, 1, 1, 0, 0, 0),
    ]
    for node_id in (firm.firm, firm.trader, firm.account_nodes[0]):
        assert activity(tx, node_id, "at") == []


def test_a_rate_of_messages_counts_cancels_and_never_blocks_one(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "MESSAGE_RATE", "3", **WINDOW)
    order, refused = send()
    assert refused == []
    for _ in range(5):  # However many there were.
        tx.limits.count_cancel(order.order_id, NOW)
    assert send()[1] == ["MESSAGE_RATE"]
    assert send(NOW + 60 * SECOND)[1] == ["MESSAGE_RATE"]
    assert send(NOW + 61 * SECOND)[1] == []


def test_a_window_of_volume_counts_what_traded_and_is_open_in_the_currency_of_its_limit(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "WINDOW_VOLUME", "5000", **WINDOW)
    fill(tx, send(quantity="1")[0], NOW)
    resting = send(quantity="1")[0]
    assert send(quantity="0.5001")[1] == ["WINDOW_VOLUME"]
    settle(tx, snapshot_of(resting, 1, OrdStatus.CANCELED))
    assert send(quantity="1.5")[1] == []
    assert send(NOW + 61 * SECOND, quantity="1.0001")[1] == ["WINDOW_VOLUME"]  # What rests counts however old it is.
    assert send(NOW + 61 * SECOND, quantity="1")[1] == []


@pytest.mark.parametrize("limit_type", ["MESSAGE_RATE", "REPEAT_EXECUTION", "WINDOW_VOLUME"])
def test_nothing_that_happened_in_a_window_is_left_out_however_much_it_was(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send, database_urls: DatabaseUrls, *, limit_type: str
) -> None:
    seconds = 60_000
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("SET session_replication_role = replica")  # All blocks at once, and not a second at a time.
        for table, begin in (("activity", "at"), ("activity_blocks", "limits.activity_block(at)")):
            connection.execute(
                f"INSERT INTO limits.{table} (node_id, at, symbol, venue, tenant_id, new_count, automated_fill_count,"
                f" traded_notional) SELECT %s, {begin}, %s, venue, %s, count(*), count(*), count(*)"
                " FROM unnest(ARRAY['SIM', 'BOOK']) venue, generate_series(0, %s) ago,"
                f" LATERAL (SELECT %s - make_interval(secs => ago) AS at) moment GROUP BY {begin}, venue",
                (firm.desk, SYMBOL, firm.tenant_id, seconds - 1, NOW),
            )
    told = limit(tx, risk, firm.desk, limit_type, str(2 * seconds), parameters={"window_s": 86_400}, action="REJECT")
    assert (told["used"], told["usage_pct"]) == (str(2 * seconds), "100")
    assert send()[1] == [limit_type]
    limit(tx, risk, firm.desk, limit_type, str(2 * seconds + 20), parameters={"window_s": 86_400}, action="REJECT")
    assert send()[1] == []


def activity_of_row(at: datetime, symbol: str, venue: str, counts: list[int]) -> Activity:
    new, replaced, cancelled, filled, automated, notional = counts
    return Activity(at, symbol, venue, "SPOT", "USDT", new, replaced, cancelled, filled, automated, Decimal(notional))


def test_windows_that_overlap_count_what_a_list_of_all_that_happened_would_count(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send, database_urls: DatabaseUrls
) -> None:
    rng = random.Random(20260302)  # noqa: S311 - the same history each time
    places = [(symbol, venue) for symbol in (SYMBOL, "BTC/USDT") for venue in ("SIM", "BOOK", "SOR")]
    nodes = firm.path[:3]
    happened = {
        (node_id, NOW - rng.randrange(0, 2000) * SECOND, *rng.choice(places)): [rng.randrange(0, 9) for _ in range(6)]
        for node_id in nodes
        for _ in range(1000)
    }
    with psycopg.connect(database_urls.admin) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO limits.activity (node_id, at, symbol, venue, tenant_id, new_count, replace_count,"
            " cancel_count, fill_count, automated_fill_count, traded_notional)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [(*place, firm.tenant_id, *counts) for place, counts in happened.items()],
        )
    types = ("MESSAGE_RATE", "REPEAT_EXECUTION", "WINDOW_VOLUME", "ORDER_TO_TRADE")
    for limit_type, node_id in itertools.product(types, nodes[:2]):  # The third has none, and is read nothing of.
        for instrument in ("*", SYMBOL, "venue:SIM", "class:SPOT"):
            window_s = rng.choice((1, 59, 60, 298, 299, 300, 301, 900, 1799, 1998, 86_400))
            limit(tx, risk, node_id, limit_type, "3", instrument=instrument, parameters={"window_s": window_s})
    rearm(tx, risk, firm.desk, NOW - 300 * SECOND)
    rearm(tx, risk, firm.firm, NOW - 1000 * SECOND + SECOND / 2)
    for moment in (NOW, NOW + SECOND / 2, NOW + 7 * SECOND, NOW + 299 * SECOND):
        set_reference(database_urls.admin, Decimal(2000), moment)
        ladder = read_ladder(tx, order_of(firm, at=moment).terms, None, moment)
        assert [len(scope.activity) > 0 for scope in ladder.scopes] == [True, True, False, False]
        plain = [
            replace(
                scope,
                activity=[
                    activity_of_row(at, symbol, venue, counts)
                    for (node_id, at, symbol, venue), counts in happened.items()
                    if node_id == scope.node.node_id
                ],
            )
            for scope in ladder.scopes
        ]
        terms = order_of(firm, at=moment).terms
        findings = judge(ladder, terms)[1]
        told = [finding.verdict for finding in findings]
        assert told == [finding.verdict for finding in judge(replace(ladder, scopes=plain), terms)[1]]
        assert max(verdict.used for verdict in told) > 1000
        reached = {row["limit_id"]: row["fills"] for row in tx.limits.repeated_executions(nodes, SYMBOL, "SIM", moment)}
        assert reached == {
            finding.limit.limit_id: finding.verdict.used
            for finding in findings
            if finding.limit.limit_type == "REPEAT_EXECUTION" and finding.verdict.used >= 3
        }


def test_what_no_window_reaches_any_more_is_forgotten(
    tx: TenantTransaction, firm: Firm, database_urls: DatabaseUrls
) -> None:
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO limits.activity (node_id, at, symbol, venue, tenant_id, new_count)"
            " SELECT %s, %s - make_interval(mins => minute), %s, 'SIM', %s, 1 FROM generate_series(0, 30) minute",
            (firm.desk, NOW, SYMBOL, firm.tenant_id),
        )
    # Twenty minutes that no one looks at, and the three blocks of five of which nothing is looked at.
    with psycopg.connect(database_urls.functions) as connection:
        assert forget_activity(connection, NOW - 10 * MINUTE, at_most=100) == 20 + 4
    kept = tx.connection.execute(
        "SELECT sum(new_count) FROM limits.activity UNION ALL SELECT sum(new_count) FROM limits.activity_blocks"
    ).fetchall()
    assert kept == [(11,), (11,)]


def test_a_ratio_of_messages_to_fills_begins_to_say_something_after_enough_of_them(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "ORDER_TO_TRADE", "3", parameters={"window_s": 60, "messages_min": "4"})
    first = send()[0]
    assert [send()[1] for _ in range(3)] == [[], [], []]
    assert send()[1] == ["ORDER_TO_TRADE"]
    fill(tx, first, NOW)
    assert send()[1] == ["ORDER_TO_TRADE"]  # The fifth, to one fill.
    assert send(NOW + 61 * SECOND)[1] == []


def test_the_fill_that_reaches_the_limit_suspends_the_node_until_a_person_has_looked(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "REPEAT_EXECUTION", "2", **WINDOW)
    orders = [send(api_key_id=API_KEY)[0] for _ in range(3)]
    by_hand = send()[0]
    fill(tx, by_hand, NOW)
    fill(tx, orders[0], NOW)
    assert state_of(tx, firm.desk) == "ACTIVE"
    fill(tx, orders[1], NOW + SECOND)
    assert state_of(tx, firm.desk) == "SUSPENDED"
    assert send(NOW + 2 * SECOND)[1] == ["KILL_SWITCH", "REPEAT_EXECUTION"]
    assert send(NOW + 100 * SECOND)[1] == ["KILL_SWITCH"]  # The window is over, and nobody has looked.
    (told,) = events_of(tx, NodeStateChanged.topic)
    assert (told["state"], told["changed_by"]) == ("SUSPENDED", "limits")
    assert "2 automated fills" in told["reason"]
    rearm(tx, risk, firm.desk, NOW + 100 * SECOND)
    assert send(NOW + 101 * SECOND)[1] == []


def test_after_a_rearm_the_fills_before_it_do_not_count_any_more(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "REPEAT_EXECUTION", "2", **WINDOW)
    orders = [send(api_key_id=API_KEY)[0] for _ in range(4)]
    for order in orders[:2]:
        fill(tx, order, NOW)
    rearm(tx, risk, firm.desk, NOW + SECOND)
    assert send(NOW + 2 * SECOND)[1] == []
    fill(tx, orders[2], NOW + 3 * SECOND)
    assert state_of(tx, firm.desk) == "ACTIVE"
    fill(tx, orders[3], NOW + 4 * SECOND)
    assert state_of(tx, firm.desk) == "SUSPENDED"


@pytest.mark.parametrize(("apart_us", "suspends"), [(59_600_000, True), (60_000_000, True), (61_100_000, False)])
def test_the_window_of_fills_is_never_shorter_than_it_says(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send, *, apart_us: int, suspends: bool
) -> None:
    limit(tx, risk, firm.desk, "REPEAT_EXECUTION", "2", **WINDOW)
    first, second = (send(api_key_id=API_KEY)[0] for _ in range(2))
    begin = NOW + timedelta(milliseconds=900)
    for order, at in ((first, begin), (second, begin + timedelta(microseconds=apart_us))):
        word = snapshot_of(order, 1, OrdStatus.FILLED, "0.01")
        at_ns = (at - NOW) // timedelta(microseconds=1) * 1000
        settle(tx, word.model_copy(update={"transact_time_ns": word.transact_time_ns + at_ns}))
    assert (state_of(tx, firm.desk) == "SUSPENDED") is suspends


@pytest.mark.parametrize(
    ("instrument", "suspends"),
    [
        ("*", True),
        ("ETH/USDT", True),
        ("BTC/USDT", False),
        ("venue:SIM", True),
        ("venue:BOOK", False),
        ("class:SPOT", True),
    ],
)
def test_repeated_fills_stop_the_node_where_the_filter_of_the_limit_matches(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send, *, instrument: str, suspends: bool
) -> None:
    limit(tx, risk, firm.desk, "REPEAT_EXECUTION", "1", instrument=instrument, **WINDOW)
    fill(tx, send(api_key_id=API_KEY)[0], NOW)
    assert (state_of(tx, firm.desk) == "SUSPENDED") is suspends


@pytest.mark.parametrize(
    ("instrument", "suspends"), [("venue:SIM", True), ("venue:BOOK", True), ("venue:SOR", True), ("BTC/USDT", False)]
)
def test_repeated_fills_of_an_order_at_the_router_count_to_every_venue(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send, *, instrument: str, suspends: bool
) -> None:
    limit(tx, risk, firm.desk, "REPEAT_EXECUTION", "1", instrument=instrument, **WINDOW)
    fill(tx, send(api_key_id=API_KEY, venue="SOR")[0], NOW)
    assert (state_of(tx, firm.desk) == "SUSPENDED") is suspends


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("WARN", "ACTIVE"),
        ("REJECT", "ACTIVE"),
        ("REDUCE_ONLY", "REDUCE_ONLY"),
        ("SUSPEND", "SUSPENDED"),
        ("KILL", "KILLED"),
    ],
)
def test_repeated_fills_do_to_the_node_what_the_action_of_the_limit_says(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send, *, action: str, state: str
) -> None:
    limit(tx, risk, firm.desk, "REPEAT_EXECUTION", "1", action=action, **WINDOW)
    fill(tx, send(api_key_id=API_KEY)[0], NOW)
    assert state_of(tx, firm.desk) == state


def test_an_override_of_the_repeated_fills_counts_for_the_fill_too(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    told = limit(tx, risk, firm.desk, "REPEAT_EXECUTION", "1", **WINDOW)
    request = override(tx, risk, told["limit_id"], "2")
    overrides.approve_override(uuid.UUID(request["override_id"]), risk_manager(firm, "ada"), tx, NOW)
    orders = [send(api_key_id=API_KEY)[0] for _ in range(2)]
    fill(tx, orders[0], NOW)
    assert state_of(tx, firm.desk) == "ACTIVE"
    fill(tx, orders[1], NOW)
    assert state_of(tx, firm.desk) == "SUSPENDED"


def test_a_streak_of_refusals_suspends_its_node_and_a_rearm_begins_anew(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "REJECT_STREAK", "2")
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1")
    assert send(quantity="2")[1] == ["MAX_ORDER_QTY"]
    assert send()[1] == []  # It has not ended the streak yet: the engine has not accepted it.
    assert send(quantity="2")[1] == ["MAX_ORDER_QTY"]
    assert state_of(tx, firm.desk) == "ACTIVE"
    assert send()[1] == ["REJECT_STREAK"]
    assert state_of(tx, firm.desk) == "SUSPENDED"
    assert send()[1] == ["KILL_SWITCH", "REJECT_STREAK"]
    rearm(tx, risk, firm.desk, NOW)
    assert send()[1] == []


def test_an_order_that_is_accepted_ends_a_streak_of_refusals_and_one_the_engine_rejects_adds_to_it(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "REJECT_STREAK", "2")
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1")
    first, second = (send()[0] for _ in range(2))
    send(quantity="2")
    settle(tx, snapshot_of(first, 1, OrdStatus.NEW))
    send(quantity="2")
    assert send()[1] == []
    settle(tx, snapshot_of(first, 2, OrdStatus.CANCELED))  # No answer to a new order, so no end of the streak.
    settle(tx, snapshot_of(second, 3, OrdStatus.REJECTED))
    assert send()[1] == ["REJECT_STREAK"]


@pytest.mark.parametrize(
    ("changes", "repeated"),
    [
        ({}, True),
        ({"quantity": "0.010"}, True),
        ({"quantity": "0.02"}, False),
        ({"price": "2000.00"}, True),
        ({"price": "2000.01"}, False),
        ({"price": None}, False),
        ({"side": Side.SELL}, False),
        ({"account": 1}, False),
    ],
)
def test_a_duplicate_is_an_order_of_the_same_account_symbol_side_price_and_quantity(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send, *, changes: dict[str, Any], repeated: bool
) -> None:
    limit(tx, risk, firm.desk, "DUPLICATE_ORDER", **WINDOW)
    assert send()[1] == []
    assert send(NOW + 60 * SECOND, **changes)[1] == (["DUPLICATE_ORDER"] if repeated else [])


def test_a_market_order_repeats_a_market_order_and_the_window_ends(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "DUPLICATE_ORDER", **WINDOW)
    assert send(price=None)[1] == []
    assert send(NOW + SECOND, price=None)[1] == ["DUPLICATE_ORDER"]
    assert send(NOW + 60 * SECOND + timedelta(microseconds=1), price=None)[1] == []


def test_the_same_order_sent_again_is_no_duplicate_of_itself(
    tx: TenantTransaction, firm: Firm, risk: Caller, send: Send
) -> None:
    limit(tx, risk, firm.desk, "DUPLICATE_ORDER", **WINDOW)
    order, _ = send()
    assert reserve_and_record(tx, order).order_id == order.order_id
