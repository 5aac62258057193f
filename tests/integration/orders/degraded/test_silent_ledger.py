"""Orders while somebody holds the firm's node: when the ledger counts as silent, what passes then, and until when."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.domain.degraded import EmergencyLimits, Mode
from breakwater.domain.orders import OrdStatus
from breakwater.errors import DatabaseUnavailable, NodeInUse, OrderRefused
from breakwater.services import degraded, nodes, orders
from breakwater.services.brakes import StateChange, kill
from breakwater.services.degraded import reserve
from tests.integration.limits.firm import create_firm, order_of, set_limit
from tests.integration.limits.people import risk_manager
from tests.integration.orders.degraded.conftest import LOCK_TIMEOUT_MS, SilentDesk


def limit_types(refusal: OrderRefused) -> list[str]:
    return [told["limit_type"] for told in refusal.extensions["refusals"]]


def test_one_failure_is_no_silence(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.fails(silent.at())
        silent.fails(silent.at(seconds=2.999))
    assert silent.mode is Mode.NORMAL
    assert silent.told_modes() == []


def test_a_hot_node_where_others_are_reserved_is_no_silence(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.fails(silent.at())
    silent.passes(at=datetime.now(UTC))
    with silent.nodes_held():
        silent.fails(silent.at(seconds=4))
        assert silent.mode is Mode.NORMAL
        silent.fails(silent.at(seconds=7))  # Nothing was reserved since the one at 4 s.
        assert silent.mode is Mode.CACHED


def test_failures_far_apart_are_no_silence(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.fails(silent.at())
        silent.fails(silent.at(minutes=1, seconds=1))
    assert silent.mode is Mode.NORMAL


def test_orders_pass_by_limits_that_are_only_read_and_are_marked_so(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        order = silent.passes(at=silent.at(minutes=4, seconds=59))
        assert silent.send(order, silent.at(minutes=4, seconds=59)).status is OrdStatus.NEW
        assert silent.mark(order) == "CACHED"
        assert silent.desk.row(order).status is OrdStatus.NEW
    assert silent.told_modes() == [("NORMAL", "CACHED", 0)]


def test_a_limit_is_used_up_by_what_is_reserved_and_what_is_provisional_together(silent: SilentDesk) -> None:
    silent.desk.run_saga(order_of(silent.desk.firm, quantity="60"))
    with silent.nodes_held():
        silent.began_at = datetime.now(UTC)
        silent.become_silent()
        silent.passes("39", at=silent.at(seconds=10))
        silent.passes("1", at=silent.at(seconds=11))  # Exactly the 100 of LONG_POSITION.
        refusal = silent.refused("0.01", at=silent.at(seconds=12))
        assert limit_types(refusal) == ["LONG_POSITION"]
        assert (refusal.extensions["refusals"][0]["used"], refusal.extensions["refusals"][0]["reserved"]) == (
            "0",
            "100",
        )


def test_what_is_cancelled_gives_nothing_back_before_the_ledger_answers(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        order = silent.passes("100", at=silent.at(seconds=5))
        silent.send(order, silent.at(seconds=5))
        caller = risk_manager(silent.desk.firm)
        row = orders.cancel(order.order_id, caller, silent.desk.transactions, silent.desk.engine, silent.at(seconds=6))
        assert row.status is OrdStatus.CANCELED
        assert limit_types(silent.refused(at=silent.at(seconds=7))) == ["LONG_POSITION"]


def test_from_five_minutes_on_emergency_limits_hold_and_exactly_the_limit_passes(silent: SilentDesk) -> None:
    silent.began_at = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12)  # Of one day, whenever this runs.
    with silent.nodes_held():
        silent.become_silent()
        silent.passes("2", at=silent.at(minutes=4, seconds=59))  # 4,000, and not of the emergency's 10,000.
        at = silent.at(minutes=5)
        assert limit_types(silent.refused("1.0001", at=at)) == ["EMERGENCY_ORDER"]
        emergency = [silent.passes("1", at=at) for _ in range(5)]
        assert [silent.mark(order) for order in emergency] == ["EMERGENCY"] * 5
        refusal = silent.refused("0.0025", at=silent.at(minutes=64, seconds=59))
        assert limit_types(refusal) == ["EMERGENCY_DAY"]
        (told,) = refusal.extensions["refusals"]
        assert (told["limit"], told["used"]) == ("10000", "10000")
    assert silent.told_modes() == [("NORMAL", "CACHED", 0), ("CACHED", "EMERGENCY", 1)]


def test_an_emergency_lets_nothing_pass_that_a_limit_would_refuse_on_a_good_day(silent: SilentDesk) -> None:
    set_limit(silent.desk.urls.admin, silent.desk.firm, silent.desk.firm.desk, "MAX_ORDER_NOTIONAL", "500")
    with silent.nodes_held():
        silent.become_silent()
        assert limit_types(silent.refused(at=silent.at(minutes=6))) == ["MAX_ORDER_NOTIONAL"]


def test_the_day_of_an_emergency_is_the_utc_day(silent: SilentDesk) -> None:
    midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    silent.began_at = midnight - timedelta(minutes=10)
    with silent.nodes_held():
        silent.become_silent()
        for _ in range(5):
            silent.passes(at=midnight - timedelta(microseconds=1))
        assert limit_types(silent.refused(at=midnight - timedelta(microseconds=1))) == ["EMERGENCY_DAY"]
        silent.passes(at=midnight)


def test_an_organisation_may_have_other_emergency_limits(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        at = silent.at(minutes=5)
        with pytest.raises(OrderRefused) as refusal:
            silent.reserve(silent.order(at=at), at, EmergencyLimits(order_max=Decimal(1999)))
        assert limit_types(refusal.value) == ["EMERGENCY_ORDER"]


def test_after_the_emergency_nothing_passes_and_each_time_the_same_is_said(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        silent.passes(at=silent.at(minutes=64, seconds=59))
        at = silent.at(minutes=65)
        order = silent.order(at=at)
        for _ in range(2):
            with pytest.raises(OrderRefused) as refusal:
                silent.reserve(order, at)
            assert refusal.value.code == "LIMITS_UNAVAILABLE"
            assert refusal.value.extensions["suggested_action"] == "retry_in_minutes"
    assert [mode for _, mode, _ in silent.told_modes()] == ["CACHED", "EMERGENCY", "CLOSED"]


def test_time_moves_the_mode_on_although_nobody_sends_an_order(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        for minutes in (4, 5, 6, 65, 66):
            silent.mind(silent.at(minutes=minutes))
    assert [mode for _, mode, _ in silent.told_modes()] == ["CACHED", "EMERGENCY", "CLOSED"]


@pytest.mark.parametrize("minutes", [1, 6])
def test_a_killed_node_lets_nothing_pass_in_any_mode(silent: SilentDesk, minutes: int) -> None:
    silent.desk.admin("UPDATE limits.nodes SET state = 'KILLED' WHERE node_id = %s", silent.desk.firm.trader)
    with silent.nodes_held():
        silent.become_silent()
        assert limit_types(silent.refused(at=silent.at(minutes=minutes))) == ["KILL_SWITCH"]


@pytest.mark.parametrize("minutes", [1, 6])
def test_a_ledger_that_cannot_even_be_read_lets_nothing_pass(silent: SilentDesk, minutes: int) -> None:
    with silent.tables_held():
        silent.become_silent()
        silent.fails(silent.at(minutes=minutes))
    assert silent.desk.admin("SELECT count(*) FROM trading.provisional_orders") == [(0,)]


def test_another_organisation_goes_on(silent: SilentDesk) -> None:
    other = create_firm(silent.desk.urls.admin, "Other")
    with silent.nodes_held():
        silent.become_silent()
        at = silent.at(minutes=6)
        silent.order(at=at)  # A fresh price.
        order = order_of(other, quantity="50", at=at)
        silent.reserve(order, at)
    with silent.desk.transactions(other.tenant_id) as tx:
        assert tx.limits.ledger_differences() == []
        assert not tx.degraded.is_ledger_silent()
        assert tx.degraded.unbooked_orders() == []


def test_a_reservation_that_was_under_way_is_waited_for_and_disproves_the_silence(silent: SilentDesk) -> None:
    """It has passed the gate; when it commits, the gate opens again and nobody has shut it."""
    with silent.nodes_held():
        silent.fails(silent.at())
    under_way = Database(lambda: silent.desk.urls.functions)
    at = silent.at(seconds=4)
    order = silent.order(at=at)

    def note() -> None:
        degraded.note_silence(silent.desk.firm.tenant_id, silent.desk.transactions, at)

    with under_way.tenant_transaction(silent.desk.firm.tenant_id) as tx:
        tx.orders.add(order)
        reservation, mode = reserve(tx, order, EmergencyLimits(), at)
        tx.orders.set_band(order.order_id, reservation.price_low, reservation.price_high)
        thread = threading.Thread(target=note)
        thread.start()
        thread.join(LOCK_TIMEOUT_MS / 2000)
        assert thread.is_alive()  # It waits.
    thread.join(10)
    under_way.close()
    assert mode is Mode.NORMAL
    assert silent.mode is Mode.NORMAL


def test_no_race_of_orders_passes_a_limit_or_the_emergency(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        at = silent.at(minutes=5)
        raced = [silent.order("0.4", at=at) for _ in range(20)]  # 800 each: twelve fit, and 400 are left.
        refused = []

        def race(mine: list[int]) -> None:
            database = Database(lambda: silent.desk.urls.functions)
            for number in mine:
                try:
                    with database.tenant_transaction(silent.desk.firm.tenant_id) as tx:
                        tx.orders.add(raced[number])
                        reserve(tx, raced[number], EmergencyLimits(), at)
                except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
                    refused.append(error)
            database.close()

        threads = [threading.Thread(target=race, args=(list(range(first, 20, 4)),)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(refused) == 8
    assert {type(error).__name__ for error in refused} == {"LimitExceeded"}
    assert silent.desk.admin("SELECT sum(quantity * valuation_price) FROM trading.provisional_orders") == [(9600,)]


def test_a_kill_ends_what_passed_beside_the_ledger(silent: SilentDesk) -> None:
    with silent.nodes_held():
        silent.become_silent()
        sent, unsent = (silent.passes(at=silent.at(seconds=4)) for _ in range(2))
        silent.send(sent, silent.at(seconds=4))
    change = StateChange(node_id=silent.desk.firm.desk, reason="test")
    killed = kill(change, risk_manager(silent.desk.firm), silent.desk.transactions, silent.desk.engine, silent.at(1))
    assert killed["failed"] == []
    assert set(killed["canceled"]) == {str(sent.order_id), str(unsent.order_id)}
    assert silent.desk.row(unsent).status is OrdStatus.REJECTED
    assert limit_types(silent.refused(at=silent.at(minutes=2))) == ["KILL_SWITCH"]


def test_a_node_does_not_move_from_under_a_provisional_order(silent: SilentDesk) -> None:
    firm = silent.desk.firm
    caller = risk_manager(firm)
    with silent.nodes_held():
        silent.become_silent()
        silent.passes(at=silent.at(seconds=4))
    with silent.desk.transactions(firm.tenant_id) as tx, pytest.raises(NodeInUse):
        nodes.change_node(firm.account_nodes[0], nodes.NodeChange(parent_id=firm.desk), caller, tx, silent.at(1))


def test_functions_see_modes_and_orders_of_their_own_organisation_only(silent: SilentDesk) -> None:
    other = create_firm(silent.desk.urls.admin, "Other")
    with silent.nodes_held():
        silent.become_silent()
        silent.passes(at=silent.at(seconds=4))
    with psycopg.connect(silent.desk.urls.functions) as connection:
        connection.execute("SELECT set_config('breakwater.tenant_id', %s, false)", (str(other.tenant_id),))
        for table in ("degraded_modes", "provisional_orders"):
            assert connection.execute(f"SELECT count(*) FROM trading.{table}").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO trading.degraded_modes VALUES (%s, 'LEDGER', 'NORMAL', now(), now())",
                (silent.desk.firm.tenant_id,),
            )


def test_a_database_that_does_not_answer_at_all_is_no_silence(silent: SilentDesk) -> None:
    nowhere = Database(lambda: "host=127.0.0.1 port=9 user=nobody dbname=nothing")
    with pytest.raises(DatabaseUnavailable):
        degraded.note_silence(uuid.uuid4(), nowhere.tenant_transaction, silent.at())
    assert silent.mode is Mode.NORMAL
