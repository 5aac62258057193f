from io import StringIO

import pytest
from rich.console import Console, RenderableType

from breakwater.client import render
from breakwater.client.order_render import order_list


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
    text = shown(order_list(PLACED, empty=""))
    assert [line.split()[-1] for line in text.splitlines()[1:]] == list(ORDER_IDS)


def test_a_narrow_terminal_shows_ids_as_short_as_they_can_be_told_apart() -> None:
    lines = shown(order_list(PLACED, empty=""), columns=80).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["6b41f701-1afa", "6b41f701-1afb"]
    assert lines[1].startswith("11-20 23:49  BUY")


@pytest.mark.parametrize("columns", [30, 60, 80, 100, 140])
def test_no_width_breaks_a_number_in_two(columns: int) -> None:
    text = shown(order_list(PLACED, empty=""), columns=columns)
    assert text.count("104,523.12") == len(PLACED)
    assert all(len(line) <= columns for line in text.splitlines())


@pytest.mark.parametrize(("columns", "is_told"), [(140, True), (110, True), (80, False)])
def test_what_the_router_works_is_told_where_there_is_room(columns: int, is_told: bool) -> None:
    parents = [order | {"execution": {"algorithm": "TWAP", "duration_s": 600}} for order in PLACED]
    text = shown(order_list(parents, empty=""), columns=columns)
    assert ("TWAP 10m" in text) is is_told
    assert len(text.splitlines()) == 1 + len(PLACED)
