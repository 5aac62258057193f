from typing import Any

import numpy as np
import pytest
from matching_core import (
    COMMAND,
    EVENT,
    FIRM_SELF_TRADE,
    LEASED,
    POST_ONLY,
    EventKind,
    Kind,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
    Type,
)

from tests.unit.matching_core.commands import SYMBOL, lease_of, listed_core, submits


def test_a_single_call_does_what_the_command_in_a_batch_does() -> None:
    single, batch = listed_core(), listed_core()
    fields: dict[str, Any] = {"time_in_force": TimeInForce.IOC, "flags": FIRM_SELF_TRADE, "session": 9}
    assert single.submit_limit(1, SYMBOL, 3, Side.SELL, 101, 7, at_ns=5) == 1
    assert single.submit_limit(2, SYMBOL, 4, Side.BUY, 101, 5, at_ns=6, self_trade=SelfTrade.CANCEL_BOTH, **fields) == 2
    cancel = np.zeros(1, COMMAND)
    cancel["kind"], cancel["order_id"], cancel["at_ns"] = Kind.CANCEL, 1, 7
    assert single.cancel(1, at_ns=7) == 1
    commands = [
        submits(account=3, side=Side.SELL, price=101, quantity=7, at_ns=5),
        submits(order_id=[2], account=4, price=101, quantity=5, at_ns=6, self_trade=SelfTrade.CANCEL_BOTH, **fields),
        cancel,
    ]
    expected = batch.apply(np.concatenate(commands))
    assert single.state_hash() == batch.state_hash()
    assert single.now_ns == 7
    assert single.events().tolist() == [(*expected[-1].tolist()[:7], 0, *expected[-1].tolist()[8:])]


def test_events_are_those_of_the_last_single_call_only() -> None:
    core = listed_core()
    assert core.events().shape == (0,)
    assert core.submit_limit(1, SYMBOL, 0, Side.BUY, 100, 5) == 1
    kept = core.events()
    core.apply(submits(order_id=[7]))
    assert core.events().tobytes() == kept.tobytes()
    assert core.cancel(8) == 1
    assert core.events()["kind"].tolist() == [EventKind.CANCEL_REJECTED]
    assert kept["kind"].tolist() == [EventKind.ACCEPTED]  # A copy of its own.
    assert kept.dtype == EVENT


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, lambda command: command, lambda command: command[0]])
def test_one_command_may_be_bytes_or_an_element_of_an_array(form: object) -> None:
    command = submits()
    assert callable(form)
    record = form(command.tobytes() if isinstance(form, type) else command)
    core = listed_core()
    assert core.apply_one(record) == 1
    assert core.order(1) is not None


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (b"", ValueError),
        (bytes(127), ValueError),
        (bytes(129), ValueError),
        (submits(order_id=[1, 2]), ValueError),
        (None, TypeError),
        (1, TypeError),
        ("x" * 128, TypeError),
    ],
)
def test_one_command_of_another_form_is_refused(record: object, error: type[Exception]) -> None:
    core = listed_core()
    with pytest.raises(error):
        core.apply_one(record)  # type: ignore[arg-type]  # That is what is tested.
    assert core.live_orders == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (-1, 1, 0, Side.BUY, 1, 1),
        (2**64, 1, 0, Side.BUY, 1, 1),
        (1, 2**32, 0, Side.BUY, 1, 1),
        (1, 1, 0, 3, 1, 1),
        (1, 1, 0, Side.BUY, 2**63, 1),
        (1, 1, 0, Side.BUY, 1.0, 1),
        (1, 1, 0, Side.BUY, 1, "1"),
    ],
)
def test_a_number_that_does_not_fit_its_field_is_a_type_error(arguments: tuple[int, ...]) -> None:
    core = listed_core()
    with pytest.raises(TypeError):
        core.submit_limit(*arguments)  # type: ignore[arg-type]  # That is what is tested.
    assert core.live_orders == 0


def test_a_live_order_is_told_as_it_is_now() -> None:
    core = listed_core()
    core.submit_limit(5, SYMBOL, 3, Side.SELL, 101, 7, session=2)
    core.submit_limit(6, SYMBOL, 0, Side.BUY, 101, 4, time_in_force=TimeInForce.IOC)
    order = core.order(5)
    assert order is not None
    assert (order.order_id, order.symbol, order.account, order.session) == (5, SYMBOL, 3, 2)
    assert (order.side, order.type, order.time_in_force) == (Side.SELL, Type.LIMIT, TimeInForce.GTC)
    assert (order.price, order.quantity, order.leaves, order.resting, order.venue) == (101, 7, 3, True, 0)
    assert core.order(6) is None


def test_depth_is_best_first_and_no_longer_than_asked_for() -> None:
    core = listed_core()
    core.apply(submits(price=[98, 100, 99, 100], quantity=[1, 2, 3, 4]))
    assert core.depth(SYMBOL, Side.BUY, 2) == [(100, 6, 2), (99, 3, 1)]
    assert core.depth(SYMBOL, Side.BUY, 0) == []
    assert core.depth(SYMBOL, Side.SELL, 10) == []
    with pytest.raises(IndexError):
        core.depth(2, Side.BUY, 1)


def test_a_refusal_of_a_single_call_has_its_reason() -> None:
    core = listed_core()
    core.submit_limit(1, SYMBOL, 0, Side.SELL, 100, 1)
    assert core.submit_limit(2, SYMBOL, 0, Side.BUY, 100, 1, flags=POST_ONLY) == 1
    assert core.events()["reason"].tolist() == [Reason.POST_ONLY_WOULD_TAKE]


def test_a_core_tells_what_it_holds() -> None:
    core = listed_core()
    empty_bytes = core.memory_bytes
    core.apply(submits(order_id=range(1, 200_001)))
    assert core.live_orders == 200_000
    assert core.memory_bytes > empty_bytes


def test_a_lease_is_told_as_it_is_now() -> None:
    core = listed_core()
    terms = {"buy_granted": 10, "sell_granted": 20, "price_high": 300, "orders_max": 4, "expires_at_ns": 5}
    answer = core.apply(lease_of(3, version=7, **terms))[-1]
    assert (answer["kind"], answer["maker_id"], answer["price"], answer["quantity"]) == (EventKind.LEASE_SET, 7, 10, 20)
    assert core.submit_limit(1, SYMBOL, 3, Side.BUY, 100, 8, flags=LEASED) == 1
    assert core.submit_limit(2, SYMBOL, 3, Side.SELL, 101, 6, flags=LEASED) == 1
    assert core.submit_limit(3, SYMBOL, 0, Side.SELL, 100, 3) == 2
    lease = core.lease(3, SYMBOL)
    assert lease is not None
    assert lease.version == 7
    assert {name: getattr(lease, name) for name in terms} == terms
    assert (lease.buy_filled, lease.buy_open, lease.sell_filled, lease.sell_open) == (3, 5, 0, 6)
    assert lease.live_orders == 2
    assert core.lease(3, 2) is None
    assert core.lease(2, SYMBOL) is None


def test_a_single_call_that_the_lease_does_not_cover_is_refused() -> None:
    core = listed_core()
    core.apply(lease_of(3, version=1, buy_granted=10, price_high=300, orders_max=4, expires_at_ns=5))
    core.submit_limit(1, SYMBOL, 3, Side.BUY, 100, 11, flags=LEASED)
    assert core.events()["reason"].tolist() == [Reason.LEASE_EXHAUSTED]
    core.submit_limit(1, SYMBOL, 3, Side.BUY, 100, 1, at_ns=5, flags=LEASED)
    assert core.events()["reason"].tolist() == [Reason.LEASE_EXPIRED]
