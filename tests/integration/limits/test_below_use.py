"""A limit that comes below what is in use: whoever or whatever brings it there, its node only reduces from then on."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.db.connection import Database
from breakwater.domain.orders import OrdStatus
from breakwater.domain.permissions import Caller
from breakwater.services import brakes, limit_settings, overrides
from breakwater.services.brakes import StateChange
from breakwater.services.limits import settle
from breakwater.services.overdrawn import Booked, reduce_where_over
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, order_of, reserve_and_record, set_reference, snapshot_of
from tests.integration.limits.people import change, events_of, limit, node, override, risk_manager
from tests.integration.limits.test_watch import watch_of

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class Desk:
    """Who manages the risk of a firm, and what the watch does for him. Each act is a transaction of its own."""

    def __init__(self, database: Database, urls: DatabaseUrls, firm: Firm) -> None:
        self.database, self.urls, self.firm = database, urls, firm
        self.risk, self.ada = risk_manager(firm), risk_manager(firm, "ada")

    def do[T](self, work: Callable[[Any], T]) -> T:
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            return work(tx)

    def filled(self, quantity: str) -> None:
        order = order_of(self.firm, quantity=quantity)
        self.do(lambda tx: reserve_and_record(tx, order))
        self.do(lambda tx: settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, quantity)))

    def limit(self, limit_type: str, value: str, **more: Any) -> Any:
        return self.do(lambda tx: limit(tx, self.risk, more.pop("node_id", self.firm.desk), limit_type, value, **more))

    def override(self, limit_id: str, value: str, *, approved_at: datetime = NOW, **more: Any) -> Any:
        """Asked for by one, and approved by the other at once."""
        told = self.do(lambda tx: override(tx, self.risk, limit_id, value, **more))
        return self.do(lambda tx: overrides.approve_override(uuid.UUID(told["override_id"]), self.ada, tx, approved_at))

    def end(self, told: Any, at: datetime = NOW) -> Any:
        return self.do(lambda tx: overrides.end_override(uuid.UUID(told["override_id"]), self.risk, tx, at))

    def rearm(self, at: datetime) -> None:
        self.do(lambda tx: brakes.rearm(StateChange(node_id=self.firm.desk, reason="seen"), self.risk, tx, at))

    def watch(self, at: datetime) -> None:
        told: list[str] = []
        watch_of(self.database, told=told).run_round(at)
        assert told == []

    def state(self, node_id: uuid.UUID | None = None) -> tuple[str, str | None]:
        found = self.do(lambda tx: tx.limits.node(node_id or self.firm.desk, NOW))
        return found.state, found.state_reason

    def due(self) -> int:
        return len(self.do(lambda tx: tx.limit_settings.uses_due(NOW + timedelta(days=30))))


@pytest.fixture
def desk(database: Database, database_urls: DatabaseUrls, firm: Firm) -> Desk:
    return Desk(database, database_urls, firm)


ACTIVE = ("ACTIVE", None)


def test_a_tighter_override_that_is_approved_brings_its_node_to_only_reduce_and_says_so(desk: Desk) -> None:
    limit_id = desk.limit("LONG_POSITION", "500")["limit_id"]
    desk.filled("30")
    assert desk.override(limit_id, "30")["warnings"] == []
    assert desk.state() == ACTIVE
    told = desk.override(limit_id, "29", approved_at=NOW + SECOND)
    assert told["warnings"] == ["it is below what is in use: 30; Firm desk only reduces until it is re-armed"]
    assert desk.state() == ("REDUCE_ONLY", "LONG_POSITION was overridden with 29, below what is in use")


def test_an_override_that_begins_later_does_so_when_it_begins(desk: Desk) -> None:
    limit_id = desk.limit("LONG_POSITION", "500")["limit_id"]
    desk.filled("30")
    assert desk.override(limit_id, "29", starts_at=NOW + HOUR / 2)["warnings"] == []
    desk.watch(NOW + HOUR / 2 - SECOND)
    assert desk.state() == ACTIVE
    desk.watch(NOW + HOUR / 2)
    assert desk.state() == ("REDUCE_ONLY", "LONG_POSITION is now 29, below what is in use")


def test_an_override_that_will_give_room_to_what_is_over_stops_nothing_when_it_is_approved(desk: Desk) -> None:
    desk.filled("30")
    limit_id = desk.limit("LONG_POSITION", "20")["limit_id"]
    desk.rearm(NOW)
    assert desk.override(limit_id, "40", starts_at=NOW + HOUR / 2)["warnings"] == []
    desk.watch(NOW + HOUR / 2)
    assert desk.state()[0] == "ACTIVE"


def test_an_override_whose_room_is_used_does_so_when_its_time_is_over(desk: Desk) -> None:
    limit_id = desk.limit("LONG_POSITION", "50")["limit_id"]
    desk.override(limit_id, "80")
    desk.filled("78")
    desk.watch(NOW + HOUR - SECOND)
    assert desk.state() == ACTIVE
    desk.watch(NOW + HOUR)
    assert desk.state() == ("REDUCE_ONLY", "LONG_POSITION is now 50, below what is in use")
    (event,) = desk.do(lambda tx: events_of(tx, "limits.NodeStateChanged.v1"))
    assert (event["state"], event["changed_by"]) == ("REDUCE_ONLY", "watch")
    # A person has looked at it: it is not stopped again, for the moment is over.
    desk.rearm(NOW + HOUR + SECOND)
    desk.watch(NOW + HOUR + 2 * SECOND)
    assert (desk.state()[0], desk.due()) == ("ACTIVE", 0)


def test_an_override_whose_room_is_used_does_so_when_somebody_ends_it(desk: Desk) -> None:
    limit_id = desk.limit("LONG_POSITION", "50")["limit_id"]
    told = desk.override(limit_id, "80")
    desk.filled("78")
    ended = desk.end(told)
    assert ended["warnings"] == ["it is below what is in use: 78; Firm desk only reduces until it is re-armed"]
    assert desk.state() == ("REDUCE_ONLY", "LONG_POSITION is again 50, below what is in use")
    assert desk.end(told)["warnings"] == []


def test_a_limit_that_is_set_under_an_override_is_judged_as_the_override_has_it_until_that_ends(desk: Desk) -> None:
    desk.override(desk.limit("LONG_POSITION", "10")["limit_id"], "80")
    desk.filled("50")
    assert desk.limit("LONG_POSITION", "20")["warnings"] == []
    assert desk.state() == ACTIVE
    desk.watch(NOW + HOUR)
    assert desk.state() == ("REDUCE_ONLY", "LONG_POSITION is now 20, below what is in use")


def test_an_override_whose_room_is_not_used_ends_without_a_word(desk: Desk) -> None:
    limit_id = desk.limit("LONG_POSITION", "50")["limit_id"]
    desk.override(limit_id, "80")
    desk.filled("50")
    desk.watch(NOW + HOUR)
    assert (desk.state(), desk.due()) == (ACTIVE, 0)


def test_a_request_that_is_taken_back_or_runs_out_unapproved_stops_nothing(desk: Desk) -> None:
    limit_id = desk.limit("LONG_POSITION", "50")["limit_id"]
    desk.filled("30")
    desk.limit("LONG_POSITION", "20")
    desk.rearm(NOW)
    told = desk.do(lambda tx: override(tx, desk.risk, limit_id, "40"))
    assert desk.end(told)["warnings"] == []
    desk.do(lambda tx: override(tx, desk.risk, limit_id, "40"))
    desk.watch(NOW + HOUR)
    assert desk.state()[0] == "ACTIVE"


def test_a_dated_limit_below_what_is_in_use_does_so_when_it_begins(desk: Desk) -> None:
    desk.limit("LONG_POSITION", "50", valid_until=NOW + HOUR)
    assert desk.limit("LONG_POSITION", "20", valid_from=NOW + HOUR)["warnings"] == []
    desk.filled("30")
    desk.watch(NOW + HOUR - SECOND)
    assert desk.state() == ACTIVE
    desk.watch(NOW + HOUR)
    assert desk.state() == ("REDUCE_ONLY", "LONG_POSITION is now 20, below what is in use")


def test_a_dated_limit_that_only_warns_or_was_deleted_stops_nothing(desk: Desk) -> None:
    desk.filled("30")
    desk.limit("LONG_POSITION", "20", valid_from=NOW + HOUR, action="WARN")
    gone = desk.limit("LONG_POSITION", "20", valid_from=NOW + HOUR, instrument="ETH/USDT")
    desk.do(lambda tx: limit_settings.delete_limit(uuid.UUID(gone["limit_id"]), desk.risk, tx, NOW))
    desk.watch(NOW + HOUR)
    assert (desk.state(), desk.due()) == (ACTIVE, 0)


def test_a_node_that_moves_below_a_smaller_limit_brings_what_is_above_it_now_to_only_reduce(desk: Desk) -> None:
    firm = desk.firm
    desk.filled("30")
    small, large = (desk.do(lambda tx, name=name: node(tx, desk.risk, firm.firm, "DESK", name)) for name in ("s", "l"))  # type: ignore[misc]
    for above, value in ((small, "29"), (large, "30")):
        desk.limit("LONG_POSITION", value, node_id=above)
        desk.limit("GROSS_NOTIONAL", "59999" if above == small else "60000", node_id=above)
    # What is above both its old and its new place has no more than before.
    desk.limit("LONG_POSITION", "10", node_id=firm.firm)
    desk.do(lambda tx: brakes.rearm(StateChange(node_id=firm.firm, reason="seen"), desk.risk, tx, NOW))
    trader = firm.path[2]
    assert desk.do(lambda tx: change(tx, desk.risk, trader, parent_id=large))["warnings"] == []
    told = desk.do(lambda tx: change(tx, desk.risk, trader, parent_id=small))
    assert told["warnings"] == [
        "LONG_POSITION of s is below what is in use: 30; s only reduces until it is re-armed",
        "GROSS_NOTIONAL of s is below what is in use: 60000",
    ]
    reason = "LONG_POSITION since Firm trader moved here is 29, below what is in use"
    assert desk.state(small) == ("REDUCE_ONLY", reason)
    assert [desk.state(each)[0] for each in (large, firm.firm, trader)] == ["ACTIVE"] * 3


def test_where_no_fresh_price_tells_the_use_it_is_looked_at_again_until_one_does(desk: Desk) -> None:
    desk.filled("30")
    later = NOW + timedelta(minutes=1)
    told = desk.limit("GROSS_NOTIONAL", "59999", at=later)
    missing = "whether it is below what is in use is looked at again: a fresh price of ETH/USDT is missing"
    assert (told["warnings"], desk.state()) == ([missing], ACTIVE)
    at = later + SECOND  # A fill that nobody asked for finds it missing, too: one look is enough.
    desk.do(
        lambda tx: reduce_where_over(tx, [desk.firm.desk], Booked("a fill", ()), by="venue", correlation_id="c", at=at)
    )
    for seconds in (5, 10):  # It is still missing.
        desk.watch(later + seconds * SECOND)
        assert (desk.state(), desk.due()) == (ACTIVE, 1)
    fresh = later + 15 * SECOND
    set_reference(desk.urls.admin, Decimal(2000), fresh)
    desk.watch(fresh)
    assert desk.state() == ("REDUCE_ONLY", "GROSS_NOTIONAL is now 59999, below what is in use")
    assert desk.due() == 0


def test_two_watches_beside_each_other_stop_it_once(desk: Desk, risk: Caller) -> None:
    desk.limit("LONG_POSITION", "20", valid_from=NOW + HOUR)
    desk.filled("30")
    desk.watch(NOW + HOUR)
    desk.do(lambda tx: brakes.rearm(StateChange(node_id=desk.firm.desk, reason="seen"), risk, tx, NOW + HOUR))
    desk.watch(NOW + HOUR)
    assert desk.state()[0] == "ACTIVE"
