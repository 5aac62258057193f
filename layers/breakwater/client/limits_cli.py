"""`breakwater limits`: the limit tree, its changes, and the brake."""

from typing import Annotated

import typer
from rich.markup import escape

from breakwater.client import render
from breakwater.client.lookup import find_node_id
from breakwater.client.terminal import AsJson, complain, out, print_json, show_list, show_record, signed_in

limits_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The limit tree: see it, change it, stop a node."
)

Node = Annotated[str, typer.Argument(help='The node\'s name, such as "Desk A", or its id.')]
Reason = Annotated[str, typer.Option(help="Kept in the audit trail.")]


@limits_app.command("tree")
def limits_tree(as_json: AsJson = False) -> None:
    """The tree of nodes, with every limit and how much of it is used."""
    with signed_in() as (client, _):
        answer = client.limits_tree()
    if as_json:
        print_json(answer)
        return
    for root in answer["items"]:
        out().print(render.limits_tree(root))


@limits_app.command("usage")
def limits_usage(node: Node, as_json: AsJson = False) -> None:
    """One node's limits and their use."""
    with signed_in() as (client, _):
        answer = client.limits_usage(find_node_id(client, node))
    show_list(answer, render.USAGE, as_json, empty="No limits on this node.")


@limits_app.command("set")
def limits_set(
    node: Node,
    limit_type: Annotated[str, typer.Argument(help="Such as MAX_ORDER_QTY.")],
    value: str,
    instrument: Annotated[str, typer.Option(help="A symbol, or * for all.")] = "*",
    as_json: AsJson = False,
) -> None:
    """Set a node's limit, or change it."""
    with signed_in() as (client, _):
        answer = client.set_limit(find_node_id(client, node), limit_type.upper(), value=value, instrument=instrument)
    show_record(answer, as_json)
    for warning in [] if as_json else answer["warnings"]:
        out().print(f"[yellow]note:[/] {escape(warning)}")


@limits_app.command("kill")
def limits_kill(node: Node, reason: Reason, as_json: AsJson = False) -> None:
    """Stop a node: no new orders, open ones cancelled."""
    with signed_in() as (client, _):
        answer = client.kill(find_node_id(client, node), reason)
    show_record(answer, as_json)
    if not as_json:
        count = len(answer["canceled"])
        out().print("1 order cancelled." if count == 1 else f"{count} orders cancelled.")
    if answer["failed"]:
        complain("these may still be open; the call may be repeated")
        out(stderr=True).print(render.table(answer["failed"], render.FAILED_CANCELS, empty=""))
        raise typer.Exit(1)


@limits_app.command("rearm")
def limits_rearm(node: Node, reason: Reason, as_json: AsJson = False) -> None:
    """Let a stopped node trade again."""
    with signed_in() as (client, _):
        answer = client.rearm(find_node_id(client, node), reason)
    show_record(answer, as_json)
