"""`breakwater work`, `bracket` and `execution`: orders that the router works, and what became of them."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from breakwater.client import render
from breakwater.client.arguments import (
    Account,
    At,
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
    one_price,
)
from breakwater.client.brackets import Bracket, BracketTerms, ExitRefused, NothingToExit, new_bracket_id, place_bracket
from breakwater.client.executions import ALGORITHMS, algorithms_with, execution_of, find_algorithm
from breakwater.client.lookup import find_node_id, find_order_id
from breakwater.client.order_render import CHILDREN_SHOWN_MAX, execution_report, order_list
from breakwater.client.placing import note_unresolved, send_order, show_placed, told_how_to_ask_again
from breakwater.client.shapes import FINAL_STATUSES, Order
from breakwater.client.terminal import AsJson, complain, out, print_json, say_problem, signed_in


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
    post_only: PostOnly = False,
    reduce_only: ReduceOnly = False,
    strategy: Strategy = None,
    located: Located = False,
    own_id: OwnId = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Let the router work an order: over venues, over time, or once a price is reached.

    Such as `breakwater work buy 50 ETH/USDT --by twap --over 10m --at 2690`, or `breakwater work sell 5 ETH/USDT
    --by stop --stop 2500 --market`. In brackets: the algorithms that an option belongs to.
    """
    price = one_price(at, market)
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
        order = send_order(
            client,
            saved,
            side,
            quantity,
            symbol,
            price=price,
            client_order_id=own_id,
            account=account,
            strategy=strategy,
            execution=asked,
            time_in_force=tif,
            post_only=post_only,
            reduce_only=reduce_only,
            located=located,
        )
    show_placed(order, as_json)


def bracket(
    side: SideOf,
    quantity: str,
    symbol: Symbol,
    *,
    at: At = None,
    market: Market = False,
    target: Annotated[str, typer.Option(help="Price at which the exit takes its profit.")],
    stop: Annotated[str, typer.Option(help="Price at which the exit stops the loss.")],
    stop_limit: Annotated[str | None, typer.Option(help="Where the stop may trade at worst.")] = None,
    venue: Annotated[
        list[str] | None,
        typer.Option("--venue", help="SIM by default; over several the entry is routed. It exits where it entered."),
    ] = None,
    tif: Tif = None,
    post_only: PostOnly = False,
    strategy: Strategy = None,
    located: Located = False,
    own_id: Annotated[
        str | None, typer.Option("--id", help="Your own id, which both orders' ids begin with; repeating it is safe.")
    ] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Place an entry, and the exit that takes its profit or stops its loss.

    Such as `breakwater bracket buy 1 ETH/USDT --at 2600 --target 2800 --stop 2500`. The exit works no more than the
    entry has filled. When it is refused, the entry is cancelled.
    """
    price = one_price(at, market)
    whole_id = own_id or new_bracket_id()
    with signed_in() as (client, saved):
        terms = BracketTerms(
            account_id=account_of(client, account, saved),
            symbol=symbol.upper(),
            side=side.name,
            quantity=quantity,
            price=price,
            target=target,
            stop=stop,
            stop_limit=stop_limit,
            venues=tuple(each.upper() for each in venue or ()),
            time_in_force=tif,
            post_only=post_only,
            strategy_id=strategy and find_node_id(client, strategy),
            located=located,
            bracket_id=whole_id,
        )
        again = "some of it may have been placed; the same again with `--id {}` goes on where it was"
        try:
            with told_how_to_ask_again(again, whole_id):
                made = place_bracket(client, terms)
        except ExitRefused as refused:
            _say_refused(refused, as_json)
            raise typer.Exit(1) from refused
        except NothingToExit as nothing:
            _say_nothing_to_exit(nothing.entry, whole_id, as_json)
            raise typer.Exit(1) from nothing
    _show_bracket(made, as_json)


def execution(
    order_id: OrderId,
    every: Annotated[
        bool, typer.Option("--all", help=f"Every child, in place of the latest {CHILDREN_SHOWN_MAX}.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What the router made of an order, and what that cost against the market."""
    with signed_in() as (client, _):
        report = client.execution(find_order_id(client, order_id))
    if as_json:
        print_json(dict(report))
    else:
        out().print(execution_report(report, children_max=None if every else CHILDREN_SHOWN_MAX))


def _show_bracket(made: Bracket, as_json: bool) -> None:
    if as_json:
        print_json({"entry": made.entry, "exit": made.exit})
        return
    out().print(order_list([dict(made.entry), dict(made.exit)], empty=""))
    for order in (made.entry, made.exit):
        note_unresolved(order)


def _say_refused(refused: ExitRefused, as_json: bool) -> None:
    """The exit's no, and how the entry stands."""
    say_problem(refused.problem, of_what="the exit was refused: ")
    entry = refused.entry
    if as_json:
        print_json({"entry": entry, "exit": None})
    told = "Nothing was placed." if entry is None else _standing(entry, refused.cancel_trouble)
    out(stderr=True).print(Text(told), soft_wrap=True)


def _standing(entry: Order, cancel_trouble: str | None) -> str:
    filled = f"{render.amount(entry['cum_qty'])} of {render.amount(entry['quantity'])}"
    has_filled = bool(entry["avg_px"])
    if has_filled:
        filled += f" at {render.amount(entry['avg_px'])}"
    if entry["status"] not in FINAL_STATUSES:
        return (
            f"The entry is still {entry['status']}, {filled} filled, with no exit: it was not cancelled, since "
            f"{cancel_trouble}. Cancel it with `breakwater cancel {entry['order_id']}`."
        )
    if not has_filled:
        return f"The entry is {entry['status']}, and nothing of it had filled."
    return f"The entry is {entry['status']}. It had filled {filled} before: no order exits from that."


def _say_nothing_to_exit(entry: Order, whole_id: str, as_json: bool) -> None:
    if as_json:
        print_json({"entry": entry, "exit": None})
    if entry["status"] in FINAL_STATUSES:
        why = f": {entry['reject_reason']}" if entry.get("reject_reason") else ""
        complain(f"the entry is {entry['status']} and has filled nothing{why}; no exit was placed")
        return
    complain(
        f"whether the entry {entry['order_id']} was taken is not known yet, and no exit is placed; "
        f"the same again with `--id {whole_id}` goes on where it was"
    )
