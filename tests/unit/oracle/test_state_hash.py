"""The state hash and the records' bytes: numbers worked out by hand, and what must change them."""

import pytest

from tests.oracle.core import Oracle
from tests.oracle.records import (
    LEASED,
    Command,
    Event,
    EventKind,
    InstrumentTerms,
    Kind,
    Reason,
    Side,
    command_bytes,
    command_from_bytes,
    event_bytes,
)
from tests.support.core_commands import at, list_instrument, of_symbol, set_account, set_holding, set_lease, submit


def folded(*words: int) -> int:
    hashed = 0xCBF29CE484222325
    for word in words:
        hashed = (hashed ^ word % 2**64) * 0x9E3779B97F4A7C15 % 2**64
        hashed ^= hashed >> 32
    return hashed


def test_the_hash_of_a_new_core_is_that_of_its_four_counters() -> None:
    assert Oracle().state_hash() == folded(0, 1, 1, 0)


def test_the_hash_walks_instruments_accounts_holdings_leases_and_orders_in_their_order() -> None:
    oracle = Oracle()
    oracle.apply_batch(
        [
            list_instrument(2, tick=5, collar_bps=100),
            set_account(8, firm=3),
            set_holding(8, position=-4, symbol=2),
            set_lease(8, 3, 2, buy_granted=7, sell_granted=20, price_high=60, orders_max=4, expires_at_ns=99),
            submit(77, Side.SELL, 10, 50, symbol=2, account=8, session=6, flags=LEASED, display_quantity=4, at_ns=9),
        ]
    )
    assert oracle.state_hash() == folded(
        *(9, 6, 2, 1),
        *(2, 5, 1, 0, 0, 0, 0, 100, 0, 0, 0),
        *(8, 3, 0, 0, 0, 0, 0, 1, 0, 0),
        *(8, 2, -4, 0, 0, 10),
        *(8, 2, 3, 7, 20, 60, 4, 99, 0, 0, 0, 0, 0, 0, 0, 10, 1),
        *(77, 1, 50, 0, 10, 4, 8, 6, 2 | 1 << 8 | 1 << 16 | 16 << 24, 0, 0, 4, 0, 0),
    )


@pytest.mark.parametrize(
    "command",
    [
        at(1),
        list_instrument(1, quantity_max=9),
        list_instrument(2),
        set_account(2),
        set_holding(1, position=1),
        set_lease(1),
        of_symbol(Kind.SET_MARK, price=7),
        of_symbol(Kind.HALT),
        submit(1, Side.BUY, 1, 1),
        Command(Kind.CANCEL, order_id=9),
    ],
)
def test_every_change_of_the_state_changes_the_hash(command: Command) -> None:
    oracle = Oracle()
    oracle.apply_batch([list_instrument(1), set_account(1)])
    before = oracle.state_hash()
    oracle.apply(command)
    assert oracle.state_hash() != before


def test_a_command_keeps_its_fields_through_its_bytes() -> None:
    terms = InstrumentTerms(tick=1, lot=2, price_low=3, price_high=4, quantity_min=5, quantity_max=6, collar_bps=-7)
    command = Command(
        Kind.LIST_INSTRUMENT,
        **dict(zip(("order_id", "symbol", "account", "session"), range(2**31, 2**31 + 4), strict=True)),
        **dict(zip(("side", "type", "time_in_force", "flags", "self_trade"), range(250, 255), strict=True)),
        **{"price": -(2**63), "quantity": 2**63 - 1, "trigger": 1, "venue": 2, "reason": 3, "at_ns": -4, "seq": 5},
        terms=terms,
    )
    assert len(command_bytes(command)) == 128
    assert command_from_bytes(command_bytes(command)) == command


def test_an_event_has_64_bytes() -> None:
    event = Event(1, 2, 3, 4, 5, 6, 7, 8, 9, EventKind.TRADED, Reason.NONE)
    expected = b"".join(number.to_bytes(8, "little") for number in range(1, 8)) + bytes([8, 0, 0, 0, 9, 0, 3, 0])
    assert event_bytes(event) == expected


def test_less_than_a_record_is_no_command() -> None:
    with pytest.raises(ValueError, match="128 bytes"):
        command_from_bytes(bytes(127))
