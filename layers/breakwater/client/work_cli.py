"""`breakwater work` and `execution`: an order that the router works, and what became of it."""

from enum import StrEnum
from typing import Annotated

import typer

from breakwater.client.arguments import (
    Account,
    At,
    ForTheDay,
    GoodTill,
    Located,
    Market,
    OrderId,
    OwnId,
    PostOnly,
    ReduceOnly,
    SideOf,
    Strategy,
    Symbol,
    Tif,
    account_of,
    lifetime,
    one_price,
)
from breakwater.client.executions import ALGORITHMS, algorithms_with, execution_of, find_algorithm
from breakwater.client.lookup import find_node_id, find_order_id
from breakwater.client.order_render import CHILDREN_SHOWN_MAX, execution_report
from breakwater.client.order_terms import OrderOptions
from breakwater.client.placing import send_order, show_placed, show_preview
from breakwater.client.terminal import AsJson, out, print_json, signed_in


class Trigger(StrEnum):
    LAST = "LAST"
    BEST = "BEST"


def _of(option: str, help_text: str) -> str:
    """Its help, with the algorithms that it belongs to."""
    return f"{help_text} ({', '.join(algorithms_with(option))})"


By = Annotated[str, typer.Option(metavar="ALGORITHM", help=f"{', '.join(ALGORITHMS)}; docs/routing.md.")]
Venues = Annotated[
    list[str] | None, typer.Option("--venue", help="Where it may trade, as often as needed; by default everywhere.")
]
Over = Annotated[str | None, typer.Option(metavar="DURATION", help=_of("over", "How long: 600, 90s, 10m, 2h, 1d."))]
Slices = Annotated[int | None, typer.Option(help=_of("slices", "In so many parts."))]
Start = Annotated[str | None, typer.Option(help=_of("start", "When, such as +10m or '2026-12-01 14:00' (UTC)."))]
Percent = Annotated[str | None, typer.Option(help=_of("percent", "Of what trades, or how far behind the best price."))]
Show = Annotated[str | None, typer.Option(help=_of("show", "Quantity that is shown at a time."))]
Patience = Annotated[str | None, typer.Option(metavar="DURATION", help=_of("patience", "How long it rests first."))]
Stop = Annotated[str | None, typer.Option(help=_of("stop", "Price that sets it off."))]
StopLimit = Annotated[str | None, typer.Option(help=_of("stop-limit", "Where it may trade at worst once it stops."))]
TriggerBy = Annotated[
    Trigger | None,
    typer.Option("--trigger", case_sensitive=False, help=_of("trigger", "By the last trade, or the best price.")),
]
After = Annotated[
    str | None, typer.Option(metavar="ORDER", help=_of("after", "The order it exits from, or the id's beginning."))
]
Offset = Annotated[str | None, typer.Option(help=_of("offset", "How far behind the best price, in price."))]
Entry = Annotated[str | None, typer.Option(help=_of("entry", "Price of the entry, to lock its profit in steps."))]
Target = Annotated[str | None, typer.Option(help=_of("target", "Price of the whole profit, with --entry."))]


def work(
    side: SideOf,
    quantity: str,
    symbol: Symbol,
    *,
    by: By,
    at: At = None,
    market: Market = False,
    venue: Venues = None,
    over: Over = None,
    slices: Slices = None,
    start: Start = None,
    percent: Percent = None,
    show: Show = None,
    patience: Patience = None,
    stop: Stop = None,
    stop_limit: StopLimit = None,
    offset: Offset = None,
    entry: Entry = None,
    target: Target = None,
    trigger: TriggerBy = None,
    after: After = None,
    tif: Tif = None,
    until: GoodTill = None,
    day: ForTheDay = False,
    post_only: PostOnly = False,
    reduce_only: ReduceOnly = False,
    strategy: Strategy = None,
    located: Located = False,
    own_id: OwnId = None,
    only_preview: Annotated[
        bool, typer.Option("--preview", help="What the limits would say. Nothing is placed and nothing reserved.")
    ] = False,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Let the router work an order.

    Over venues, over time, or once a price is reached: such as `breakwater work buy 50 ETH/USDT --by twap --over 10m
    --at 2690`, or `breakwater work sell 5 ETH/USDT --by stop --stop 2500 --market`. In brackets: the algorithms that an
    option belongs to.
    """
    price = one_price(at, market)
    time_in_force, expire_time = lifetime(tif, until, day)
    told = {
        "over": over,
        "slices": slices,
        "start": start,
        "percent": percent,
        "show": show,
        "patience": patience,
        "stop": stop,
        "stop-limit": stop_limit,
        "offset": offset,
        "entry": entry,
        "target": target,
        "trigger": trigger,
        "after": after,
    }
    asked = execution_of(find_algorithm(by), told, venue or [])
    with signed_in() as (client, saved):
        if after is not None:
            asked["after"] = find_order_id(client, after)
        options: OrderOptions = {
            "execution": asked,
            "time_in_force": time_in_force,
            "expire_time": expire_time,
            "post_only": post_only,
            "reduce_only": reduce_only,
            "strategy_id": strategy and find_node_id(client, strategy),
            "located": located,
        }
        account_id, name = account_of(client, account, saved), symbol.upper()
        if only_preview:
            show_preview(client.preview(account_id, name, side.name, quantity, price=price, **options), as_json)
            return
        order = send_order(client, account_id, name, side.name, quantity, price=price, own_id=own_id, **options)
    show_placed(order, as_json)


def execution(
    order_id: OrderId,
    every: Annotated[
        bool, typer.Option("--all", help=f"Every child, in place of the latest {CHILDREN_SHOWN_MAX}.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What the router made of an order.

    And what that cost, against the market at its beginning and the volume-weighted average since.
    """
    with signed_in() as (client, _):
        report = client.execution(find_order_id(client, order_id))
    if as_json:
        print_json(dict(report))
    else:
        out().print(execution_report(report, children_max=None if every else CHILDREN_SHOWN_MAX))
