import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from breakwater.client.limits_render import Context
from breakwater.client.limits_tree import LimitsTree, bar, pct_style
from tests.unit.client.limit_views import TYPES, limit_of, node_of, unmeasured
from tests.unit.client.test_render import shown

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
WIDTHS = (60, 80, 100, 140)


def drawn(*roots: Any, columns: int = 140, **context: Any) -> str:
    return shown(LimitsTree(roots, Context.of(TYPES, now=NOW, **context)), columns=columns)


@pytest.mark.parametrize(
    ("used", "reserved", "pct", "cells"),
    [
        ("0", "0", "0", "░" * 16 + "   0%"),
        ("50", "25", "75", "█" * 8 + "▒" * 4 + "░" * 4 + "  75%"),
        ("100", "0", "100", "█" * 16 + " 100%"),
        ("300", "0", "300", "█" * 16 + " 300%"),
        ("-40", "0", "0", "░" * 16 + "   0%"),
    ],
)
def test_the_bar_shows_used_solid_and_reserved_shaded_and_is_never_longer_than_full(
    used: str, reserved: str, pct: str, cells: str
) -> None:
    assert bar({"used": used, "reserved": reserved, "allowed": "100", "usage_pct": pct}, 16).plain == cells


def test_the_bar_of_a_limit_that_allows_nothing_is_full() -> None:
    assert bar({"used": "0", "reserved": "0", "allowed": "0", "usage_pct": "100"}, 16).plain == "█" * 16 + " 100%"


@pytest.mark.parametrize(
    ("pct", "style"), [(69, "green"), (70, "yellow"), (89, "yellow"), (90, "red"), (99, "red"), (100, "bold red")]
)
def test_a_bar_is_yellow_from_70_percent_and_red_from_90(pct: int, style: str) -> None:
    assert pct_style(Decimal(pct)) == style


def test_the_tree_shows_nodes_and_limits_and_why_a_node_is_stopped() -> None:
    denied = unmeasured("RESTRICTED_LIST", None, instrument="*", parameters={"mode": "DENY", "symbols": ["A/B", "C/D"]})
    account = node_of("trader1 paper", "n-2", kind="ACCOUNT", state="KILLED", state_reason="too fast")
    firm = node_of(
        "Harbour [bold]",
        "n-1",
        kind="FIRM",
        limits=[limit_of(), unmeasured("PRICE_COLLAR", "0.10", instrument="*"), denied],
        children=[account],
    )
    heading, *lines = drawn(firm).splitlines()
    assert heading.split() == ["used", "reserved", "allowed"]
    assert lines[0] == "Harbour [bold]  firm  n-1"
    assert re.fullmatch("├── LONG_POSITION ETH/USDT +████▒▒▒▒░░░░░░░░  50% +2.5 +2.5 +10 ETH", lines[1])
    assert re.fullmatch("├── PRICE_COLLAR +10 % of the reference price", lines[2])
    assert re.fullmatch("├── RESTRICTED_LIST +mode DENY, symbols A/B C/D", lines[3])
    assert lines[4] == "└── trader1 paper  account  n-2  KILLED  too fast"


def test_what_is_particular_about_a_limit_stands_behind_it() -> None:
    limit = limit_of(
        override_id="o-1",
        value="20",
        allowed="20",
        action="KILL",
        stricter_above="n-firm",
        valid_until="2026-11-28T18:30:00Z",
    )
    text = drawn(
        node_of("Desk A", limits=[limit]),
        node_names={"n-firm": "Harbour"},
        overrides={"o-1": {"ends_at": "2026-11-28T14:00:00Z"}},
    )
    told = ("override until 14:00, set is 20", "Harbour allows less", "kills", "until 18:30")
    assert all(words in text for words in told), text


def test_a_limit_that_cannot_be_judged_says_what_is_missing() -> None:
    limit = limit_of("LEVERAGE", "3", allowed="0", missing="a fresh price of ETH/USDT")
    text = drawn(node_of("Desk A", limits=[limit]))
    assert "cannot be judged without a fresh price of ETH/USDT" in text
    assert "3 times the equity" in text  # Beside what that comes to.


@pytest.mark.parametrize("columns", WIDTHS)
def test_every_width_keeps_the_lines_whole_and_the_allowed_amount(columns: int) -> None:
    limits = [limit_of(value="123456.75", allowed="123456.75"), limit_of("LEVERAGE", "3", allowed="300000")]
    deep = node_of("account with a long name", "n-3", kind="ACCOUNT", limits=limits)
    text = drawn(node_of("Harbour", "n-1", children=[node_of("Desk A", "n-2", children=[deep])]), columns=columns)
    assert all(len(line) <= columns for line in text.splitlines())
    assert "123,456.75" in text
    assert "300,000" in text


def test_two_nodes_whose_ids_begin_alike_are_shown_with_more_of_them() -> None:
    text = drawn(node_of("A", "12345678-aaaa"), node_of("B", "12345678-bbbb"))
    assert "12345678-a" in text
    assert "12345678-b" in text
