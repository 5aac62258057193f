"""What is told of children is recorded once, counts against nothing, and comes together in the report."""

import itertools
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.executions import Route
from breakwater.domain.orders import PlaceOrder, Side
from breakwater.domain.permissions import Caller
from breakwater.errors import NotFound, NotPermitted
from breakwater.services import execution_reports
from breakwater.services.execution_views import ExecutionReport
from breakwater.services.projections import project
from events.envelope import Envelope
from tests.integration.limits.firm import create_firm, order_of
from tests.integration.limits.people import risk_manager
from tests.integration.orders.child_events import AT_NS, S_NS, changed, filled, measured
from tests.integration.orders.conftest import Desk

FIRST, SECOND = uuid.UUID(int=1), uuid.UUID(int=2)


def routed(desk: Desk, side: Side = Side.BUY, quantity: str = "3") -> PlaceOrder:
    order = order_of(desk.firm, side, quantity, execution=Route())
    desk.run_saga(order)
    desk.project_all()
    return order


def tell(desk: Desk, *envelopes: Envelope) -> None:
    for envelope in envelopes:
        project(envelope, desk.transactions)


def report(desk: Desk, order: PlaceOrder, caller: Caller | None = None) -> ExecutionReport:
    with desk.transactions(desk.firm.tenant_id) as tx:
        return execution_reports.report(order.order_id, caller or risk_manager(desk.firm), tx)


def recorded(desk: Desk) -> list[Any]:
    columns = "order_id, status, cum_qty, leaves_qty, cum_notional, engine_seq, transact_time"
    return [
        desk.admin(f"SELECT {columns} FROM trading.child_orders ORDER BY order_id"),  # A constant.
        desk.admin("SELECT trade_id, last_qty, last_px FROM trading.child_trades ORDER BY trade_id"),
    ]


def counted(desk: Desk) -> list[Any]:
    return [
        desk.reserved(),
        desk.admin("SELECT account_id, symbol, quantity FROM trading.positions"),
        desk.admin("SELECT asset, total FROM trading.balances"),
        desk.admin("SELECT count(*) FROM trading.trades"),
        desk.admin("SELECT node_id, reject_streak FROM limits.standings"),
    ]


def test_children_in_any_order_and_more_than_once_end_in_the_same_rows(desk: Desk) -> None:
    order = routed(desk)
    told = [changed(order, FIRST, 1), filled(order, FIRST, 2, last_qty="0.4"), changed(order, SECOND, 1)]
    told.append(filled(order, FIRST, 3, last_qty="0.6", cum_qty="1"))
    tell(desk, *told)
    once = recorded(desk)
    assert [row[1:4] for row in once[0]] == [("FILLED", 1, 0), ("NEW", 0, 1)]
    assert len(once[1]) == 2
    tell(desk, *told)
    for permutation in itertools.permutations(told):
        desk.admin("DELETE FROM trading.child_trades")
        desk.admin("DELETE FROM trading.child_orders")
        tell(desk, *(envelope.model_copy(update={"event_id": uuid.uuid4()}) for envelope in permutation))
        assert recorded(desk) == once


def test_children_change_no_limit_position_or_balance(desk: Desk) -> None:
    order = routed(desk)
    before = counted(desk)
    tell(desk, measured(order), changed(order, FIRST, 1), filled(order, FIRST, 2))
    tell(desk, changed(order, SECOND, 1, status="REJECTED", reject_code="POST_ONLY_WOULD_TAKE"))
    assert counted(desk) == before
    desk.assert_ledger_is_exact()


def test_what_was_measured_is_never_forgotten(desk: Desk) -> None:
    order = routed(desk)
    began = measured(order)
    # By an engine that was started in between, and did not see it arrive.
    ended = measured(
        order,
        began_at_ns=AT_NS + S_NS,
        arrival_px=None,
        arrival_cost_px=None,
        ended_at_ns=AT_NS + 9 * S_NS,
        vwap_px="2001",
        vwap_since_ns=AT_NS + S_NS,
    )
    for envelopes in ((began, ended), (ended, began)):
        desk.admin("DELETE FROM trading.executions")
        tell(desk, *(envelope.model_copy(update={"event_id": uuid.uuid4()}) for envelope in envelopes))
        shown = report(desk, order)
        assert [compared.price for compared in shown.benchmarks] == [2000, 2005, 2001]
        assert shown.began_at is not None
        assert shown.ended_at is not None
        assert (shown.ended_at - shown.began_at).total_seconds() == 9


@pytest.mark.parametrize("kind", [changed, filled])
def test_a_child_of_an_order_that_nobody_placed_fails_and_leaves_nothing(desk: Desk, kind: Any) -> None:
    stranger = create_firm(desk.urls.admin, "Stranger")
    order = routed(desk)
    nobodys = [order_of(desk.firm, execution=Route())]
    nobodys.append(order.model_copy(update={"tenant_id": stranger.tenant_id}))  # Another tenant's.
    inbox = desk.admin("SELECT count(*) FROM trading.inbox")
    for parent in nobodys:
        for envelope in (kind(parent, FIRST, 1), measured(parent)):
            with pytest.raises(NotFound):
                project(envelope, desk.transactions)
    assert recorded(desk) == [[], []]
    assert desk.admin("SELECT count(*) FROM trading.executions") == [(0,)]
    assert desk.admin("SELECT count(*) FROM trading.inbox") == inbox


@pytest.mark.parametrize(
    ("side", "slippage"),
    [
        # Two units at 2000 and one at 2010 are 2003.33333333 on average; the market was 2000, 2005 and 2004.
        (Side.BUY, ["16.6667", "-8.3126", "-3.3267"]),
        (Side.SELL, ["-16.6667", "8.3126", "3.3267"]),
    ],
)
def test_the_report_compares_what_was_paid_with_what_the_market_was(
    desk: Desk, side: Side, slippage: list[str]
) -> None:
    order = routed(desk, side)
    desk.model.fill(order.order_id, Decimal(2), Decimal(2000))
    desk.model.fill(order.order_id, Decimal(1), Decimal(2010))
    desk.project_all()
    tell(desk, measured(order), filled(order, FIRST, 1, last_qty="2", quantity="2", fee="4", status="FILLED"))
    words = {"price": "2010", "venue": "BOOK", "time_in_force": "IOC", "status": "FILLED"}
    tell(desk, filled(order, SECOND, 2, fee="0", **words))
    tell(desk, measured(order, ended_at_ns=AT_NS + S_NS, vwap_px="2004"))
    shown = report(desk, order)
    assert (shown.cum_qty, shown.avg_px) == (3, Decimal("2003.33333333"))
    assert [str(compared.slippage_bps) for compared in shown.benchmarks] == slippage
    assert [(fee.currency, fee.amount) for fee in shown.fees] == [("USDT", Decimal("6.01"))]
    by_venue = [(v.venue, v.children, v.quantity, v.share, v.avg_px, v.maker_share) for v in shown.by_venue]
    assert by_venue == [
        ("BOOK", 1, 1, Decimal("0.3333"), 2010, 0),
        ("SIM", 1, 2, Decimal("0.6667"), 2000, 1),
    ]
    assert [[(fee.currency, fee.amount) for fee in v.fees] for v in shown.by_venue] == [[("USDT", 0)], [("USDT", 4)]]
    assert [child.order_id for child in shown.children] == [SECOND, FIRST]
    assert shown.children_cut is False


def test_before_anything_is_told_the_report_says_what_it_does_not_know(desk: Desk) -> None:
    shown = report(desk, routed(desk))
    assert (shown.avg_px, shown.began_at, shown.fees, shown.by_venue, shown.children) == (None, None, [], [], [])
    assert [(compared.price, compared.slippage_bps) for compared in shown.benchmarks] == [(None, None)] * 3


def test_the_newest_children_are_told_and_that_there_are_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_reports, "CHILDREN_MAX", 2)
    order = routed(desk)
    tell(desk, *(changed(order, uuid.UUID(int=number), number) for number in (1, 3, 2)))
    shown = report(desk, order)
    assert [child.order_id.int for child in shown.children] == [3, 2]
    assert shown.children_cut is True
    assert [venue.children for venue in shown.by_venue] == [3]


def test_a_report_is_of_orders_that_the_router_works_and_that_the_caller_may_see(desk: Desk) -> None:
    order, plain = routed(desk), order_of(desk.firm)
    desk.run_saga(plain)
    with pytest.raises(NotFound, match="no execution"):
        report(desk, plain)
    with pytest.raises(NotPermitted):
        report(desk, order, replace(risk_manager(desk.firm), scopes=frozenset()))
    tell(desk, measured(order), filled(order, FIRST, 1))
    stranger = create_firm(desk.urls.admin, "Stranger")
    with desk.transactions(stranger.tenant_id) as tx:
        with pytest.raises(NotFound):
            execution_reports.report(order.order_id, risk_manager(stranger), tx)
        # Row-level security, whatever a statement asks for.
        tables = ("child_orders", "child_trades", "executions")
        assert [tx.connection.execute(f"SELECT * FROM trading.{table}").fetchall() for table in tables] == [[], [], []]
