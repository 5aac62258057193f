"""Batches of the core's own commands: what may come, and what becomes of it among the orders of the API."""

import uuid
from collections.abc import Callable
from decimal import Decimal

import matching_core
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matching_core import EventKind, Kind

from breakwater.domain.orders import OrdStatus, Side
from breakwater.errors import InvalidRequest
from fargate_engine import records
from fargate_engine.records import FIRST_RECORD_ORDER_ID, RECORDS_MAX, Records, check_records, of_registered_orders
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import submit
from tests.unit.fargate_engine.record_batches import BUY, SELL, cancels, limit_orders


def test_a_command_lies_in_memory_as_the_core_reads_it() -> None:
    fields = {
        "order_id": 3,
        "price": 4,
        "quantity": 5,
        "symbol": 6,
        "account": 7,
        "side": 8,
        "type": 9,
        "time_in_force": 10,
        "flags": 11,
        "self_trade": 12,
        "venue": 13,
        "reason": 14,
        "price_bound": 15,
    }
    (read,) = np.frombuffer(records.command(1, 2, Kind.CANCEL, **fields), matching_core.COMMAND)
    assert (read["seq"], read["at_ns"], read["kind"]) == (1, 2, Kind.CANCEL)
    assert {name: int(read[name]) for name in fields} == fields
    names = matching_core.COMMAND.names
    assert names is not None
    others = set(names) - set(fields) - {"seq", "at_ns", "kind"}
    assert all(not np.void(read[name]).tobytes().strip(b"\0") for name in others)


def test_a_listing_lies_in_memory_as_the_core_reads_it() -> None:
    (read,) = np.frombuffer(records.listing(1, 2, 3), matching_core.INSTRUMENT_COMMAND)
    told = (read["seq"], read["at_ns"], read["kind"], read["symbol"], read["tick"], read["lot"], read["quantity_max"])
    assert told == (1, 2, Kind.LIST_INSTRUMENT, 3, 1, 1, 0)


def test_the_events_of_records_come_back_with_places_in_their_own_batch() -> None:
    driven = Driven()
    first, second = limit_orders([(1, BUY, 100), (2, SELL, 100)]), cancels([1, 9])
    applied = driven.apply(submit(1), first, submit(2), second)
    told = [[(int(event["command"]), int(event["kind"])) for event in events] for events in applied.record_events]
    assert told == [
        [(0, EventKind.ACCEPTED), (1, EventKind.ACCEPTED), (1, EventKind.TRADED)],
        [(0, EventKind.CANCELED), (1, EventKind.CANCEL_REJECTED)],
    ]
    assert list(first["seq"]) == [0, 0], "the caller's array is not written to"
    assert applied.refusals == [None, None]


def test_an_order_of_the_api_trades_with_records_and_is_told_so() -> None:
    driven = Driven()
    driven.apply(submit(1, quantity=Decimal("0.0025")))
    applied = driven.apply(limit_orders([(1, SELL, 200_000), (2, SELL, 200_000)]))
    assert [event["topic"] for event in applied.outcomes.envelopes] == ["trades.TradeExecuted.v1"] * 2
    assert driven.snapshot(submit(1).order_id).cum_qty == Decimal("0.002")
    applied = driven.apply(submit(2, side=Side.SELL, account_id=uuid.UUID(int=3), quantity=Decimal("0.0005")))
    assert driven.snapshot(submit(2).order_id).status is OrdStatus.FILLED
    assert driven.snapshot(submit(1).order_id).status is OrdStatus.FILLED
    assert replayed(driven.rows).state_hash() == driven.state.state_hash()


def test_rows_of_records_have_no_details_and_replay_to_the_same_state() -> None:
    driven = Driven()
    for start in range(1, 1_000, 100):
        driven.apply(limit_orders([(n, BUY if n % 3 else SELL, 200_000 + n % 7) for n in range(start, start + 100)]))
    driven.checkpoint()
    assert all(row.details == "" for row in driven.rows[1:])
    assert replayed(driven.rows).state_hash() == driven.state.state_hash()


def test_what_was_set_of_a_lease_is_no_order_though_its_version_stands_where_a_maker_would() -> None:
    events = np.zeros(2, matching_core.EVENT)
    events["kind"], events["maker_id"] = [EventKind.LEASE_SET, EventKind.TRADED], 5
    assert [event.kind for event in of_registered_orders(events)] == [EventKind.TRADED]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([EventKind.ACCEPTED, EventKind.TRADED, EventKind.LEASE_SET]),
            st.sampled_from([0, 1, FIRST_RECORD_ORDER_ID - 1, FIRST_RECORD_ORDER_ID, 2**64 - 1]),
            st.sampled_from([0, 1, FIRST_RECORD_ORDER_ID - 1, FIRST_RECORD_ORDER_ID, 2**64 - 1]),
        ),
        max_size=records.LOOKED_AT_ONE_BY_ONE_MAX,
    )
)
def test_events_of_orders_of_the_api_are_the_same_in_a_small_batch_and_a_large_one(
    told: list[tuple[EventKind, int, int]],
) -> None:
    events = np.zeros(len(told), matching_core.EVENT)
    for name, values in zip(("kind", "order_id", "maker_id"), zip(*told, strict=True), strict=False):
        events[name] = values
    others = np.zeros(records.LOOKED_AT_ONE_BY_ONE_MAX + 1, matching_core.EVENT)
    assert of_registered_orders(np.concatenate([events, others])) == of_registered_orders(events)


def test_a_mass_cancel_by_records_reaches_the_orders_of_the_api() -> None:
    driven = Driven()
    driven.apply(submit(1), submit(2, venue="SIM"))
    everything = np.zeros(1, matching_core.COMMAND)
    everything["kind"] = Kind.MASS_CANCEL
    applied = driven.apply(everything)
    assert driven.snapshot(submit(1).order_id).reject_code == "MASS_CANCEL"
    assert driven.snapshot(submit(2).order_id).status is OrdStatus.PENDING_CANCEL
    assert len(applied.outcomes.venue_requests) == 1


def with_field(name: str, value: int) -> Callable[[], Records]:
    def make() -> Records:
        batch = limit_orders([(1, BUY, 100)])
        batch[name] = value
        return batch

    return make


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros(3, np.int64),
        lambda: np.zeros((2, 2), matching_core.COMMAND),
        lambda: np.zeros(0, matching_core.COMMAND),
        lambda: limit_orders([(n, BUY, 100) for n in range(RECORDS_MAX + 1)]),
        lambda: np.zeros(1, matching_core.INSTRUMENT_COMMAND),
        with_field("kind", Kind.LIST_INSTRUMENT),
        with_field("kind", Kind.SET_ACCOUNT),
        with_field("kind", Kind.SET_LEASE),
        with_field("kind", Kind.REFUSE),
        with_field("kind", Kind.VENUE_FILLED),
        with_field("kind", 0),
        with_field("kind", 200),
        with_field("order_id", FIRST_RECORD_ORDER_ID - 1),
        with_field("order_id", 0),
        with_field("venue", 1),
    ],
)
def test_records_that_could_harm_others_are_refused_at_the_door(make: Callable[[], Records]) -> None:
    with pytest.raises(InvalidRequest):
        check_records(make())


def test_records_that_may_come_pass() -> None:
    check_records(limit_orders([(n, BUY, 100) for n in range(RECORDS_MAX)]))
    check_records(cancels([0]))
