"""What a difference between venue and engine means."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from breakwater.domain.orders import OrdStatus, Side
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.protocol import Balance, OrderAtVenue
from fargate_engine.venues.reconciliation import (
    FINDINGS_MAX,
    Finding,
    Kind,
    KnownOrder,
    Report,
    compare_balances,
    compare_filled,
    compare_orders,
)
from tests.unit.fargate_engine.venues.test_tracked_order import LOT, ORDER_ID, fill, word

OURS = client_id_of(ORDER_ID)
BY_HAND = "web_3f1c"


def known(status: OrdStatus, lots: int = 0) -> KnownOrder:
    return KnownOrder(OURS, "ETH/USDT", status, lots * LOT)


def kinds(
    live: Sequence[KnownOrder], there: Sequence[OrderAtVenue], here: KnownOrder | None, *, knows_all: bool = True
) -> list[Kind]:
    def find(client_id: str) -> KnownOrder | None:
        return here if client_id == OURS else None

    return [finding.kind for finding in compare_orders(live, there, find, knows_all=knows_all)]


def test_an_order_that_both_have_open_is_no_finding() -> None:
    assert kinds([known(OrdStatus.NEW)], [word(OrdStatus.NEW)], known(OrdStatus.NEW)) == []


def test_an_order_placed_by_hand_is_found() -> None:
    assert kinds([], [word(OrdStatus.NEW, client_id=BY_HAND)], None) == [Kind.EXTERNAL_ORDER]


def test_an_order_that_ended_here_must_not_live_there() -> None:
    assert kinds([], [word(OrdStatus.NEW)], known(OrdStatus.REJECTED)) == [Kind.ENDED_ORDER]


def test_an_order_that_is_forgotten_has_ended_and_is_no_unknown_one() -> None:
    forgotten = KnownOrder(OURS, "", None, None)
    (ended,) = compare_orders([], [word(OrdStatus.NEW)], lambda _: forgotten, knows_all=True)
    assert (ended.kind, ended.words) == (Kind.ENDED_ORDER, "it is over long ago here and open there")
    (late,) = compare_filled(word(OrdStatus.CANCELED, 4), [fill(1, 4)], lambda _: forgotten)
    assert late.kind is Kind.LATE_FILL
    assert late.words == "it is over long ago here, and has new fills there: 0.0004 in all"


def test_an_id_of_ours_that_nobody_knows_is_told_only_where_every_shard_was_asked() -> None:
    assert kinds([], [word(OrdStatus.NEW)], None) == [Kind.UNKNOWN_ORDER]
    assert kinds([], [word(OrdStatus.NEW)], None, knows_all=False) == []


def test_an_order_that_is_not_there_any_more_is_missing_unless_it_ended_here_meanwhile() -> None:
    assert kinds([known(OrdStatus.NEW)], [], known(OrdStatus.NEW)) == [Kind.MISSING_ORDER]
    assert kinds([known(OrdStatus.NEW)], [], known(OrdStatus.FILLED)) == []


def test_a_fill_of_an_order_placed_by_hand_is_external_one_by_one() -> None:
    order = word(OrdStatus.FILLED, 10, client_id=BY_HAND)
    found = compare_filled(order, [fill(1, 4), fill(2, 6)], lambda _: None)
    assert [(each.kind, each.subject) for each in found] == [(Kind.EXTERNAL_FILL, "1"), (Kind.EXTERNAL_FILL, "2")]
    assert "BUY 0.0004 at 1" in found[0].words


def test_a_fill_beyond_what_a_final_order_has_is_late_and_one_of_an_open_order_is_not() -> None:
    order = word(OrdStatus.CANCELED, 4)
    (late,) = compare_filled(order, [fill(1, 4)], lambda _: known(OrdStatus.CANCELED, 3))
    assert late.kind is Kind.LATE_FILL
    assert compare_filled(order, [fill(1, 4)], lambda _: known(OrdStatus.CANCELED, 4)) == []
    assert compare_filled(order, [fill(1, 4)], lambda _: known(OrdStatus.PARTIALLY_FILLED, 3)) == []


def test_fills_and_fees_explain_what_moved() -> None:
    before = {"ETH": Balance(Decimal(1), Decimal(0)), "USDT": Balance(Decimal(1000), Decimal(0))}
    buy = replace(fill(1, 1), quantity=Decimal(2), price=Decimal(100), fee=Decimal("0.002"), fee_currency="ETH")
    sell = replace(buy, side=Side.SELL, quantity=Decimal(1), fee=Decimal("0.1"), fee_currency="USDT")
    now = {"ETH": Balance(Decimal("1.998"), Decimal(0)), "USDT": Balance(Decimal(800), Decimal("99.9"))}
    assert compare_balances(before, now, [buy, sell]) == []


def test_a_withdrawal_is_a_drift_also_of_all_there_was() -> None:
    before = {"ETH": Balance(Decimal(1), Decimal(0)), "BTC": Balance(Decimal(2), Decimal(0))}
    found = compare_balances(before, {"BTC": Balance(Decimal(2), Decimal(0))}, [])
    assert [(each.kind, each.subject, each.words) for each in found] == [
        (Kind.BALANCE_DRIFT, "ETH", "it moved by -1 that no fill explains")
    ]


def test_a_report_counts_all_and_keeps_the_words_of_some() -> None:
    report = Report("V", 0)
    report.add(Finding(Kind.EXTERNAL_ORDER, str(number), "ETH/USDT", "") for number in range(FINDINGS_MAX + 5))
    assert report.counts == {"EXTERNAL_ORDER": FINDINGS_MAX + 5}
    assert len(report.document()["findings"]) == FINDINGS_MAX
