from datetime import timedelta
from decimal import Decimal

import pytest

from breakwater.db.connection import Database
from breakwater.domain.exposure import ZERO, Exposure
from breakwater.domain.orders import OrdStatus, Side
from breakwater.domain.permissions import Caller
from breakwater.domain.valuation import ReferenceUnavailable
from breakwater.errors import LimitExceeded, NotFound
from breakwater.services.limits import refusal_events, reserve_limits, settle
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import (
    NOW,
    SYMBOL,
    Firm,
    create_firm,
    order_of,
    reserve_and_record,
    set_limit,
    set_reference,
    snapshot_of,
)
from tests.integration.limits.people import limit
from tests.unit.domain.limit_orders import exposure_of

NOTHING = exposure_of(SYMBOL)


def exposures(database: Database, firm: Firm) -> list[Exposure]:
    """Of firm, desk, trader and first account, each checked to be what the reservations add up to."""
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.ledger_differences() == []
        scopes = {scope.node.node_id: scope for scope in tx.limits.scopes(NOW)}
    return [next(iter(scopes[node_id].exposures), NOTHING) for node_id in firm.path]


def test_a_reservation_is_booked_in_every_scope_above_the_account(database: Database, firm: Firm) -> None:
    order = order_of(firm, Side.BUY, "1.5", "2000.10")
    with database.tenant_transaction(firm.tenant_id) as tx:
        reservation = reserve_and_record(tx, order)
    assert (reservation.price_low, reservation.price_high) == (Decimal("0.01"), Decimal("2000.10"))
    for exposure in exposures(database, firm):
        assert exposure.open_buy_qty == Decimal("1.5")
        assert exposure.open_order_count == 1
        assert exposure.open_notional == Decimal("3000.15")


def test_the_same_order_is_reserved_once_and_keeps_its_band(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    order = order_of(firm, Side.SELL, "1", None)
    with database.tenant_transaction(firm.tenant_id) as tx:
        first = reserve_and_record(tx, order)
    set_reference(database_urls.admin, Decimal(3000), NOW)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert reserve_limits(tx, order, NOW) == first
    assert first.price_high == Decimal("2100")
    assert exposures(database, firm)[0].open_order_count == 1


def test_one_refusing_scope_refuses_and_nothing_is_written(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    set_limit(database_urls.admin, firm, firm.desk, "MAX_ORDER_QTY", "2")
    set_limit(database_urls.admin, firm, firm.firm, "DAILY_TRADED_NOTIONAL", "5000")
    order = order_of(firm, Side.BUY, "3", "2000")
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(LimitExceeded) as refusal:
        reserve_limits(tx, order, NOW)
    assert refusal.value.message == "refused by DAILY_TRADED_NOTIONAL of Firm firm and one other limit"
    refusals = refusal.value.extensions["refusals"]
    assert [(r["node_name"], r["limit_type"], r["largest_passing_quantity"]) for r in refusals] == [
        ("Firm firm", "DAILY_TRADED_NOTIONAL", "2.5"),
        ("Firm desk", "MAX_ORDER_QTY", "2"),
    ]
    assert (refusals[0]["limit"], refusals[0]["used"], refusals[0]["attempted"]) == ("5000", "0", "6000")
    assert [event.action for event in refusal_events(order, refusals)] == ["REJECT", "REJECT"]
    assert exposures(database, firm)[0].open_order_count == 0


def test_fills_turn_what_was_reserved_into_what_is_used(database: Database, firm: Firm) -> None:
    order = order_of(firm, Side.BUY, "2", "2000")
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert settle(tx, snapshot_of(order, 2, OrdStatus.PARTIALLY_FILLED, "0.5", "1999"))
    exposure = exposures(database, firm)[1]
    assert (exposure.filled_qty, exposure.open_buy_qty) == (Decimal("0.5"), Decimal("1.5"))
    assert (exposure.traded_notional, exposure.open_notional) == (Decimal("999.5"), Decimal("3000"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert settle(tx, snapshot_of(order, 3, OrdStatus.CANCELED, "0.5", "1999"))
    exposure = exposures(database, firm)[1]
    assert (exposure.open_buy_qty, exposure.open_notional, exposure.open_order_count) == (ZERO, ZERO, 0)
    assert exposure.filled_qty == Decimal("0.5")


def test_an_older_or_repeated_word_of_the_engine_changes_nothing(database: Database, firm: Firm) -> None:
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
        final = snapshot_of(order, 5, OrdStatus.FILLED, "1")
        assert settle(tx, final)
    before = exposures(database, firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert not settle(tx, final)
        assert not settle(tx, snapshot_of(order, 4, OrdStatus.PARTIALLY_FILLED, "0.5"))
    assert exposures(database, firm) == before


def test_a_rejected_order_gives_everything_back_once(database: Database, firm: Firm) -> None:
    order = order_of(firm, Side.SELL)
    rejected = snapshot_of(order, 1, OrdStatus.REJECTED)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
        assert settle(tx, rejected)
        assert not settle(tx, rejected)
    exposure = exposures(database, firm)[0]
    assert (exposure.open_sell_qty, exposure.open_order_count, exposure.open_notional) == (ZERO, 0, ZERO)


def test_the_traded_notional_starts_anew_at_midnight_utc(database: Database, firm: Firm) -> None:
    first, second, late = order_of(firm), order_of(firm), order_of(firm)
    tomorrow = NOW + timedelta(days=1)
    with database.tenant_transaction(firm.tenant_id) as tx:
        for order in (first, second, late):
            reserve_and_record(tx, order)
        settle(tx, snapshot_of(first, 1, OrdStatus.FILLED, "1", "2000"))
        settle(tx, snapshot_of(second, 1, OrdStatus.FILLED, "1", "1900", at=tomorrow))
    assert exposures(database, firm)[0].traded_notional == Decimal("1900")
    with database.tenant_transaction(firm.tenant_id) as tx:
        settle(tx, snapshot_of(late, 1, OrdStatus.FILLED, "1", "1800", at=NOW))
    exposure = exposures(database, firm)[0]
    assert (exposure.traded_notional, exposure.session_date) == (Decimal("1900"), tomorrow.date())
    assert exposure.filled_qty == Decimal(3)


def test_a_stale_reference_price_refuses_what_depends_on_it(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    set_reference(database_urls.admin, Decimal(2000), NOW - timedelta(seconds=6))
    with database.tenant_transaction(firm.tenant_id) as tx:
        for order in (order_of(firm, price=None), order_of(firm, Side.SELL)):
            with pytest.raises(ReferenceUnavailable):
                reserve_limits(tx, order, NOW)
        reserve_limits(tx, order_of(firm, Side.BUY), NOW)


def test_crossing_a_soft_threshold_warns_once(database: Database, database_urls: DatabaseUrls, firm: Firm) -> None:
    set_limit(database_urls.admin, firm, firm.desk, "LONG_POSITION", "10")
    with database.tenant_transaction(firm.tenant_id) as tx:
        told = [
            [warning.threshold_pct for warning in reserve_and_record(tx, order_of(firm, quantity=quantity)).warnings]
            for quantity in ("6.9", "0.1", "0.5", "1.5", "1")
        ]
    assert told == [[], [70], [], [90], []]


def test_another_organisation_sees_neither_the_account_nor_the_reservation(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    stranger = create_firm(database_urls.admin, "Stranger")
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
    with database.tenant_transaction(stranger.tenant_id) as tx:
        with pytest.raises(NotFound):
            reserve_limits(tx, order_of(firm), NOW)
        with pytest.raises(NotFound):
            settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, "1"))
        assert {scope.node.name for scope in tx.limits.scopes(NOW)}.isdisjoint({"Firm firm", "Firm desk"})


@pytest.mark.parametrize(
    ("limit_type", "value", "parameters", "reason"),
    [
        ("GROSS_NOTIONAL", "2999", {}, "GROSS_NOTIONAL of 2999: 1000 in use, 2100 asked for"),
        ("LONG_POSITION", "1.50", {}, "LONG_POSITION of 1.50: 0.5 in use, 1.05 asked for"),
        ("ADV_PCT", "0.1", {}, f"ADV_PCT of 0.1: the average daily volume of {SYMBOL} is missing"),
        ("ORDER_PERMISSION", None, {"sides": ["SELL"]}, "ORDER_PERMISSION refuses an order"),
    ],
)
def test_what_has_stopped_a_node_is_told_in_plain_figures(
    database: Database,
    firm: Firm,
    risk: Caller,
    *,
    limit_type: str,
    value: str | None,
    parameters: dict[str, object],
    reason: str,
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order_of(firm, Side.BUY, "0.5000", "2000"))
        limit(tx, risk, firm.desk, limit_type, value, parameters=parameters, action="SUSPEND")
        with pytest.raises(LimitExceeded):
            reserve_limits(tx, order_of(firm, Side.BUY, "1.0500", "2000"), NOW)
        desk = tx.limits.node(firm.desk, NOW)
        assert desk is not None
        assert (desk.state, desk.state_reason) == ("SUSPENDED", reason)
