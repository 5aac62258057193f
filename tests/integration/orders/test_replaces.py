"""A resting order gets other terms: on a real ledger and a real core, with answers lost and events late."""

import random
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from breakwater.db.connection import Database
from breakwater.db.orders import OrderRow
from breakwater.domain.orders import OrdStatus, PlaceOrder, Side
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.domain.replaces import ReplaceState, ReplaceTerms
from breakwater.domain.times import nanoseconds
from breakwater.errors import (
    Conflict,
    EngineUnavailable,
    InvalidRequest,
    NotFound,
    NotPermitted,
    OrderFinal,
    OrderRefused,
    ReplaceIdReused,
    ReplacePending,
    ReplaceRefused,
    Unavailable,
)
from breakwater.services import order_saga, orders, replaces
from breakwater.services.reconciliation import reconcile
from events.orders import TradeExecuted
from fargate_engine.messages import VenueAccepted, VenueFilled, VenueReplaced, VenueReplaceRejected
from tests.conftest import DatabaseUrls
from tests.integration.limits.core_engine import CoreEngine
from tests.integration.limits.firm import NOW, Firm, create_firm, order_of, set_limit
from tests.support.engine_words import kept


@dataclass
class Scene:
    firm: Firm
    database: Database
    urls: DatabaseUrls
    engine: CoreEngine = field(default_factory=CoreEngine)

    @property
    def caller(self) -> Caller:
        scopes = frozenset({SESSION_SCOPE})
        return Caller(self.firm.tenant_id, "sub", "ada", Role.ORGANISATION_ADMIN, scopes, correlation_id="c")

    def place(self, side: Side = Side.BUY, quantity: str = "10", price: str = "2000", **more: Any) -> PlaceOrder:
        transactions = self.database.tenant_transaction
        order = order_of(self.firm, side, quantity, price, **{"venue": "BOOK", **more})
        order_saga.reserve_limits(order, transactions, NOW)
        snapshot = order_saga.submit_order(order, transactions, self.engine, NOW)
        order_saga.confirm_order(order, snapshot, transactions, NOW)
        return order

    def replace(
        self, order: PlaceOrder, quantity: str | None = None, price: str | None = None, *, replace_id: str = ""
    ) -> replaces.Replaced:
        asked = ReplaceTerms(
            replace_id=replace_id or uuid.uuid4().hex,
            quantity=None if quantity is None else Decimal(quantity),
            price=None if price is None else Decimal(price),
        )
        transactions = self.database.tenant_transaction
        return replaces.replace_order(order.order_id, asked, self.caller, transactions, self.engine, at=NOW)

    def cancel(self, order: PlaceOrder) -> None:
        orders.cancel(order.order_id, self.caller, self.database.tenant_transaction, self.engine, NOW)

    def row(self, order: PlaceOrder) -> OrderRow:
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            row = tx.orders.get(order.order_id)
        assert row is not None
        return row

    def history(self, order: PlaceOrder) -> list[tuple[int, ReplaceState, str | None]]:
        """The oldest first."""
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            rows = replaces.replaces_of(order.order_id, self.caller, tx)
        return [(row.replace_no, row.state, row.reject_code) for row in reversed(rows)]

    def project(self, at_most: int | None = None) -> None:
        self.engine.project(self.database, at_most=at_most)

    def reconcile(self) -> list[str]:
        """As if all that is open had been so for a minute. What failed."""
        self.admin("UPDATE trading.order_replaces SET requested_at = now() - interval '1 minute'")
        self.admin("UPDATE trading.orders SET updated_at = now() - interval '1 minute'")
        transactions = self.database.tenant_transaction
        outcome = reconcile(self.database.untenanted_transaction, transactions, self.engine, lambda: 60.0)
        return [failure.reason for failure in outcome.failures]

    def held(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Open buy and sell quantity, open notional and position of the whole firm."""
        rows = self.admin(
            """SELECT sum(open_buy_qty), sum(open_sell_qty), sum(open_notional), sum(filled_qty)
               FROM limits.exposures WHERE node_id = %s""",
            self.firm.firm,
        )
        return tuple(amount or Decimal(0) for amount in rows[0])  # type: ignore[return-value] # It has four columns.

    def events(self, topic: str) -> list[Any]:
        rows = self.admin(
            "SELECT payload FROM trading.events WHERE tenant_id = %s AND topic = %s ORDER BY occurred_at_ns",
            self.firm.tenant_id,
            topic,
        )
        return [row[0] for row in rows]

    def admin(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.urls.admin) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def assert_books(self) -> None:
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            assert tx.limits.ledger_differences() == []
            assert tx.limits.order_differences() == []


@pytest.fixture
def scene(database_urls: DatabaseUrls) -> Iterator[Scene]:
    firm = create_firm(database_urls.admin)
    set_limit(database_urls.admin, firm, firm.firm, "LONG_POSITION", "20")
    database = Database(lambda: database_urls.functions)
    yield Scene(firm, database, database_urls)
    database.close()


def test_order_and_ledger_take_the_new_terms(scene: Scene) -> None:
    order = scene.place()
    replaced = scene.replace(order, "12", "1990")
    assert replaced.is_decided
    assert (replaced.order.quantity, replaced.order.price, replaced.order.leaves_qty) == (12, 1990, 12)
    assert scene.held() == (12, 0, 12 * 1990, 0)
    scene.replace(order, quantity="4")
    assert (scene.row(order).quantity, scene.row(order).price) == (4, 1990)
    assert scene.held() == (4, 0, 4 * 1990, 0)
    assert scene.history(order) == [(1, ReplaceState.REPLACED, None), (2, ReplaceState.REPLACED, None)]
    scene.project()
    assert scene.held() == (4, 0, 4 * 1990, 0)
    scene.cancel(order)
    assert scene.held() == (0, 0, 0, 0)
    scene.project()
    scene.assert_books()


def test_a_limit_refuses_by_its_name_and_tells_the_largest_whole_quantity(scene: Scene) -> None:
    order = scene.place()
    scene.place(Side.SELL, "4", "2000", account=1)
    scene.project()
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(order, "25", replace_id="too-much")
    assert refused.value.code == "LIMIT_EXCEEDED"
    (told,) = refused.value.extensions["refusals"]
    # Both accounts are of the firm: what one has bought the other has sold, so 20 may still be open beside the 4.
    assert (told["limit_type"], told["attempted"], told["largest_passing_quantity"]) == ("LONG_POSITION", "21", "24")
    with pytest.raises(ReplaceRefused) as again:
        scene.replace(order, "25", replace_id="too-much")
    assert again.value.extensions == refused.value.extensions
    assert scene.history(order) == [(1, ReplaceState.REJECTED, "LIMIT_EXCEEDED")]
    assert (scene.row(order).quantity, scene.row(order).cum_qty) == (10, 4)
    (event,) = scene.events("orders.OrderReplaceRejected.v1")
    assert (event["code"], event["order"]["quantity"]) == ("LIMIT_EXCEEDED", "10")
    assert scene.replace(order, "24").order.quantity == 24
    scene.project()
    scene.assert_books()


def test_the_size_of_an_order_is_judged_with_what_has_traded_of_it(scene: Scene) -> None:
    set_limit(scene.urls.admin, scene.firm, scene.firm.desk, "MAX_ORDER_QTY", "12")
    order = scene.place()
    scene.place(Side.SELL, "8", "2000", account=1)
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(order, "12.5")
    assert [each["limit_type"] for each in refused.value.extensions["refusals"]] == ["MAX_ORDER_QTY"]
    assert scene.replace(order, "12").is_decided


def test_less_at_the_same_price_passes_where_nothing_else_does(scene: Scene) -> None:
    order = scene.place()
    scene.admin("UPDATE limits.nodes SET state = 'SUSPENDED' WHERE node_id = %s", scene.firm.desk)
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(order, price="1990")
    assert [each["limit_type"] for each in refused.value.extensions["refusals"]] == ["KILL_SWITCH"]
    assert scene.replace(order, "3").order.leaves_qty == 3


def test_a_lost_answer_keeps_the_larger_reservation_until_the_reconciler_has_asked(scene: Scene) -> None:
    order = scene.place()
    scene.engine.loses_answers = True
    unknown = scene.replace(order, "15", "1900", replace_id="lost")
    assert (unknown.is_decided, unknown.order.quantity) == (False, 10)
    assert scene.held() == (15, 0, 15 * 2000, 0)
    with pytest.raises(ReplacePending):
        scene.replace(order, "16")
    scene.engine.loses_answers = False
    assert scene.reconcile() == []
    assert scene.held() == (15, 0, 15 * 1900, 0)
    assert scene.history(order) == [(1, ReplaceState.REPLACED, None)]
    again = scene.replace(order, "15", "1900", replace_id="lost")
    assert (again.is_decided, again.order.price) == (True, 1900)
    scene.project()
    scene.assert_books()


def test_one_that_never_arrived_is_given_up_first_and_finds_a_refusal_when_it_comes(scene: Scene) -> None:
    order = scene.place()
    scene.engine.is_silent = True
    assert not scene.replace(order, "15", replace_id="late").is_decided
    assert scene.reconcile() == ["the engine did not answer"]
    assert scene.held()[0] == 15
    scene.engine.is_silent = False
    assert scene.reconcile() == []
    assert scene.held()[0] == 10
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(order, "15", replace_id="late")
    assert refused.value.code == "REPLACE_GIVEN_UP"
    scene.project()
    assert scene.held()[0] == 10
    assert scene.engine.driven.snapshot(order.order_id).quantity == 10
    scene.assert_books()


def test_the_event_alone_decides_where_the_answer_was_lost(scene: Scene) -> None:
    order = scene.place()
    scene.engine.loses_answers = True
    scene.replace(order, "6", "2010")
    assert scene.held() == (10, 0, 10 * 2010, 0)
    scene.project()
    assert scene.held() == (6, 0, 6 * 2010, 0)
    assert scene.history(order) == [(1, ReplaceState.REPLACED, None)]
    scene.assert_books()


def test_at_a_venue_fills_of_both_terms_are_covered_while_it_is_on_the_way(scene: Scene) -> None:
    order = scene.place(venue="SIM")
    scene.engine.report(VenueAccepted(order_id=order.order_id))
    scene.project()
    assert not scene.replace(order, "16", "1990").is_decided
    assert scene.held() == (16, 0, 16 * 2000, 0)
    scene.engine.report(_filled(order, lots=40_000))
    scene.project()
    assert scene.held() == (12, 0, 12 * 2000, 4)
    # The venue may still do it: nothing is given back.
    assert scene.reconcile() == ["the engine did not answer in time"]
    assert scene.held()[0] == 12
    scene.engine.report(VenueReplaced(order_id=order.order_id, quantity_lots=160_000, price_ticks=199_000))
    scene.project()
    assert scene.held() == (12, 0, 12 * 1990, 4)
    scene.engine.report(_filled(order, lots=120_000))
    scene.project()
    assert scene.held() == (0, 0, 0, 16)
    assert scene.row(order).status is OrdStatus.FILLED
    scene.assert_books()


def test_a_venue_that_refuses_leaves_what_was_held_before(scene: Scene) -> None:
    order = scene.place(venue="SIM")
    scene.engine.report(VenueAccepted(order_id=order.order_id))
    scene.project()
    scene.replace(order, "16", replace_id="no")
    scene.engine.report(VenueReplaceRejected(order_id=order.order_id, code="TOO_LATE", reason="it is gone"))
    scene.project()
    assert scene.held()[0] == 10
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(order, "16", replace_id="no")
    assert (refused.value.code, refused.value.message) == ("TOO_LATE", "it is gone")


def test_an_order_that_ended_on_the_way_says_so(scene: Scene) -> None:
    order = scene.place(venue="SIM")
    scene.engine.report(VenueAccepted(order_id=order.order_id))
    scene.project()
    scene.replace(order, "16", replace_id="late")
    scene.engine.report(_filled(order, lots=100_000))
    with pytest.raises(OrderFinal):
        scene.replace(order, "16", replace_id="late")
    assert scene.history(order) == [(1, ReplaceState.REJECTED, "TOO_LATE")]
    scene.project()
    assert scene.held() == (0, 0, 0, 10)
    scene.assert_books()


@pytest.mark.parametrize(("arrives", "decided"), [(True, ReplaceState.REPLACED), (False, ReplaceState.REJECTED)])
def test_one_whose_order_the_engine_has_forgotten_ends_as_the_order_did(
    scene: Scene, *, arrives: bool, decided: ReplaceState
) -> None:
    order = scene.place()
    scene.engine.loses_answers, scene.engine.is_silent = arrives, not arrives
    assert not scene.replace(order, "15", "1900").is_decided
    scene.engine.loses_answers = scene.engine.is_silent = False
    scene.engine.events = []
    scene.engine.cancel(order.order_id, tenant_id=scene.firm.tenant_id, correlation_id="c")
    end = scene.engine.events
    scene.engine.set_time_ns(scene.engine.driven.state.last_at_ns + 3_601 * 1_000_000_000)
    scene.place(quantity="1")
    assert scene.reconcile() == [
        "the engine has forgotten how this order ended"
    ]  # Of the order, and not of its replace.
    assert scene.history(order) == [(1, ReplaceState.PENDING, None)]
    scene.engine.events = end
    scene.project()
    assert scene.row(order).status is OrdStatus.CANCELED
    assert scene.reconcile() == []
    assert scene.history(order) == [(1, decided, None if arrives else "TOO_LATE")]
    assert scene.held()[0] == 1


def test_a_sell_keeps_the_band_that_its_value_comes_from(scene: Scene) -> None:
    order = scene.place(Side.SELL, "2", "2050")
    assert scene.held() == (0, 2, 2 * 2100, 0)  # The collar: it may be filled better than asked.
    scene.replace(order, price="2200")
    assert scene.held() == (0, 2, 2 * 2200, 0)
    scene.replace(order, quantity="1")
    assert scene.held() == (0, 1, 2200, 0)
    scene.replace(order, price="2060")
    assert scene.held() == (0, 1, 2100, 0)
    assert kept(scene.engine.driven.state, order.order_id).answer().count(b'"2060"') == 1


def _filled(order: PlaceOrder, *, lots: int) -> VenueFilled:
    return VenueFilled(
        order_id=order.order_id,
        quantity_lots=lots,
        price_ticks=200_000,
        liquidity="MAKER",
        fee=Decimal(0),
        fee_currency="USDT",
        trade_id=uuid.uuid4().hex,
    )


def test_what_cannot_be_replaced_says_why(scene: Scene) -> None:
    order = scene.place()
    with pytest.raises(InvalidRequest, match="already"):
        scene.replace(order, "10.0", "2000.00")
    with pytest.raises(InvalidRequest):
        scene.replace(order, "0.00005")
    with pytest.raises(NotFound):
        scene.replace(order_of(scene.firm), "1")
    worked = scene.place(venue="SOR", quantity="1")
    scene.engine.report(VenueAccepted(order_id=worked.order_id))
    scene.project()
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(worked, "2")
    assert (refused.value.code, "BEST" in refused.value.message) == ("REPLACE_UNSUPPORTED", True)
    scene.replace(order, "9", replace_id="once")
    with pytest.raises(ReplaceIdReused):
        scene.replace(order, "8", replace_id="once")
    scene.cancel(order)
    with pytest.raises(OrderFinal):
        scene.replace(order, "8")


def test_the_entry_of_a_bracket_is_not_replaced_under_its_exit(scene: Scene) -> None:
    entry = scene.place(quantity="2")
    stop = {"algorithm": "STOP", "stop_px": "1900", "after": str(entry.order_id), "venues": ["BOOK"]}
    exit_ = order_of(scene.firm, Side.SELL, "2", None, execution=stop)
    order_saga.reserve_limits(exit_, scene.database.tenant_transaction, NOW)
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(entry, "1")
    assert (refused.value.code, "bracket" in refused.value.message) == ("REPLACE_UNSUPPORTED", True)


def test_who_may_only_look_or_cancel_replaces_nothing(scene: Scene) -> None:
    order = scene.place()
    asked = ReplaceTerms(replace_id="x", quantity=Decimal(1))
    viewer = Caller(scene.firm.tenant_id, "sub", "vi", Role.VIEWER, frozenset({SESSION_SCOPE}), correlation_id="c")
    with pytest.raises(NotPermitted):
        replaces.replace_order(order.order_id, asked, viewer, scene.database.tenant_transaction, scene.engine, at=NOW)


def test_behind_a_shut_gate_nothing_is_held_for_one(scene: Scene) -> None:
    """Orders that pass beside a silent ledger are judged by what stands there: nothing may be on its way to it."""
    order = scene.place()
    other, refused = Database(lambda: scene.urls.functions), []

    def replace() -> None:
        try:
            scene.replace(order, "12")
        except Unavailable as error:
            refused.append(error)

    thread = threading.Thread(target=replace)
    with other.tenant_transaction(scene.firm.tenant_id) as tx:
        tx.degraded.shut_gate()
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # It waits.
        tx.connection.execute(
            """INSERT INTO trading.degraded_modes (tenant_id, kind, mode, since, failed_at)
               VALUES (%s, 'LEDGER', 'CACHED', now(), now())""",
            (scene.firm.tenant_id,),
        )
    thread.join(10)
    other.close()
    assert [type(error) for error in refused] == [Unavailable]
    assert scene.held()[0] == 10
    assert scene.history(order) == []


def test_by_old_positions_an_order_is_only_made_smaller(scene: Scene) -> None:
    order = scene.place()
    scene.place(Side.SELL, "1", "2000", account=1)
    fill = next(told for told in scene.engine.events if told.topic == TradeExecuted.topic)
    for occurred_at, is_old in ((NOW - timedelta(minutes=10), False), (NOW - timedelta(minutes=11), True)):
        scene.admin(
            """INSERT INTO trading.events (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id,
                                           occurred_at_ns, payload) VALUES (%s, %s, %s, %s, %s, 'c', %s, %s)""",
            *(uuid.uuid4(), fill.topic, fill.tenant_id, order.terms.account_id, order.order_id),
            *(nanoseconds(occurred_at), Jsonb(fill.payload)),
        )
        if is_old:
            with pytest.raises(Unavailable, match="positions"):
                scene.replace(order, price="1999", replace_id="again")
        else:
            assert scene.replace(order, price="1999.5").is_decided
    assert scene.replace(order, "8").is_decided
    scene.admin("DELETE FROM trading.events WHERE topic = %s", fill.topic)
    assert scene.replace(order, price="1999", replace_id="again").order.price == 1999


def test_messages_are_counted(scene: Scene) -> None:
    scene.admin(
        """INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, value, parameters,
                                      created_by)
           VALUES (%s, %s, %s, 'MESSAGE_RATE', '*', 3, '{"window_s": "60"}', 'test')""",
        uuid.uuid4(),
        scene.firm.tenant_id,
        scene.firm.trader,
    )
    order = scene.place()
    scene.replace(order, "11")
    scene.replace(order, "12")
    with pytest.raises(ReplaceRefused) as refused:
        scene.replace(order, "13")
    assert [each["limit_type"] for each in refused.value.extensions["refusals"]] == ["MESSAGE_RATE"]
    assert scene.replace(order, "5").is_decided  # A part of it is cancelled: never refused.


_STEPS = ("replace", "replace", "replace", "fill", "project", "reconcile", "cancel", "mix up", "restart")


@pytest.mark.parametrize("seed", range(6))
def test_no_limit_is_passed_whatever_is_lost_late_or_crossed(scene: Scene, seed: int) -> None:
    """LONG_POSITION of 20 in the firm, as the engine has it: filled plus all that may still be bought."""
    chance = random.Random(seed)  # noqa: S311 - a test's scenario, and no secret
    open_orders = [scene.place(quantity="5", price="2000"), scene.place(quantity="5", price="1999")]
    for _ in range(40):
        order = chance.choice(open_orders)
        scene.engine.is_silent, scene.engine.loses_answers = chance.random() < 0.15, chance.random() < 0.3
        try:
            match chance.choice(_STEPS):
                case "replace":
                    scene.replace(order, str(chance.randint(1, 18)), str(chance.randint(1990, 2000)))
                case "fill":
                    scene.place(Side.SELL, str(chance.randint(1, 3)), "1990", account=1, time_in_force="IOC")
                case "project":
                    scene.project(at_most=chance.randint(1, 4))
                case "reconcile":
                    scene.reconcile()
                case "mix up":
                    chance.shuffle(scene.engine.events)
                case "restart":
                    scene.engine.restart()
                case "cancel" if len(open_orders) < 6:
                    scene.cancel(order)
                    open_orders.append(scene.place(quantity="2"))
        except (Conflict, ReplaceRefused, EngineUnavailable, OrderRefused):
            pass  # An answer of its own: what it leaves is looked at below.
        _assert_within(scene, open_orders, Decimal(20))
    scene.engine.is_silent = scene.engine.loses_answers = False
    scene.reconcile()
    scene.project()
    scene.reconcile()
    scene.assert_books()
    live = [scene.engine.driven.snapshot(order.order_id) for order in open_orders]
    assert scene.held()[0] == sum(each.leaves_qty for each in live)
    assert all(state is not ReplaceState.PENDING for order in open_orders for _, state, _ in scene.history(order))


def _assert_within(scene: Scene, open_orders: list[PlaceOrder], limit: Decimal) -> None:
    known = [scene.engine.driven.snapshot(order.order_id) for order in open_orders]
    bought = sum((each.cum_qty for each in known), Decimal(0))
    may_buy = sum((each.leaves_qty for each in known), Decimal(0))
    open_buys, _, _, position = scene.held()
    assert open_buys + position <= limit
    assert may_buy <= open_buys + bought  # What the ledger has not heard of as filled it holds as open.
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        assert tx.limits.ledger_differences() == []
