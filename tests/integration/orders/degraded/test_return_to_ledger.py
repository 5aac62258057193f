"""The way back: everything that passed beside the ledger stands in it, to the last digit, before the mode ends."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from breakwater.db.connection import Database
from breakwater.domain.degraded import Mode
from breakwater.domain.orders import OrdStatus, Side
from breakwater.domain.times import nanoseconds
from breakwater.errors import Rejection, Unavailable
from breakwater.services import degraded, order_saga, orders
from breakwater.services.alerts import alert_of
from events.envelope import Envelope
from events.limits import DegradedModeChanged, ProvisionalOrderBooked
from functions.reconciler import app as reconciler_app
from tests.integration.limits.firm import set_limit
from tests.integration.limits.people import risk_manager
from tests.integration.limits.watches import Watches
from tests.integration.orders.degraded.conftest import SilentDesk


def booked_events(silent: SilentDesk) -> list[ProvisionalOrderBooked]:
    topic = ProvisionalOrderBooked.topic
    rows = silent.desk.admin("SELECT payload FROM trading.events WHERE topic = %s", topic)
    return [ProvisionalOrderBooked.model_validate(payload) for (payload,) in rows]


def insist(work: Callable[[], object]) -> None:
    """As sagas and queues do: what a lock has kept waiting too long is tried again."""
    for _ in range(20):
        try:
            work()
        except Unavailable:
            continue
        return
    raise AssertionError("the database never answered")


def test_what_passed_is_booked_with_what_has_become_of_it(silent: SilentDesk) -> None:
    desk = silent.desk
    at = silent.at(minutes=1)
    with silent.nodes_held():
        silent.become_silent()
        resting, filled, partly, unsent = (silent.passes(each, at=at) for each in ("1", "2", "4", "8"))
        for order in (resting, filled, partly):
            silent.send(order, at)
        desk.model.now_ns = nanoseconds(at)
        desk.model.fill(filled.order_id, Decimal(2))
        desk.project_all()
        desk.model.fill(partly.order_id, Decimal("1.5"))  # The projections hear of it after the ledger is back.
    silent.mind(silent.at(minutes=2))
    assert silent.mode is Mode.NORMAL
    desk.project_all()
    # 1, 8 and the rest of 4 are open; 2 and 1.5 are filled.
    assert desk.reserved() == (Decimal("11.5"), 0, 3, Decimal("3.5"))
    desk.assert_ledger_is_exact()
    assert {event.order_id for event in booked_events(silent)} == {
        order.order_id for order in (resting, filled, partly, unsent)
    }
    assert silent.told_modes() == [("NORMAL", "CACHED", 0), ("CACHED", "NORMAL", 4)]
    assert desk.admin("SELECT count(*) FROM limits.reservations WHERE cum_notional <> booked_notional") == [(0,)]


def test_after_it_orders_are_reserved_in_the_ledger_again(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        silent.passes("60", at=silent.at(seconds=10))
    silent.mind(silent.at(seconds=20))
    order = silent.passes("40", at=silent.at(seconds=30))
    assert silent.mark(order) is None
    assert silent.desk.reserved()[0] == 100
    assert silent.refused("0.01", at=silent.at(seconds=30)).code == "LIMIT_EXCEEDED"


def test_while_the_node_is_held_nothing_is_booked(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        silent.passes(at=silent.at(seconds=10))
        silent.mind(silent.at(seconds=20))
        assert silent.mode is Mode.CACHED
        assert booked_events(silent) == []


def test_an_unsent_order_is_settled_by_the_reconciler_as_any_other(silent: SilentDesk) -> None:
    desk = silent.desk
    with silent.nodes_held():
        silent.become_silent()
        order = silent.passes(at=silent.at(seconds=10))
    silent.mind(silent.at(seconds=20))
    desk.grow_old(order, 60)
    desk.reconcile()
    assert desk.row(order).reject_code == "VOIDED"
    assert desk.reserved()[:3] == (0, 0, 0)
    desk.assert_ledger_is_exact()


def test_the_reconciler_settles_a_provisional_order_before_the_ledger_is_back(silent: SilentDesk) -> None:
    desk = silent.desk
    with silent.nodes_held():
        silent.become_silent()
        order = silent.passes(at=silent.at(seconds=10))
        desk.grow_old(order, 60)
        desk.reconcile()
        assert desk.row(order).reject_code == "VOIDED"
    silent.mind(silent.at(seconds=20))
    desk.assert_ledger_is_exact()
    assert desk.reserved()[:3] == (0, 0, 0)


def test_a_cancel_is_answered_and_the_ledger_hears_of_it_later(silent: SilentDesk) -> None:
    desk = silent.desk
    order = silent.order(at=datetime.now(UTC))
    desk.run_saga(order.model_copy(update={"placed_at": datetime(2026, 3, 2, 12, tzinfo=UTC)}))
    silent.began_at = datetime.now(UTC)
    with silent.nodes_held():
        silent.become_silent()
        caller = risk_manager(desk.firm)
        row = orders.cancel(order.order_id, caller, desk.transactions, desk.engine, silent.at(seconds=5))
        assert row.status is OrdStatus.CANCELED
        assert desk.reserved()[0] == 1
    silent.mind(silent.at(seconds=10))
    desk.project_all()
    assert desk.reserved()[0] == 0
    desk.assert_ledger_is_exact()


def test_a_scope_that_is_over_its_limit_after_the_booking_only_reduces(silent: SilentDesk) -> None:
    firm = silent.desk.firm
    with silent.nodes_held():
        silent.become_silent()
        silent.passes("5", at=silent.at(seconds=10))
        set_limit(silent.desk.urls.admin, firm, firm.desk, "LONG_POSITION", "4.9")
        set_limit(silent.desk.urls.admin, firm, firm.trader, "LONG_POSITION", "5")
    silent.mind(silent.at(seconds=20))
    assert [silent.node_state(node) for node in (firm.firm, firm.desk, firm.trader)] == [
        "ACTIVE",
        "REDUCE_ONLY",
        "ACTIVE",
    ]
    told = silent.desk.admin("SELECT payload FROM trading.events WHERE topic = 'limits.LimitBreached.v2'")
    (breach,) = [row[0] for row in told]  # Not of the trader, who is exactly at it.
    assert {name: breach[name] for name in ("node_name", "limit", "used", "reserved", "action", "order_id")} == {
        **{"node_name": "Firm desk", "limit": "4.9", "used": "0", "reserved": "5"},
        **{"action": "REJECT", "order_id": None},
    }


def test_more_orders_than_are_booked_at_once_are_all_booked(
    silent: SilentDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(degraded, "BOOKED_AT_ONCE_MAX", 2)
    with silent.nodes_held():
        silent.become_silent()
        for _ in range(5):
            silent.passes("0.1", at=silent.at(seconds=10))
    silent.mind(silent.at(seconds=20))
    assert silent.mode is Mode.NORMAL
    assert silent.desk.reserved()[:3] == (Decimal("0.5"), 0, 5)
    assert silent.told_modes()[-1] == ("CACHED", "NORMAL", 5)
    silent.desk.assert_ledger_is_exact()


def test_two_that_bring_the_ledger_back_at_once_book_nothing_twice(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        for _ in range(10):
            silent.passes("0.1", at=silent.at(seconds=10))
    at = silent.at(seconds=20)

    def come_back() -> None:
        database = Database(lambda: silent.desk.urls.functions)
        degraded.mind(silent.desk.firm.tenant_id, database.tenant_transaction, at, try_ledger=True)
        database.close()

    threads = [threading.Thread(target=come_back) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    silent.desk.assert_ledger_is_exact()
    assert silent.desk.reserved()[:3] == (1, 0, 10)
    assert [mode for _, mode, _ in silent.told_modes()] == ["CACHED", "NORMAL"]


def test_orders_events_and_the_return_at_once_leave_exact_books_and_pass_no_limit(silent: SilentDesk) -> None:
    """Some orders pass before the ledger is back and some after; all are filled meanwhile."""
    desk, at = silent.desk, silent.at(seconds=10)
    with silent.nodes_held():
        silent.become_silent()
        early = [silent.passes("5", at=at) for _ in range(8)]
        late = [silent.order("5", Side.BUY, at=at) for _ in range(16)]  # Twelve of them fit into the 100.

    def place() -> None:
        database = Database(lambda: desk.urls.functions)
        for order in late:
            try:
                insist(partial(order_saga.reserve_limits, order, database.tenant_transaction, at))
            except Rejection as refusal:
                refused.append(refusal.code)
        database.close()

    def fill() -> None:
        for order in early:
            insist(partial(silent.send, order, at))
            desk.model.fill(order.order_id, Decimal(5))
            insist(desk.project_all)

    def come_back() -> None:
        database = Database(lambda: desk.urls.functions)
        degraded.mind(desk.firm.tenant_id, database.tenant_transaction, at, try_ledger=True)
        database.close()

    refused: list[str] = []
    threads = [threading.Thread(target=work) for work in (place, fill, come_back)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    silent.mind(silent.at(seconds=20))
    assert silent.mode is Mode.NORMAL
    assert refused == ["LIMIT_EXCEEDED"] * 4
    assert desk.reserved() == (60, 0, 12, 40)
    desk.assert_ledger_is_exact()


def test_the_watch_ends_the_mode_by_itself(silent: SilentDesk) -> None:
    desk = silent.desk
    with silent.nodes_held():
        silent.become_silent()
        silent.passes(at=silent.at(seconds=10))
        watch = Watches(desk.database.untenanted_transaction, desk.transactions, desk.engine, tell=lambda _: None)
        watch.run_round(silent.at(seconds=11))
        assert silent.mode is Mode.CACHED
    watch.run_round(silent.at(seconds=15.9))  # It has tried less than five seconds ago.
    assert silent.mode is Mode.CACHED
    watch.run_round(silent.at(seconds=16))
    assert silent.mode is Mode.NORMAL


def test_the_reconciler_ends_it_should_the_watch_be_down(silent: SilentDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        function_name = aws_request_id = "reconciler"

        def get_remaining_time_in_millis(self) -> int:
            return 50_000

    monkeypatch.setattr(reconciler_app, "untenanted_transaction", silent.desk.database.untenanted_transaction)
    monkeypatch.setattr(reconciler_app, "tenant_transaction", silent.desk.transactions)
    monkeypatch.setattr(reconciler_app, "engine_client", lambda: silent.desk.engine)
    silent.began_at = datetime.now(UTC) - timedelta(seconds=30)
    with silent.nodes_held():
        silent.become_silent()
        silent.passes(at=silent.at(seconds=10))
    reconciler_app.handler({}, Context())
    assert silent.mode is Mode.NORMAL
    silent.desk.assert_ledger_is_exact()


def test_each_change_of_mode_is_an_alert(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        silent.passes(at=silent.at(minutes=1))
        for minutes in (5, 65):
            silent.mind(silent.at(minutes=minutes))
    silent.mind(silent.at(minutes=66))
    rows = silent.desk.admin(
        "SELECT event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload"
        " FROM trading.events WHERE topic = %s ORDER BY occurred_at_ns",
        DegradedModeChanged.topic,
    )
    names = Envelope.model_fields
    alerts = [alert_of(Envelope(**dict(zip(names, row, strict=True)))) for row in rows]
    assert [alert.severity for alert in alerts] == ["WARNING", "CRITICAL", "CRITICAL", "INFO"]
    assert alerts[0].kind == "DEGRADED_MODE"
    assert "Orders beside the ledger: 1, worth 2000" in alerts[-1].body


def test_executions_that_repeat_while_the_ledger_is_silent_are_told_once(silent: SilentDesk) -> None:
    desk = silent.desk
    set_limit(desk.urls.admin, desk.firm, desk.firm.desk, "REPEAT_EXECUTION", "2", parameters={"window_s": 600})
    at = silent.at(seconds=10)
    with silent.nodes_held():
        silent.become_silent()
        orders = [silent.passes("1", at=at) for _ in range(3)]
        for order in orders:
            silent.send(order, at)
        desk.model.now_ns = nanoseconds(at)
        for order in orders:
            desk.model.fill(order.order_id, Decimal(1))
        desk.admin("UPDATE trading.provisional_orders SET is_automated = true RETURNING 1")
        desk.project_all()
    silent.mind(silent.at(seconds=20))
    desk.project_all()
    rows = desk.admin("SELECT payload FROM trading.events WHERE topic = 'limits.LimitBreached.v2'")
    assert [(row["limit_type"], row["used"]) for (row,) in rows] == [("REPEAT_EXECUTION", "2")]
