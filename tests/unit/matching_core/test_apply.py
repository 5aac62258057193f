import numpy as np
import pytest
from matching_core import (
    ACCOUNT_COMMAND,
    COMMAND,
    EVENT,
    HOLDING_COMMAND,
    INSTRUMENT_COMMAND,
    LEASE_COMMAND,
    PRICE_MAX,
    QUANTITY_MAX,
    EventKind,
    Kind,
    MatchingCore,
    Reason,
    Side,
)

from tests.unit.matching_core.commands import SYMBOL, listed_core, listing, random_flow, submits


def test_the_events_of_a_batch_say_which_command_they_answer() -> None:
    core = listed_core()
    events = core.apply(submits(side=[Side.SELL, Side.SELL, Side.BUY], quantity=[4, 6, 7]))
    assert events.dtype == EVENT
    assert events["kind"].tolist() == [EventKind.ACCEPTED] * 3 + [EventKind.TRADED] * 2
    assert events["command"].tolist() == [0, 1, 2, 2, 2]
    assert events["maker_id"].tolist() == [0, 0, 0, 1, 2]
    assert events["maker_leaves"].tolist() == [0, 0, 0, 0, 3]
    assert core.next_event_seq == events["seq"][-1] + 2  # A trade is two changes.


def test_the_same_commands_give_the_same_bytes_however_they_are_cut() -> None:
    flow = random_flow(3_000, seed=11)
    whole, pieces, singles = listed_core(), listed_core(orders=1), listed_core()
    events = whole.apply(flow)
    in_pieces = [pieces.apply(piece) for piece in np.array_split(flow, 7)]
    one_by_one = []
    for command in flow:
        singles.apply_one(command)
        one_by_one.append(singles.events())
    without_index = events.copy()
    without_index["command"] = 0
    for others in (in_pieces, one_by_one):
        joined = np.concatenate(others)
        joined["command"] = 0
        assert joined.tobytes() == without_index.tobytes()
    assert whole.state_hash() == pieces.state_hash() == singles.state_hash()
    assert whole.snapshot() == pieces.snapshot() == singles.snapshot()
    assert {*events["kind"]} >= {EventKind.ACCEPTED, EventKind.TRADED, EventKind.CANCELED, EventKind.CANCEL_REJECTED}


def test_nothing_in_nothing_out() -> None:
    core = listed_core()
    before = core.state_hash()
    events = core.apply(np.zeros(0, COMMAND))
    assert events.shape == (0,)
    assert events.dtype == EVENT
    assert core.state_hash() == before


def test_events_outlive_their_core_and_cannot_be_written_to() -> None:
    core = listed_core()
    events = core.apply(submits(order_id=range(1, 1_001)))
    del core
    assert events["order_id"].tolist() == list(range(1, 1_001))
    with pytest.raises(ValueError, match="read-only"):
        events["price"] = 1


@pytest.mark.parametrize("dtype", [COMMAND, INSTRUMENT_COMMAND, ACCOUNT_COMMAND, HOLDING_COMMAND, LEASE_COMMAND])
def test_a_command_array_may_be_seen_as_any_of_the_five_dtypes(dtype: np.dtype[np.void]) -> None:
    core = MatchingCore()
    assert core.apply(listing().view(dtype))["kind"].tolist() == [EventKind.UPDATED]
    assert core.apply(submits().view(dtype))["kind"].tolist() == [EventKind.ACCEPTED]


def test_commands_may_be_read_only_as_they_come_from_a_journal() -> None:
    core = listed_core()
    journalled = np.frombuffer(submits(order_id=[1, 2]).tobytes(), COMMAND)
    assert not journalled.flags.writeable
    assert len(core.apply(journalled)) == 2


@pytest.mark.parametrize(
    "not_commands",
    [
        None,
        b"\0" * 128,
        [],
        bytearray(128),
        memoryview(bytes(128)),
        np.zeros(1, EVENT),
        np.zeros(128, np.uint8),
        np.zeros(16, np.int64),
        np.zeros(1, COMMAND.newbyteorder(">")),
        np.zeros(1, COMMAND)[0],
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}"[:24],
)
def test_what_is_no_array_of_commands_is_a_type_error(not_commands: object) -> None:
    with pytest.raises(TypeError):
        listed_core().apply(not_commands)  # type: ignore[arg-type]  # That is what is tested.


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (submits(order_id=[1, 2, 3])[::2], "contiguous"),
        (submits(order_id=[1, 2])[::-1], "contiguous"),
        (submits().reshape(()), "one dimension"),
        (submits(order_id=[1, 2]).reshape(2, 1), "one dimension"),
        (np.frombuffer(b"\0" * 129, np.uint8)[1:].view(COMMAND), "aligned"),
    ],
    ids=["every other", "backwards", "no dimension", "two dimensions", "between words"],
)
def test_an_array_of_another_layout_is_a_value_error_and_changes_nothing(
    commands: np.ndarray[tuple[int, ...], np.dtype[np.void]], message: str
) -> None:
    core = listed_core()
    before = core.state_hash()
    with pytest.raises(ValueError, match=message):
        core.apply(commands)
    assert core.state_hash() == before


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price": PRICE_MAX + 1}, Reason.INVALID_PRICE),
        ({"price": -(2**63)}, Reason.INVALID_PRICE),
        ({"price": 0}, Reason.INVALID_PRICE),
        ({"quantity": QUANTITY_MAX + 1}, Reason.INVALID_QUANTITY),
        ({"quantity": 2**63 - 1}, Reason.INVALID_QUANTITY),
        ({"quantity": -1}, Reason.INVALID_QUANTITY),
        ({"symbol": 2**32 - 1}, Reason.UNKNOWN_SYMBOL),
        ({"order_id": 0}, Reason.DUPLICATE_ORDER_ID),
        ({"side": 0}, Reason.INVALID_TERMS),
        ({"type": 255}, Reason.INVALID_TERMS),
        ({"time_in_force": 9}, Reason.INVALID_TERMS),
        ({"flags": 128}, Reason.INVALID_TERMS),
        ({"kind": 0}, Reason.INVALID_TERMS),
        ({"kind": 255}, Reason.INVALID_TERMS),
    ],
    ids=lambda value: value.name if isinstance(value, Reason) else str(value),
)
def test_a_number_out_of_range_is_answered_by_an_event(fields: dict[str, int], reason: Reason) -> None:
    core = listed_core()
    events = core.apply(submits(**fields))
    assert [(event["kind"], event["reason"]) for event in events] == [(EventKind.REJECTED, reason)]
    assert core.live_orders == 0


def test_the_largest_orders_rest_and_trade_without_an_overflow() -> None:
    core = listed_core()
    resting = core.apply(submits(order_id=range(1, 40_001), price=PRICE_MAX, quantity=QUANTITY_MAX))
    assert set(resting["kind"].tolist()) == {EventKind.ACCEPTED}  # Together more than 63 bits.
    (level,) = core.depth(SYMBOL, Side.BUY, 5)
    assert level[0] == PRICE_MAX
    assert level[1] == min(40_000 * QUANTITY_MAX, 2**63 - 1)
    assert level[2] == 40_000
    sold = core.apply(submits(order_id=[50_000], side=Side.SELL, price=PRICE_MAX, quantity=QUANTITY_MAX))
    assert sold["kind"].tolist() == [EventKind.ACCEPTED, EventKind.TRADED]


def test_a_position_that_would_not_fit_is_refused() -> None:
    core = listed_core()
    account = np.zeros(1, ACCOUNT_COMMAND)
    account["kind"], account["account"] = Kind.SET_ACCOUNT, 7
    holding = np.zeros(1, HOLDING_COMMAND)
    holding["kind"], holding["account"], holding["symbol"] = Kind.SET_HOLDING, 7, SYMBOL
    holding["position"] = 2**61 - 1
    core.apply(np.concatenate([account.view(COMMAND), holding.view(COMMAND)]))
    assert core.position(7, SYMBOL) == 2**61 - 1
    events = core.apply(submits(account=7, quantity=1))
    assert [(event["kind"], event["reason"]) for event in events] == [(EventKind.REJECTED, Reason.OVERFLOW)]


def test_a_full_core_says_so_and_has_room_again_after_a_cancel() -> None:
    core = listed_core(orders=2, orders_max=2)
    assert core.apply(submits(order_id=[1, 2, 3]))["reason"].tolist() == [0, 0, Reason.CORE_FULL]
    assert core.cancel(1) == 1
    assert core.apply(submits(order_id=[4]))["kind"].tolist() == [EventKind.ACCEPTED]


@pytest.mark.parametrize(
    ("capacity", "error"),
    [({"orders": 3, "orders_max": 2}, ValueError), ({"orders": -1}, TypeError), ({"orders_max": 2**32}, TypeError)],
)
def test_a_capacity_that_makes_no_sense_is_refused(capacity: dict[str, int], error: type[Exception]) -> None:
    with pytest.raises(error):
        MatchingCore(**capacity)
