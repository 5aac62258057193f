"""A client order id is its account's once, whichever of the two ways an order of it came; and an order has its time."""

from typing import Any

import pytest

from breakwater.domain.orders import OrdStatus, SubmitOrder, leased_order_id_of, order_id_of
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.leases import lease, leased, verdict
from tests.unit.fargate_engine.orders import ACCOUNT, TENANT, submit

ORDINARY_ID = order_id_of(TENANT, ACCOUNT, "client-1")
LEASED_ID = leased_order_id_of(TENANT, ACCOUNT, "ETH/USDT", "client-1")


@pytest.fixture
def engine() -> Driven:
    driven = Driven()
    driven.apply(lease())
    return driven


def ordinary(**changes: Any) -> SubmitOrder:
    return submit(1, order_id=ORDINARY_ID, **changes)


def within(**changes: Any) -> SubmitOrder:
    return leased(1, order_id=LEASED_ID, **changes)


@pytest.mark.parametrize(("first", "second"), [(ordinary, within), (within, ordinary)], ids=["ordinary", "leased"])
def test_of_two_orders_with_one_id_the_first_trades_and_the_second_is_refused(
    engine: Driven, first: Any, second: Any
) -> None:
    assert verdict(engine, first()) == (OrdStatus.NEW, None)
    assert verdict(engine, second()) == (OrdStatus.REJECTED, "DUPLICATE_ORDER_ID")
    assert len(engine.state.open_orders()) == 1
    assert replayed(engine.rows).state_hash() == engine.state.state_hash()


def test_also_when_both_come_in_one_batch_and_when_the_first_is_final(engine: Driven) -> None:
    engine.apply(within(quantity="0.1"), ordinary())
    assert engine.snapshot(ORDINARY_ID).reject_code == "DUPLICATE_ORDER_ID"
    other = Driven()
    other.apply(lease())
    other.apply(submit(1, order_id=ORDINARY_ID, time_in_force="IOC"))
    assert other.snapshot(ORDINARY_ID).status is OrdStatus.CANCELED
    assert verdict(other, within()) == (OrdStatus.REJECTED, "DUPLICATE_ORDER_ID")


def test_one_that_was_rejected_has_taken_nothing(engine: Driven) -> None:
    assert verdict(engine, within(quantity="11"))[0] is OrdStatus.REJECTED
    assert not engine.state.has_taken(LEASED_ID)
    assert verdict(engine, ordinary()) == (OrdStatus.NEW, None)
    assert engine.state.has_taken(ORDINARY_ID)


def test_an_order_whose_time_is_over_when_its_turn_comes_never_reaches_the_book(engine: Driven) -> None:
    now_ns = engine.state.last_at_ns
    assert verdict(engine, submit(2, valid_until_ns=now_ns)) == (OrdStatus.REJECTED, "CAME_TOO_LATE")
    assert verdict(engine, submit(3, valid_until_ns=now_ns + 2)) == (OrdStatus.NEW, None)
    assert replayed(engine.rows).state_hash() == engine.state.state_hash()
