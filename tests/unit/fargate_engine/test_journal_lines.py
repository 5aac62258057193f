"""What `breakwater journal show` makes of commands and their details, whatever somebody wrote into them."""

from typing import Any

import matching_core
import numpy as np
import orjson
import pytest
from matching_core import EventKind, Kind

from breakwater.db.journal import JournalRow
from breakwater.domain.orders import TimeInForce
from fargate_engine.journal_lines import CommandLine, command_lines
from fargate_engine.records import Records
from fargate_engine.registry import Registry
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.leases import lease
from tests.unit.fargate_engine.orders import ACCOUNT, TENANT, submit


def line_with(details: Any) -> CommandLine:
    command = np.zeros(1, matching_core.COMMAND)
    command["seq"], command["kind"], command["order_id"] = 7, Kind.VENUE_REJECTED, 3
    told = orjson.dumps([[0, "VenueRejected", details]]).decode()
    return line_of(command, told, np.zeros(0, matching_core.EVENT))


def line_of(command: Records, told: str, events: Records) -> CommandLine:
    row = JournalRow(
        shard=0,
        seq=7,
        last_seq=7,
        epoch=1,
        recorded_at_ns=0,
        commands=command.tobytes(),
        details=told,
        event_seq=0,
        state_hash=None,
    )
    (line,) = command_lines(row, events, Registry())
    return line


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"code": "NO", "reason": "not today"}, " NO: not today"),
        ({"reason": "not today"}, " not today"),
        ({"code": "NO", "reason": None}, " NO"),
        ({"code": None, "reason": None}, ""),
        ({"code": 5, "reason": {"why": 1}}, " 5: {'why': 1}"),
        ({"reason": ["UNKNOWN_VENUE", "MOON is none"]}, " UNKNOWN_VENUE: MOON is none"),
        ({"reason": [None, 17]}, " 17"),
        ({"reason": []}, ""),
        ({"order": 5, "fee": "1"}, " fee=1"),
        ({}, ""),
        (["no", "object"], ""),
        ("text", ""),
        (None, ""),
    ],
)
def test_details_that_lack_anything_are_shown_as_far_as_they_go(details: Any, said: str) -> None:
    line = line_with(details)
    assert line.as_text() == f" 0        7  1970-01-01 00:00:00.000000000  VENUE_REJECTED #3{said}"
    assert line.as_json()["command"].get("details") == details


def test_words_of_others_cannot_forge_a_line_or_move_the_cursor() -> None:
    text = line_with({"code": "NO\n 0        8  forged", "reason": "\x1b[2Jgone \u202e back"}).as_text()
    assert text.endswith(r"NO\n 0        8  forged: \x1b[2Jgone \u202e back")
    assert text.isprintable()


def test_a_lease_and_what_became_of_it_are_told_by_name() -> None:
    lease = np.zeros(1, matching_core.LEASE_COMMAND)
    for name, value in {"seq": 7, "kind": Kind.SET_LEASE, "symbol": 4, "account": 3, "version": 9}.items():
        lease[name] = value
    lease["buy_granted"], lease["price_high"], lease["orders_max"], lease["expires_at_ns"] = 50, 200, 6, 1_000
    events = np.zeros(1, matching_core.EVENT)
    events["seq"], events["kind"], events["symbol"], events["maker_id"] = 2, EventKind.LEASE_SET, 4, 9
    events["price"], events["quantity"], events["leaves"], events["maker_leaves"] = 50, 10, 20, 10
    command, event = line_of(lease.view(matching_core.COMMAND), "", events).as_text().splitlines()
    assert command.endswith(
        "SET_LEASE symbol 4 account=3 version=9 buy_granted=50 lots sell_granted=0 lots price_high=200 ticks "
        "orders_max=6 expires_at_ns=1000"
    )
    assert event.strip() == (
        "2 LEASE_SET version=9 buy_granted=50 lots sell_granted=10 lots buy_filled=20 lots sell_filled=10 lots"
    )


def test_an_order_that_ends_at_a_time_is_told_with_it_and_its_cancel_with_whose_it_is() -> None:
    engine, order = Driven(), submit(1, venue="SIM", time_in_force=TimeInForce.DAY, expire_at_ns=90)
    engine.apply(order)
    engine.end_orders(90)
    registry, events = engine.state.registry, np.zeros(0, matching_core.EVENT)
    lines = [line.as_text() for row in engine.rows[-2:] for line in command_lines(row, events, registry)]
    submitted, canceled = lines[-2:]
    assert " time_in_force=GTD expire_at_ns=90 " in submitted
    assert f"CANCEL #3 order_id={order.order_id}" in canceled


def test_an_account_that_nobody_is_known_behind_is_told_by_its_number() -> None:
    account = np.zeros(1, matching_core.ACCOUNT_COMMAND)
    account["seq"], account["kind"], account["account"], account["firm"] = 7, Kind.SET_ACCOUNT, 3, 2
    line = line_of(account.view(matching_core.COMMAND), "", np.zeros(0, matching_core.EVENT))
    assert line.as_text().endswith("SET_ACCOUNT account=3 firm=2")


def test_accounts_firms_and_leases_are_told_with_their_names_and_amounts() -> None:
    driven = Driven()
    driven.apply(lease(version=3, price_high="2500", buy_granted="10", sell_granted="0.5"))
    state = replayed(driven.rows[:1])
    account, granted = command_lines(driven.rows[1], state.replay(driven.rows[1]), state.registry)
    assert account.as_json()["command"] == {
        "what": "SET_ACCOUNT",
        "account": 1,
        "account_id": str(ACCOUNT),
        "firm": 1,
        "tenant_id": str(TENANT),
    }
    assert account.as_json()["events"] == [{"event": 2, "what": "UPDATED"}]
    command, event = granted.as_text().splitlines()
    assert command.endswith(
        f"SET_LEASE ETH/USDT account=1 account_id={ACCOUNT} version=3 buy_granted=10 sell_granted=0.5"
        " price_high=2500.00 orders_max=5 expires_at_ns=1000000000000000000"
    )
    assert event.strip() == "3 LEASE_SET version=3 buy_granted=10 sell_granted=0.5 buy_filled=0 sell_filled=0"
