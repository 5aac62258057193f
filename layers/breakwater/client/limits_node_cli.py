"""`breakwater limits node`: the tree as people build it."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from breakwater.client.arguments import Node
from breakwater.client.limits_render import node_label
from breakwater.client.lookup import find_node, find_node_id
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, say_warnings, signed_in

node_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Desks, traders, strategies and keys in the tree."
)


class Kind(StrEnum):
    DESK = "desk"
    TRADER = "trader"
    STRATEGY = "strategy"
    KEY = "key"


Under = Annotated[str, typer.Option(help="The node above it, by name or the beginning of its id.")]


@node_app.command("add")
def add(
    kind: Annotated[Kind, typer.Argument(case_sensitive=False)],
    name: str,
    *,
    under: Under,
    key: Annotated[str | None, typer.Option(help="The id of the API key, for a node of kind key.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a node, with the calendar of the one above it.

    Such as `breakwater limits node add strategy "Pairs" --under "trader1 paper"`. A key with a node trades only there.
    """
    if (kind is Kind.KEY) != (key is not None):
        raise typer.BadParameter("say --key with a node of kind key, and with no other")
    with signed_in() as (client, _):
        kind_name = "API_KEY" if kind is Kind.KEY else kind.name
        answer = client.create_node(find_node_id(client, under), kind_name, name, api_key_id=key)
    _say(answer, as_json)


@node_app.command("rename")
def rename(node: Node, name: str, as_json: AsJson = False) -> None:
    """Give a node another name."""
    with signed_in() as (client, _):
        answer = client.change_node(find_node_id(client, node), name=name)
    _say(answer, as_json)


@node_app.command("move")
def move(node: Node, *, under: Under, as_json: AsJson = False) -> None:
    """Hang a node under another one, with all below it. Nothing below it may be open."""
    with signed_in() as (client, _):
        answer = client.change_node(find_node_id(client, node), parent_id=find_node_id(client, under))
    _say(answer, as_json)


@node_app.command("remove")
def remove(node: Node, as_json: AsJson = False) -> None:
    """Remove a node that has no limits, nothing below it, and never traded."""
    with signed_in() as (client, _):
        found = find_node(client, node)
        client.delete_node(found["node_id"])
    if as_json:
        print_json({"deleted": found})
    else:
        out().print(f"{escape(found['name'])} is gone.", soft_wrap=True)


@node_app.command("calendar")
def calendar(
    node: Node,
    *,
    time_zone: Annotated[str | None, typer.Option(help="Such as Europe/London.")] = None,
    session_start: Annotated[str | None, typer.Option(help="When the day begins, such as 17:00.")] = None,
    as_json: AsJson = False,
) -> None:
    """When the day of daily limits begins, at the node and all below it; without options, when that is now."""
    with signed_in() as (client, _):
        found = find_node(client, node)
        if time_zone or session_start:
            found = client.change_node(found["node_id"], time_zone=time_zone, session_start=session_start)
    if as_json:
        print_json(found)
        return
    day = f"begins at {found['session_start']} {found['time_zone']}; now it is that of {found['session_day']}"
    out().print(f"The day of {escape(found['name'])} {day}.", soft_wrap=True)


def _say(node: Json, as_json: bool) -> None:
    if as_json:
        print_json(node)
    else:
        out().print(node_label(node, node["node_id"]))
        say_warnings(node)
