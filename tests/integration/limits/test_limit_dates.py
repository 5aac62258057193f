"""Limits in time: from when and until when they hold, which version they are, and what they were before."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Caller
from breakwater.errors import LimitOverlaps, NotFound, VersionConflict
from breakwater.services import limit_settings, limit_tree
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, order_of, set_reference
from tests.integration.limits.people import limit, refused_by, risk_manager, state_of

SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def clock(database_urls: DatabaseUrls) -> Any:
    """Sets the reference price as of a moment, which it returns."""

    def at(moment: datetime) -> datetime:
        set_reference(database_urls.admin, Decimal(2000), moment)
        return moment

    return at


def passes(tx: TenantTransaction, firm: Firm, quantity: str, at: datetime) -> bool:
    return refused_by(tx, order_of(firm, quantity=quantity, at=at)) == []


def test_a_limit_holds_from_its_beginning_and_not_at_its_end(
    tx: TenantTransaction, firm: Firm, risk: Caller, clock: Any
) -> None:
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", valid_from=SOON, valid_until=LATER)
    outcomes = [passes(tx, firm, "2", clock(at)) for at in (SOON - MICROSECOND, SOON, LATER - MICROSECOND, LATER)]
    assert outcomes == [True, False, False, True]


def test_the_next_limit_takes_over_at_its_moment(tx: TenantTransaction, firm: Firm, risk: Caller, clock: Any) -> None:
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2", valid_until=SOON)
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", valid_from=SOON)
    for at, largest in ((SOON - MICROSECOND, "2"), (SOON, "1")):
        assert passes(tx, firm, largest, clock(at))
        assert not passes(tx, firm, str(Decimal(largest) + Decimal("0.0001")), at)


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "overlaps"),
    [
        (None, None, True),
        (None, SOON, False),  # Up to where the other one begins.
        (None, SOON + MICROSECOND, True),
        (LATER, None, False),
        (LATER - MICROSECOND, None, True),
        (SOON + MICROSECOND, LATER - MICROSECOND, True),
        (SOON - MICROSECOND, LATER + MICROSECOND, True),
    ],
)
def test_of_one_node_type_and_filter_there_is_one_limit_at_each_moment(
    tx: TenantTransaction,
    firm: Firm,
    risk: Caller,
    *,
    valid_from: datetime | None,
    valid_until: datetime | None,
    overlaps: bool,
) -> None:
    first = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2", valid_from=SOON, valid_until=LATER)
    dates: dict[str, Any] = {"valid_from": valid_from, "valid_until": valid_until}
    if not overlaps:
        assert limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", **dates)["limit_id"] != first["limit_id"]
        return
    with pytest.raises(LimitOverlaps) as refusal:
        limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", **dates)
    assert refusal.value.status == 409
    assert refusal.value.extensions["overlaps"]["limit_id"] == first["limit_id"]
    # Elsewhere, of another type or filter, both hold side by side.
    limit(tx, risk, firm.firm, "MAX_ORDER_QTY", "1", **dates)
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", instrument="ETH/USDT", **dates)
    limit(tx, risk, firm.desk, "LONG_POSITION", "1", **dates)


def test_the_limit_in_force_is_replaced_without_naming_it_and_keeps_its_dates(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    first = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2", valid_until=SOON)
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", valid_from=SOON)
    changed = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "3")
    assert (changed["limit_id"], changed["valid_until"]) == (first["limit_id"], first["valid_until"])
    assert changed["version"] == 2


def test_a_limit_that_is_named_takes_the_dates_that_are_told(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    first = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2", valid_until=SOON)
    later = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", valid_from=SOON)
    moved = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", valid_from=LATER, limit_id=later["limit_id"])
    assert (moved["limit_id"], moved["version"]) == (later["limit_id"], 2)
    with pytest.raises(LimitOverlaps):
        limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "1", limit_id=later["limit_id"])
    with pytest.raises(NotFound):
        limit(tx, risk, firm.firm, "MAX_ORDER_QTY", "1", limit_id=first["limit_id"])
    with pytest.raises(NotFound):
        limit(tx, risk, firm.desk, "LONG_POSITION", "1", limit_id=first["limit_id"])


def test_a_limit_of_the_future_is_not_shown_as_in_force_and_brakes_nothing_yet(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    assert passes(tx, firm, "3", NOW)
    told = limit(tx, risk, firm.desk, "LONG_POSITION", "1", valid_from=SOON)
    assert told["warnings"] == []
    assert state_of(tx, firm.desk) == "ACTIVE"
    assert limit_tree.usage(firm.desk, risk, tx, NOW)["items"] == []
    (item,) = limit_tree.usage(firm.desk, risk, tx, SOON)["items"]
    assert (item["limit_id"], item["reserved"], item["usage_pct"]) == (told["limit_id"], "3", "300")


def test_dates_in_the_wrong_order_are_refused() -> None:
    for valid_until in (SOON, SOON - MICROSECOND):
        with pytest.raises(ValueError, match="before"):
            limit_settings.LimitSetting(
                node_id=uuid.uuid4(),
                limit_type="MAX_ORDER_QTY",
                value=Decimal(1),
                valid_from=SOON,
                valid_until=valid_until,
            )


def test_a_change_that_names_an_old_version_is_told_both(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2")
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "3", version=1)
    with pytest.raises(VersionConflict) as refusal:
        limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "4", version=1)
    assert refusal.value.status == 409
    told = refusal.value.extensions
    assert (told["current"]["version"], told["current"]["value"]) == (2, "3")
    assert (told["yours"]["version"], told["yours"]["value"]) == (1, "4")
    assert limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "4", version=2)["version"] == 3


def test_a_change_of_what_somebody_has_deleted_is_a_conflict_too(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    first = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2")
    limit_settings.delete_limit(uuid.UUID(first["limit_id"]), risk, tx, NOW)
    with pytest.raises(VersionConflict) as refusal:
        limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "4", version=1)
    assert refusal.value.extensions["current"] is None


def test_the_history_of_a_limit_tells_every_version_and_who_made_it(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    ada = risk_manager(firm, "ada")
    first = limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2.50", action="SUSPEND", thresholds_pct=[50])
    limit_id = uuid.UUID(first["limit_id"])
    limit(tx, ada, firm.desk, "MAX_ORDER_QTY", "3", at=SOON, currency="BTC")
    limit_settings.delete_limit(limit_id, risk, tx, LATER)
    items = limit_settings.limit_history(limit_id, risk, tx)["items"]
    told = [
        (i["version"], i["value"], i["changed_by"], i["is_deleted"], i["action"], i["thresholds_pct"]) for i in items
    ]
    assert told == [
        (1, "2.50", "risk", False, "SUSPEND", [50]),
        (2, "3", "ada", False, "REJECT", [70, 90]),
        (3, "3", "risk", True, "REJECT", [70, 90]),
    ]
    assert [item["changed_at"][:16] for item in items] == ["2026-03-02T12:00", "2026-03-02T13:00", "2026-03-02T14:00"]
    with pytest.raises(NotFound):
        limit_settings.limit_history(uuid.uuid4(), risk, tx)


def test_the_history_of_a_limit_cannot_be_rewritten(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "2")
    for statement in ("UPDATE limits.limit_history SET value = 9", "DELETE FROM limits.limit_history"):
        with pytest.raises(Exception, match="permission denied"), tx.connection.transaction():
            tx.connection.execute(statement)


def test_a_limit_below_what_is_in_use_lets_its_node_only_reduce_at_once(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    assert passes(tx, firm, "3", NOW)
    assert limit(tx, risk, firm.desk, "LONG_POSITION", "3")["warnings"] == []
    told = limit(tx, risk, firm.desk, "LONG_POSITION", "2.9999")
    assert told["warnings"] == ["it is below what is in use: 3; Firm desk only reduces until it is re-armed"]
    assert state_of(tx, firm.desk) == "REDUCE_ONLY"
    assert refused_by(tx, order_of(firm, quantity="0.01")) == ["KILL_SWITCH", "LONG_POSITION"]
    # One that only warns says so and leaves the node as it is.
    told = limit(tx, risk, firm.trader, "LONG_POSITION", "1", action="WARN")
    assert told["warnings"] == ["it is below what is in use: 3"]
    assert state_of(tx, firm.trader) == "ACTIVE"
