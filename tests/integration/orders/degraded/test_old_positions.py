"""Orders while fills wait to be booked: up to ten minutes they pass, then they are refused until all is booked."""

from datetime import datetime, timedelta

import pytest
from psycopg.types.json import Jsonb

from breakwater.domain.orders import PlaceOrder
from breakwater.services.projections import project
from events.envelope import Envelope
from events.orders import TradeExecuted
from tests.integration.orders.degraded.conftest import SilentDesk


def trade(silent: SilentDesk, order: PlaceOrder) -> Envelope:
    """The fill, as the engine has told it and nobody has heard of it."""
    desk = silent.desk
    desk.model.fill(order.order_id, order.terms.quantity)
    told = desk.model.events[-1]
    assert told.topic == TradeExecuted.topic
    desk.admin(
        "INSERT INTO trading.events VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        *(told.event_id, told.topic, told.tenant_id, told.account_id, told.aggregate_id, told.correlation_id),
        *(told.occurred_at_ns, Jsonb(told.payload)),
    )
    return told


@pytest.fixture
def unbooked(silent: SilentDesk) -> Envelope:
    """A fill that happened when the test began."""
    desk, at = silent.desk, silent.at()
    first, second = (silent.passes(at=at) for _ in range(2))
    desk.model.now_ns = to_ns(at - timedelta(minutes=1))
    silent.send(first, at)
    project(trade(silent, first), desk.transactions)  # One before it, which is booked.
    desk.model.now_ns = to_ns(at)
    silent.send(second, at)
    return trade(silent, second)


def to_ns(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000


def test_positions_of_exactly_ten_minutes_ago_are_good_enough(silent: SilentDesk, unbooked: Envelope) -> None:
    silent.passes(at=silent.at(minutes=10))
    assert silent.told_modes() == []


def test_older_ones_refuse_the_order_and_tell_once(silent: SilentDesk, unbooked: Envelope) -> None:
    for _ in range(3):
        refusal = silent.refused(at=silent.at(minutes=10) + timedelta(microseconds=1))
        assert refusal.code == "POSITIONS_STALE"
        assert refusal.extensions["suggested_action"] == "retry_in_minutes"
    assert silent.told_modes() == [("NORMAL", "STALE", 0)]


def test_once_they_are_booked_orders_pass_and_it_is_told(silent: SilentDesk, unbooked: Envelope) -> None:
    at = silent.at(minutes=11)
    silent.refused(at=at)
    silent.mind(at)
    project(unbooked, silent.desk.transactions)
    silent.passes(at=at)
    silent.mind(silent.at(minutes=12))
    assert silent.told_modes() == [("NORMAL", "STALE", 0), ("STALE", "NORMAL", 0)]


def test_an_account_that_has_not_traded_for_long_is_not_stale(silent: SilentDesk, unbooked: Envelope) -> None:
    project(unbooked, silent.desk.transactions)
    silent.passes(at=silent.at(minutes=600))


def test_another_account_goes_on(silent: SilentDesk, unbooked: Envelope) -> None:
    at = silent.at(minutes=11)
    order = silent.order(at=at, account=1)
    silent.reserve(order, at)


def test_also_while_the_ledger_is_silent(silent: SilentDesk, unbooked: Envelope) -> None:
    with silent.nodes_held():
        silent.began_at = silent.at(minutes=8)
        silent.become_silent()
        silent.passes(at=silent.at(minutes=2))
        assert silent.refused(at=silent.at(minutes=3)).code == "POSITIONS_STALE"
