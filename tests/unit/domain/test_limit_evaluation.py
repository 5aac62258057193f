"""What comes of the verdicts: the order they are asked in, soft thresholds, and what a refusal does to nodes."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.exposure import Action, Exposure, Limit, NodeState, Scope
from breakwater.domain.limit_types import LIMIT_TYPES, Need
from breakwater.domain.limits import evaluate, needs, node_changes, refused, use_of
from breakwater.domain.orders import Side
from tests.unit.domain.limit_boundaries import NOT_SETTABLE
from tests.unit.domain.limit_orders import exposure_of, market_of, order_for, refusals, scope_of

PARAMETRISED = {"RESTRICTED_LIST", "ORDER_PERMISSION", "SELF_TRADE"}
FIRM, DESK, ACCOUNT = (uuid.UUID(int=number) for number in (101, 102, 103))


def limit_of(limit_type: str = "MAX_ORDER_QTY", value: str = "1", **more: Any) -> Limit:
    return Limit(
        uuid.uuid4(), ACCOUNT, limit_type, **{"instrument": "*", "parameters": {}, **more}, value=Decimal(value)
    )


def node_of(
    node_id: uuid.UUID, *limits: Limit, state: NodeState = NodeState.ACTIVE, exposures: Sequence[Exposure] = ()
) -> Scope:
    scope = scope_of(state=state, exposures=exposures)
    return replace(scope, node=scope.node._replace(node_id=node_id), limits=limits)


def asked(*scopes: Scope, **order: Any) -> list[tuple[uuid.UUID, str]]:
    found = evaluate(scopes, order_for(scopes[-1], **order), reduce_only=True)
    return [(finding.scope.node.node_id, finding.limit.limit_type) for finding in found]


def test_nodes_are_asked_from_the_root_each_first_for_its_state_and_then_in_the_order_of_the_table() -> None:
    plain = [n for n, row in LIMIT_TYPES.items() if row.needs is Need.NOTHING and n not in NOT_SETTABLE | PARAMETRISED]
    assert len(plain) > 8
    shuffled = [limit_of(name) for name in sorted(plain, reverse=True)]
    expected = [(FIRM, "KILL_SWITCH"), (DESK, "KILL_SWITCH"), *((DESK, name) for name in plain)]
    assert asked(node_of(FIRM), node_of(DESK, *shuffled)) == [*expected, (DESK, "REDUCE_ONLY")]


def test_the_rows_of_the_table_are_in_the_order_of_their_numbers() -> None:
    numbers = [limit_type.number for limit_type in LIMIT_TYPES.values()]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 34))
    assert [name for name, row in LIMIT_TYPES.items() if row.number == 24] == ["MARGIN", "LEVERAGE"]


def test_limits_of_one_number_are_asked_in_the_order_of_their_rows_and_filters() -> None:
    limits = [limit_of("LEVERAGE"), limit_of("MARGIN"), limit_of("MARGIN", instrument="ETH/USDT")]
    found = evaluate([node_of(DESK, *limits)], order_for(node_of(DESK)), reduce_only=False)
    assert [(finding.limit.limit_type, finding.limit.instrument) for finding in found[1:]] == [
        ("MARGIN", "*"),
        ("MARGIN", "ETH/USDT"),
        ("LEVERAGE", "*"),
    ]


def test_every_limit_that_refuses_is_named_and_not_the_first_alone() -> None:
    firm, desk = node_of(FIRM, limit_of(value="0.3")), node_of(DESK, limit_of(value="0.5"), limit_of("LONG_POSITION"))
    found = refused(evaluate([firm, desk], order_for(desk, quantity="2"), reduce_only=False))
    assert [(f.scope.node.node_id, f.verdict.largest_passing_quantity) for f in found] == [
        (FIRM, Decimal("0.3")),
        (DESK, Decimal("0.5")),
        (DESK, Decimal(1)),
    ]


@pytest.mark.parametrize(
    ("held", "quantity", "crossed"),
    [
        ("0", "6.9999", []),
        ("0", "7", [70]),
        ("7", "0.0001", []),  # It stood there before.
        ("6.9999", "0.0001", [70]),
        ("0", "9", [70, 90]),
        ("8", "1", [90]),
        ("8", "2", [90]),  # At the limit, which is not over it.
        ("8", "2.0001", []),  # Refused, and told as that.
    ],
)
def test_an_order_warns_of_the_thresholds_that_it_takes_the_use_across(
    held: str, quantity: str, crossed: list[int]
) -> None:
    scope = scope_of("LONG_POSITION", "10", exposures=[exposure_of(filled_qty=Decimal(held))])
    found = evaluate([scope], order_for(scope, quantity=quantity), reduce_only=False)
    assert [pct for finding in found for pct in finding.thresholds_crossed()] == crossed


def test_each_limit_has_thresholds_of_its_own() -> None:
    for thresholds, crossed in (((25, 50, 75), [25, 50]), ((), [])):
        scope = scope_of("LONG_POSITION", "10", setting={"thresholds_pct": thresholds})
        found = evaluate([scope], order_for(scope, quantity="5"), reduce_only=False)
        assert [pct for finding in found for pct in finding.thresholds_crossed()] == crossed


def test_what_judges_each_order_by_itself_has_no_use_and_no_thresholds() -> None:
    scope = scope_of("MAX_ORDER_QTY", "10")
    found = evaluate([scope], order_for(scope, quantity="9.5"), reduce_only=False)
    assert [pct for finding in found for pct in finding.thresholds_crossed()] == []
    assert use_of(scope, scope.limits[0], market_of()) is None


@pytest.mark.parametrize("limit_type", ["LONG_POSITION", "MAX_ORDER_QTY"])
def test_a_limit_that_warns_lets_the_order_go_and_tells_of_it_at_a_hundred(limit_type: str) -> None:
    scope = scope_of(limit_type, "1", setting={"action": Action.WARN})
    for quantity, told in (("1", [70, 90] if limit_type == "LONG_POSITION" else []), ("1.0001", [100])):
        found = evaluate([scope], order_for(scope, quantity=quantity), reduce_only=False)
        assert refused(found) == []
        assert node_changes(found) == []
        assert [pct for finding in found for pct in finding.thresholds_crossed()] == told


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (Action.WARN, None),
        (Action.REJECT, None),
        (Action.REDUCE_ONLY, NodeState.REDUCE_ONLY),
        (Action.SUSPEND, NodeState.SUSPENDED),
        (Action.KILL, NodeState.KILLED),
    ],
)
def test_a_refusal_changes_the_node_as_its_action_says(action: Action, state: NodeState | None) -> None:
    scope = scope_of("MAX_ORDER_QTY", "1", setting={"action": action})
    found = evaluate([scope], order_for(scope, quantity="2"), reduce_only=False)
    assert bool(refused(found)) is (action != Action.WARN)
    assert [change.state for change in node_changes(found)] == ([] if state is None else [state])
    passed = evaluate([scope], order_for(scope, quantity="1"), reduce_only=False)
    assert node_changes(passed) == []


def test_of_several_refusals_the_strictest_decides_for_each_node_by_itself() -> None:
    firm = node_of(FIRM, limit_of(action=Action.REDUCE_ONLY))
    desk = node_of(
        DESK,
        limit_of(action=Action.SUSPEND),
        limit_of("LONG_POSITION", action=Action.KILL),
        limit_of("MAX_ORDER_NOTIONAL", action=Action.REDUCE_ONLY),
    )
    account = node_of(ACCOUNT, limit_of(action=Action.REJECT))
    found = evaluate([firm, desk, account], order_for(account, quantity="2"), reduce_only=False)
    changes = node_changes(found)
    assert {change.scope.node.node_id: change.state for change in changes} == {
        FIRM: NodeState.REDUCE_ONLY,
        DESK: NodeState.KILLED,
    }
    assert next(c for c in changes if c.state is NodeState.KILLED).finding.limit.limit_type == "LONG_POSITION"


@pytest.mark.parametrize("state", list(NodeState))
@pytest.mark.parametrize("action", [Action.REDUCE_ONLY, Action.SUSPEND, Action.KILL])
def test_no_refusal_brings_a_node_to_a_looser_state(action: Action, state: NodeState) -> None:
    scope = node_of(DESK, limit_of(action=action), state=state, exposures=[exposure_of(filled_qty=Decimal(5))])
    changes = node_changes(evaluate([scope], order_for(scope, Side.SELL, "2"), reduce_only=False))
    order = list(NodeState)
    wanted = action.node_state
    assert wanted is not None
    assert [c.state for c in changes] == ([wanted] if order.index(wanted) > order.index(state) else [])


def test_a_stopped_node_is_named_without_changing_it() -> None:
    scope = scope_of(state=NodeState.SUSPENDED)
    found = evaluate([scope], order_for(scope), reduce_only=False)
    assert [finding.to_json()["limit_id"] for finding in refused(found)] == [None]
    assert node_changes(found) == []


def test_a_refusal_says_all_of_it_in_plain_decimals() -> None:
    held = [exposure_of(filled_qty=Decimal("1.50"), open_buy_qty=Decimal("2.00"))]
    scope = scope_of("LONG_POSITION", "4.0", exposures=held)
    (refusal,) = refusals(scope, order_for(scope, quantity="1.0"))
    told: Any = refusal.to_json()
    amounts = ("limit", "used", "reserved", "attempted", "largest_passing_quantity")
    assert [told[name] for name in amounts] == ["4.0", "1.5", "2", "1", "0.5"]
    assert (told["node_name"], told["limit_type"], told["instrument"], told["action"], told["missing"]) == (
        "account",
        "LONG_POSITION",
        "*",
        "REJECT",
        None,
    )


@pytest.mark.parametrize(
    ("limit_type", "currency", "quote_assets", "needed"),
    [
        ("MAX_ORDER_QTY", "EUR", ["USDT"], Need.NOTHING),
        ("MAX_ORDER_NOTIONAL", "USDT", [], Need.NOTHING),
        ("MAX_ORDER_NOTIONAL", "EUR", [], Need.RATES),
        ("DAILY_TRADED_NOTIONAL", "USDT", ["USDT"], Need.NOTHING),
        ("DAILY_TRADED_NOTIONAL", "USDT", ["USDT", "EUR"], Need.RATES),
        ("WINDOW_VOLUME", "USDT", ["USDT"], Need.ACTIVITY),
        ("GROSS_NOTIONAL", "USDT", ["USDT"], Need.MARKS),
        ("MARGIN", "USDT", [], Need.MARKS | Need.CASH),
    ],
)
def test_rates_are_read_only_where_another_currency_is_in_play(
    limit_type: str, currency: str, quote_assets: list[str], needed: Need
) -> None:
    exposures = [exposure_of(f"ETH/{asset}") for asset in quote_assets]
    scope = scope_of(limit_type, "1", setting={"currency": currency}, exposures=exposures)
    assert needs([scope], "USDT") == needed


def test_every_type_says_what_it_is_about_and_in_which_unit() -> None:
    for name, row in LIMIT_TYPES.items():
        assert row.about, name
        assert row.unit, name
        assert "\n" not in row.about + row.unit, name
