"""`breakwater bracket`: an entry with the exit that takes its profit or stops its loss."""

from decimal import Decimal
from typing import Annotated

import typer
from rich.text import Text

from breakwater.client import render
from breakwater.client.arguments import (
    Account,
    At,
    Located,
    Market,
    PostOnly,
    SideOf,
    Strategy,
    Symbol,
    Tif,
    account_of,
    one_price,
)
from breakwater.client.brackets import Bracket, BracketTerms, ExitRefused, NothingToExit, new_bracket_id, place_bracket
from breakwater.client.lookup import find_node_id
from breakwater.client.order_render import order_list
from breakwater.client.placing import note_unresolved, told_how_to_ask_again
from breakwater.client.shapes import FINAL_STATUSES, UNRESOLVED_STATUSES, Order
from breakwater.client.terminal import AsJson, complain, out, print_json, say_problem, signed_in
from breakwater.client.transport import Problem


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
    """Place an entry and its exit.

    The exit takes the profit or stops the loss, whichever comes first: such as `breakwater bracket buy 1 ETH/USDT
    --at 2600 --target 2800 --stop 2500`. It works no more than the entry has filled, and ends when that fills nothing.
    When the exit is refused, the entry is cancelled.
    """
    price = one_price(at, market)
    whole_id = new_bracket_id() if own_id is None else own_id
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
        except Problem as problem:
            say_problem(problem, of_what="the entry: " if problem.status == 422 else "")
            raise typer.Exit(1) from problem
        except ExitRefused as refused:
            _say_refused(terms, refused, as_json)
            raise typer.Exit(1) from refused
        except NothingToExit as nothing:
            _say_nothing_to_exit(nothing.entry, whole_id, as_json)
            raise typer.Exit(1) from nothing
    _show_bracket(made, as_json)
    if made.exit["status"] in UNRESOLVED_STATUSES:
        complain(
            f"whether the exit {made.exit['order_id']} was taken is not known yet; "
            f"the same again with `--id {whole_id}` asks on, and cancels the entry if it was not"
        )
        raise typer.Exit(1)


def _show_bracket(made: Bracket, as_json: bool) -> None:
    if as_json:
        print_json({"entry": made.entry, "exit": made.exit})
        return
    rows = [dict(made.entry) | {"part": "entry"}, dict(made.exit) | {"part": "exit"}]
    out().print(order_list(rows, empty="", first={"part": "part"}))
    for order in (made.entry, made.exit):
        note_unresolved(order)


def _say_refused(terms: BracketTerms, refused: ExitRefused, as_json: bool) -> None:
    """The exit's no, how the entry stands, and what can be done about it."""
    say_problem(refused.problem, of_what="the exit: ")
    entry = refused.entry
    if as_json:
        print_json({"entry": entry, "exit": None})
    told = "Nothing was placed."
    if entry is not None:
        told = _standing(entry, refused.cancel_trouble)
        if Decimal(entry["cum_qty"]):
            told += f" To try again: `{_exit_command(terms, entry)}`."
    out(stderr=True).print(Text(told), soft_wrap=True)


def _standing(entry: Order, cancel_trouble: str | None) -> str:
    of_whole = f"of {render.amount(entry['quantity'])} {entry['symbol']}"
    filled = f"nothing {of_whole} had filled"
    if Decimal(entry["cum_qty"]):
        average = render.amount(entry["avg_px"])
        filled = f"{render.amount(entry['cum_qty'])} {of_whole} had filled at {average}, and no order exits from that"
    told = f"The entry is {entry['status']}: {filled}."
    if entry["status"] not in FINAL_STATUSES:
        told += f" It was not cancelled ({cancel_trouble}): `breakwater cancel {entry['order_id']}` does it."
    return told


def _exit_command(terms: BracketTerms, entry: Order) -> str:
    """The exit by itself, for what has filled."""
    order = f"{terms.exit_side().lower()} {entry['cum_qty']} {terms.symbol} --by oco --at {terms.target}"
    words = [f"breakwater work {order} --stop {terms.stop}", f"--after {entry['order_id']}"]
    if terms.stop_limit is not None:
        words.insert(1, f"--stop-limit {terms.stop_limit}")
    words += [f"--venue {venue}" for venue in terms.exit_venues(entry)]
    if terms.strategy_id is not None:
        words.append(f"--strategy {terms.strategy_id}")
    return " ".join([*words, f"--account {terms.account_id}"])


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
