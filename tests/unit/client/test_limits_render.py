from typing import Any

import pytest

from breakwater.client import limits_render, render
from tests.unit.client.limit_views import LIMIT_ID, TYPES, limit_of, type_named
from tests.unit.client.test_render import shown

OVERRIDE: dict[str, Any] = {
    "override_id": "o-1",
    "limit_id": LIMIT_ID,
    "node_id": "n-a",
    "node_name": "Desk A",
    "limit_type": "LONG_POSITION",
    "instrument": "ETH/USDT",
    "currency": "USDT",
    "set_value": "10",
    "set_parameters": {},
    "value": "15",
    "parameters": None,
    "is_exempt": False,
    "state": "REQUESTED",
}
BREACH = {
    "occurred_at": "2026-11-28T12:00:00Z",
    "node_name": "Desk A",
    "limit_id": LIMIT_ID,
    "limit_type": "LONG_POSITION",
    "instrument": "ETH/USDT",
    "order_id": "5f0c8d61-0f4c-4b0e-9d25-0c6a52b9b1a4",
    "symbol": "ETH/USDT",
    "limit": "10",
    "used": "2",
    "reserved": "3",
    "attempted": "6",
    "threshold_pct": 100,
    "action": "REJECT",
}


def test_an_override_is_told_in_the_unit_of_its_limit() -> None:
    (row,) = limits_render.override_rows([OVERRIDE], TYPES)
    assert (row["limit_name"], row["set_words"], row["value_words"]) == ("LONG_POSITION ETH/USDT", "10 ETH", "15 ETH")


def test_an_override_of_a_limit_that_was_deleted_says_its_value_alone() -> None:
    gone = dict.fromkeys(
        ("node_id", "node_name", "limit_type", "instrument", "currency", "set_value", "set_parameters")
    )
    (row,) = limits_render.override_rows([OVERRIDE | gone], TYPES)
    assert (row["limit_name"], row["set_words"], row["value_words"]) == (None, None, "15")


@pytest.mark.parametrize(
    ("limit_type", "changes", "was", "instead"),
    [
        (
            "RESTRICTED_LIST",
            {
                "set_parameters": {"mode": "DENY", "symbols": ["LUNA/USDT"]},
                "parameters": {"mode": "DENY", "symbols": []},
            },
            "mode DENY, symbols LUNA/USDT",
            "mode DENY, symbols ",
        ),
        ("SHORT_SALE", {"set_parameters": {}, "is_exempt": True}, "", "does not hold"),
    ],
)
def test_an_override_without_a_value_is_told_in_parameters_or_as_an_exemption(
    limit_type: str, changes: dict[str, Any], was: str, instead: str
) -> None:
    override = OVERRIDE | {"limit_type": limit_type, "instrument": "*", "set_value": None, "value": None} | changes
    (row,) = limits_render.override_rows([override], TYPES)
    assert (row["limit_name"], row["set_words"], row["value_words"]) == (limit_type, was, instead)


def test_an_override_of_a_window_says_how_long_it_is() -> None:
    set_to = {"limit_type": "MESSAGE_RATE", "instrument": "*", "set_parameters": {"window_s": 10}}
    (row,) = limits_render.override_rows([OVERRIDE | set_to | {"parameters": {"window_s": 60}}], TYPES)
    assert (row["set_words"], row["value_words"]) == ("10 messages in 10 s", "15 messages in 60 s")


LOSS = {
    **{"limit_type": "DAILY_LOSS", "instrument": "*", "threshold_pct": 100, "order_id": None, "symbol": None},
    **{"used": "11", "reserved": "0", "attempted": "0"},
}


@pytest.mark.parametrize(
    ("changes", "what", "detail"),
    [
        ({}, "refused", "LONG_POSITION ETH/USDT: 6 more on 5 of 10"),
        ({"action": "WARN", "threshold_pct": 70}, "at 70%", "LONG_POSITION ETH/USDT: 6 more on 5 of 10"),
        ({"instrument": "*"}, "refused", "LONG_POSITION: 6 more on 5 of 10, ETH/USDT"),
        ({"limit_id": None, "limit_type": "KILL_SWITCH", "instrument": "*"}, "refused", "KILL_SWITCH, ETH/USDT"),
        (LOSS, "crossed", "DAILY_LOSS: 11 of 10"),
        (LOSS | {"action": "WARN", "threshold_pct": 70, "used": "7"}, "at 70%", "DAILY_LOSS: 7 of 10"),
        (
            {"state": "KILLED", "state_before": "ACTIVE", "reason": "too fast", "changed_by": "risk"},
            "state",
            "ACTIVE → KILLED: too fast (risk)",
        ),
    ],
)
def test_a_breach_says_what_happened_and_by_how_much(changes: Any, what: str, detail: str) -> None:
    (row,) = limits_render.breach_rows([BREACH | changes])
    assert (row["what"], row["detail"]) == (what, detail)


def test_a_history_shows_that_a_limit_was_deleted() -> None:
    versions = [limit_of(is_deleted=False), limit_of(is_deleted=True, version=2)]
    rows = limits_render.history_rows(versions, type_named("LONG_POSITION"))
    assert [row["value_words"] for row in rows] == ["10 ETH", "deleted"]


def test_columns_of_dates_are_there_where_a_version_has_some() -> None:
    undated, dated = limit_of(), limit_of(valid_until="2026-12-01T00:00:00Z")
    assert "until" not in limits_render.said_columns(limits_render.HISTORY, [undated])
    assert "until" in limits_render.said_columns(limits_render.HISTORY, [undated, dated])


def test_the_record_of_a_type_has_a_line_for_each_parameter_and_says_which_may_be_left_out() -> None:
    text = shown(limits_render.type_record(type_named("ORDER_PERMISSION")))
    assert "--param sides=  some of BUY, SELL  (may be left out)" in text
    assert "--param hours=" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, None),
        ("17910", "17910"),
        ("123.456", "123.46"),
        ("99.99999", "100"),
        ("0.000000001234", "0"),
        ("2.50", "2.50"),
        ("-1234.5678", "-1234.57"),
    ],
)
def test_amounts_in_the_tree_are_rounded_for_the_eye(text: str | None, told: str | None) -> None:
    assert limits_render.rounded(text) == told


def test_a_verdict_that_passes_and_measures_nothing_has_no_numbers_and_says_what_is_not_known() -> None:
    nothing = dict.fromkeys(("limit", "used", "reserved", "attempted"), "0")
    passing = nothing | {"limit_type": "KILL_SWITCH", "node_name": "Desk A", "passes": True, "missing": None}
    refusing = nothing | {"limit_type": "MARGIN", "node_name": "Desk A", "passes": False, "missing": "a price"}
    text = shown(render.refusals([passing, refusing], render.VERDICTS))
    switch, margin = text.splitlines()[1:]
    assert switch.split() == ["KILL_SWITCH", "Desk", "A", "-", "-", "-", "-", "-", "yes", "-"]
    assert margin.split()[:7] == ["MARGIN", "Desk", "A", "0", "0", "0", "0"]
    assert margin.rstrip().endswith("a price")


def test_a_part_of_the_equity_is_told_as_what_it_comes_to_now() -> None:
    context = limits_render.Context.of(TYPES)
    assert context.allowed(limit_of("LEVERAGE", "3", allowed="300000")) == ("300,000", "USDT")
    assert context.allowed(limit_of("LEVERAGE", "3", allowed="3")) == ("3", "times the equity")
