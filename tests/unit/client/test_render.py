import re
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from breakwater.client import render


def shown(drawn: RenderableType, *, columns: int = 140) -> str:
    console = Console(file=StringIO(), width=columns, force_terminal=False)
    with console.capture() as captured:
        console.print(drawn)
    return captured.get()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("100000", "100,000"),
        ("0.50", "0.50"),
        ("1E-8", "0.00000001"),
        (None, "-"),
        ("abc", "abc"),
        ("-0.10", "-0.10"),
        ("-0.123456785001", "-0.12345679"),
    ],
)
def test_amounts_keep_their_scale_up_to_eight_decimals(text: str | None, told: str) -> None:
    assert render.amount(text) == told


@pytest.mark.parametrize(
    ("used", "reserved", "cells"),
    [
        ("0", "0", "░" * 16 + "   0%"),
        ("50", "25", "█" * 8 + "▒" * 4 + "░" * 4 + "  75%"),
        ("100", "0", "█" * 16 + " 100%"),
    ],
)
def test_the_bar_shows_used_solid_and_reserved_shaded(used: str, reserved: str, cells: str) -> None:
    assert render.bar(Decimal(used), Decimal(reserved), Decimal(100)).plain == cells


def test_a_bar_over_its_limit_or_of_a_limit_of_zero_is_full_and_no_longer() -> None:
    assert render.bar(Decimal(300), Decimal(0), Decimal(100)).plain.startswith("█" * 16 + " 300%")
    assert render.bar(Decimal(0), Decimal(0), Decimal(0)).plain.startswith("█" * 16 + " ")


def test_the_tree_shows_nodes_limits_and_a_killed_nodes_reason() -> None:
    count = {"limit_type": "OPEN_ORDER_COUNT", "instrument": "*", "value": "100", "used": "0", "reserved": "75"}
    collar = {"limit_type": "PRICE_COLLAR", "instrument": "*", "value": "0.10", "used": None, "reserved": None}
    banned = {
        "limit_type": "RESTRICTED_LIST",
        "instrument": "*",
        "value": None,
        "used": None,
        "parameters": {"mode": "DENY", "symbols": ["LUNA/USDT", "UST/USDT"]},
    }
    account: dict[str, Any] = {
        "node_id": "n-2",
        "name": "trader1 paper",
        "kind": "ACCOUNT",
        "state": "KILLED",
        "state_reason": "too fast",
        "limits": [count],
        "children": [],
    }
    firm = account | {
        "name": "Harbour [bold]",
        "kind": "FIRM",
        "state": "ACTIVE",
        "limits": [collar, banned],
        "children": [account],
    }
    text = shown(render.limits_tree(firm))
    assert "Harbour [bold]  firm" in text
    assert re.search("PRICE_COLLAR +0.10\n", text)
    assert "mode: DENY, symbols: LUNA/USDT UST/USDT\n" in text
    assert "KILLED too fast" in text
    assert "75%  0 used, 75 reserved of 100" in text


def test_what_the_server_says_is_never_read_as_markup() -> None:
    row = {"title": "[red]x[/red]", "severity": "ERROR"}
    assert "[red]x[/red]" in shown(render.table([row], render.ALERTS, empty=""))


def test_an_empty_list_says_so() -> None:
    assert shown(render.table([], render.TRADES, empty="No trades.")) == "No trades.\n"


ORDER_IDS = ("6b41f701-1afa-5ab2-9411-e43cdab575a8", "6b41f701-1afb-5ab2-9411-e43cdab575a8")
PLACED = [
    {
        "created_at": "2026-11-20T23:49:26.123Z",
        "side": "BUY",
        "quantity": "0.5",
        "symbol": "BTC/USDT",
        "price": "104523.12",
        "cum_qty": "0",
        "avg_px": "2684.1922875",
        "status": "NEW",
        "order_id": order_id,
    }
    for order_id in ORDER_IDS
]


def test_a_wide_terminal_shows_whole_ids() -> None:
    text = shown(render.table(PLACED, render.ORDERS, empty=""))
    assert [line.split()[-1] for line in text.splitlines()[1:]] == list(ORDER_IDS)


def test_a_narrow_terminal_shows_ids_as_short_as_they_can_be_told_apart() -> None:
    lines = shown(render.table(PLACED, render.ORDERS, empty=""), columns=80).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["6b41f701-1afa", "6b41f701-1afb"]
    assert lines[1].startswith("11-20 23:49  BUY")


@pytest.mark.parametrize("columns", [30, 60, 80, 100, 140])
def test_no_width_breaks_a_number_in_two(columns: int) -> None:
    text = shown(render.table(PLACED, render.ORDERS, empty=""), columns=columns)
    assert text.count("104,523.12") == len(PLACED)
    assert all(len(line) <= columns for line in text.splitlines())
