"""`breakwater limits`: see what is set and used, try an order, hear what was refused."""

from collections.abc import Callable, Iterable
from typing import Annotated

import typer
from rich.text import Text

from breakwater.client import limits_render, render
from breakwater.client.api import Client
from breakwater.client.arguments import (
    Account,
    AnyNode,
    At,
    Located,
    Market,
    Node,
    ReduceOnly,
    SideOf,
    Strategy,
    Symbol,
    Tif,
    account_of,
    one_price,
)
from breakwater.client.brakes_cli import brakes_app
from breakwater.client.limits_fill_cli import fill_app
from breakwater.client.limits_lease_cli import lease_app
from breakwater.client.limits_node_cli import node_app
from breakwater.client.limits_render import Context
from breakwater.client.limits_setting_cli import override_app, setting_app, terms_app
from breakwater.client.limits_tree import LEGEND, LimitsTree
from breakwater.client.limits_what_if_cli import what_if_app
from breakwater.client.lookup import find_limit_type, find_node_id
from breakwater.client.pages import every
from breakwater.client.shapes import Json, Page
from breakwater.client.terminal import AsJson, out, print_json, show_list, signed_in

limits_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The limits: see them, change them, stop a node. A node is named by its name or the beginning of its id.",
)

Every = Annotated[bool, typer.Option("--all", help="Not only the latest.")]


@limits_app.command("tree")
def tree(node: AnyNode = None, as_json: AsJson = False) -> None:
    """The tree of nodes, each limit with its use.

    Bars are yellow from 70 %, red from 90 %. Limits that ask each order by itself have none.
    """
    with signed_in() as (client, _):
        answer = client.limits_tree(None if node is None else find_node_id(client, node))
        nodes = [each for root in answer["items"] for each in limits_render.nodes_of(root)]
        limits = [limit for each in nodes for limit in each["limits"]]
        context = None if as_json else _context(client, limits, nodes)
    if context is None:
        print_json(answer)
        return
    out().print(LimitsTree(answer["items"], context))
    if any(limit["usage_pct"] for limit in limits):
        out().print(Text(LEGEND, "dim"))


@limits_app.command("show")
@limits_app.command("usage", hidden=True)
def show(node: Node, as_json: AsJson = False) -> None:
    """One node: its limits in force, planned, and overridden."""
    with signed_in() as (client, _):
        answer = client.limits_usage(find_node_id(client, node))
        if as_json:
            print_json(answer)
            return
        limits = [*answer["items"], *answer["planned"]]
        context = _context(client, limits, [answer], with_overrides=True)
    _show_node(answer)
    rows = limits_render.limit_rows(answer["items"], context)
    out().print(render.table(rows, limits_render.LIMITS, empty="No limits on this node."))
    notes = [note for limit in answer["items"] for note in limits_render.named_notes(limit, context)]
    if notes:
        out().print(Text("\n").join([Text(), *notes]))
    if answer["planned"]:
        out().print("\nPlanned", style="bold")
        rows = limits_render.limit_rows(answer["planned"], context)
        out().print(render.table(rows, limits_render.PLANNED, empty=""))
    overrides = [each for each in context.overrides.values() if each["node_id"] == answer["node_id"]]
    if overrides:
        out().print("\nOverrides", style="bold")
        rows = limits_render.override_rows(overrides, list(context.types.values()))
        out().print(render.table(rows, limits_render.OVERRIDES, empty=""))


@limits_app.command("types")
def types(
    limit_type: Annotated[str | None, typer.Argument(metavar="[TYPE]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every type of limit, its unit and its parameters."""
    with signed_in() as (client, _):
        known = client.limit_types()
    shown = known if limit_type is None else [find_limit_type(known, limit_type)]
    if as_json:
        print_json({"items": shown})
    elif limit_type is not None:
        out().print(limits_render.type_record(shown[0]))
    else:
        out().print(limits_render.types_table(shown))
        out().print("`breakwater limits types TYPE` tells how its parameters are written.", style="dim")


@limits_app.command("check")
def check(
    side: SideOf,
    quantity: str,
    symbol: Symbol,
    *,
    at: At = None,
    market: Market = False,
    tif: Tif = None,
    reduce_only: ReduceOnly = False,
    strategy: Strategy = None,
    located: Located = False,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Try an order: every verdict, the largest quantity.

    Such as `breakwater limits check buy 5 ETH/USDT --at 2684.10`. Nothing is reserved. If it would be refused, the exit
    code is 1.
    """
    price = one_price(at, market)
    with signed_in() as (client, saved):
        answer = client.validate(
            account_of(client, account, saved),
            symbol.upper(),
            side.name,
            quantity,
            price=price,
            time_in_force=tif,
            reduce_only=reduce_only,
            strategy_id=strategy and find_node_id(client, strategy),
            located=located,
        )
    if as_json:
        print_json(answer)
    else:
        _show_verdicts(answer)
    if not answer["passes"]:
        raise typer.Exit(1)


@limits_app.command("reservations")
def reservations(node: AnyNode = None, all_pages: Every = False, as_json: AsJson = False) -> None:
    """What open orders hold now."""
    with signed_in() as (client, _):
        node_id = None if node is None else find_node_id(client, node)
        page = _page(client.reservations, node_id, all_pages)
        names = {} if as_json else {each["account_id"]: each["name"] for each in client.nodes() if each["account_id"]}
    rows = page["items"] if as_json else [row | {"account_name": names.get(row["account_id"])} for row in page["items"]]
    show_list(page | {"items": rows}, limits_render.RESERVATIONS, as_json, empty="Nothing is held.")
    _say_more(page, as_json)


@limits_app.command("breaches")
def breaches(node: AnyNode = None, all_pages: Every = False, as_json: AsJson = False) -> None:
    """What was refused and warned of, and what stopped.

    The newest first, with the changes of nodes' states.
    """
    with signed_in() as (client, _):
        node_id = None if node is None else find_node_id(client, node)
        page = _page(client.breaches, node_id, all_pages)
    rows = page["items"] if as_json else limits_render.breach_rows(page["items"])
    show_list(page | {"items": rows}, limits_render.BREACHES, as_json, empty="No limit has said anything.")
    _say_more(page, as_json)


limits_app.add_typer(setting_app)
limits_app.add_typer(what_if_app)
limits_app.add_typer(override_app, name="override")
limits_app.add_typer(terms_app, name="terms")
limits_app.add_typer(node_app, name="node")
limits_app.add_typer(lease_app, name="lease")
limits_app.add_typer(brakes_app)
limits_app.add_typer(fill_app)


def _context(client: Client, limits: Iterable[Json], nodes: Iterable[Json], *, with_overrides: bool = False) -> Context:
    """Asks for no more than these limits need."""
    limits = list(limits)
    names = {node["node_id"]: node["name"] for node in nodes}
    if any(limit["stricter_above"] not in names for limit in limits if limit["stricter_above"]):
        names |= {node["node_id"]: node["name"] for node in client.nodes()}
    with_overrides = with_overrides or any(limit["override_id"] for limit in limits)
    return Context.of(
        client.limit_types(),
        node_names=names,
        overrides={each["override_id"]: each for each in client.overrides()} if with_overrides else {},
    )


def _show_node(node: Json) -> None:
    day = f"{node['session_day']}, from {node['session_start']} {node['time_zone']}"
    out().print(limits_render.node_label(node, node["node_id"]))
    out().print(Text(f"the day of its daily limits: {day}", "dim"))
    out().print()


def _show_verdicts(answer: Json) -> None:
    refusing = [verdict for verdict in answer["verdicts"] if not verdict["passes"] and verdict["action"] != "WARN"]
    largest = answer["largest_passing_quantity"]
    if answer["passes"]:
        said = f"[green]It would pass[/] all of {len(answer['verdicts'])} limits"
    else:
        said = f"[red]It would be refused[/] by {len(refusing)} of {len(answer['verdicts'])} limits"
    if largest is not None:
        said += f"; the largest quantity that passes is {render.amount(largest)}"
    out().print(f"{said}.", soft_wrap=True)
    low, high = render.amount(answer["price_low"]), render.amount(answer["price_high"])
    out().print(f"It would trade between {low} and {high}, and is held at {high}.", style="dim")
    out().print()
    ordered = sorted(answer["verdicts"], key=lambda verdict: verdict["passes"])
    out().print(render.refusals(ordered, render.VERDICTS))


def _page(fetch: Callable[..., Page], node_id: str | None, all_pages: bool) -> Json:
    if all_pages:
        return {"items": list(every(fetch, node_id=node_id)), "next_cursor": None}
    return dict(fetch(node_id=node_id))


def _say_more(page: Json, as_json: bool) -> None:
    if page["next_cursor"] is not None and not as_json:
        out().print("There are older ones: --all shows them.", style="dim")
