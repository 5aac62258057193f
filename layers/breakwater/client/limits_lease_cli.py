"""`breakwater limits lease`: what the engine may trade by itself, without asking the limits for each order."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.text import Text

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.arguments import Account, AnyNode, Strategy, Symbol, account_of
from breakwater.client.lookup import find_lease_id, find_node_id
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, complain, out, print_json, show_list, signed_in

LEASES = {
    "account": "account_name",
    "symbol": "symbol",
    "venue": "venue",
    "state": "state",
    "buy free": "buy_free",
    "buy taken": "buy_taken",
    "sell free": "sell_free",
    "sell taken": "sell_taken",
    "orders": "orders_words",
    "expires": "expires_at",
    "answered": "is_answered",
    "lease": "lease_id",
}
REASON = {"reason": "state_reason"}

lease_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What the engine may trade by itself, within the limits."
)


@lease_app.command("list")
def list_leases(
    node: AnyNode = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are over and hold nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """The leases of accounts below a node.

    Free is held for orders that may come; taken is what the lease's orders have open or have filled, from the first on.
    """
    with signed_in() as (client, _):
        node_id = None if node is None else find_node_id(client, node)
        found = client.leases(node_id=node_id, living_only=not every)
        names = {} if as_json else _account_names(client)
    rows = found if as_json else lease_rows(found, names)
    show_list({"items": rows}, _columns(found), as_json, empty="No leases.")


@lease_app.command("open")
def open_lease(
    symbol: Symbol,
    *,
    buy: Annotated[str, typer.Option(help="At most so much free for buys at a time, in base units.")] = "0",
    sell: Annotated[str, typer.Option(help="The same for sells.")] = "0",
    orders: Annotated[int, typer.Option(help="Open orders at a time.")],
    venue: Annotated[str | None, typer.Option(help="SIM by default.")] = None,
    strategy: Strategy = None,
    key: Annotated[str | None, typer.Option(help="The id of the API key whose orders it is for.")] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Let the engine take an account's orders by itself.

    Such as `breakwater limits lease open ETH/USDT --buy 80 --sell 80 --orders 10`. One that is open gets these sizes.
    An eighth is free at first, and more as it is used.
    """
    with signed_in() as (client, saved):
        lease = client.open_lease(
            account_of(client, account, saved),
            symbol.upper(),
            buy_max=buy,
            sell_max=sell,
            orders_max=orders,
            venue=venue and venue.upper(),
            strategy_id=strategy and find_node_id(client, strategy),
            api_key_id=key,
        )
        names = {} if as_json else _account_names(client)
    _say(lease, names, as_json)
    if not lease["is_answered"] and not as_json:
        out().print("The engine has not answered yet: it is asked again until it does.", style="yellow")


@lease_app.command("stop")
def stop_lease(
    lease_id: Annotated[str, typer.Argument(metavar="LEASE", help="The beginning of its id.")], as_json: AsJson = False
) -> None:
    """No order passes by it any more; open orders stay.

    What no order has taken is given back. If the engine has not answered, the exit code is 1.
    """
    with signed_in() as (client, _):
        lease = client.stop_lease(find_lease_id(client, lease_id))
        names = {} if as_json else _account_names(client)
    _say(lease, names, as_json)
    if not lease["is_answered"]:
        complain("the engine has not answered: it may go by the lease until it runs out, and is asked again")
        raise typer.Exit(1)


def _say(lease: Json, names: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        print_json(lease)
        return
    out().print(render.table(lease_rows([lease], names), _columns([lease]), empty=""))
    if lease["state"] == "OPEN":
        low, high = render.amount(lease["price_low"]), render.amount(lease["price_high"])
        held = render.amount(lease["valuation_price"])
        out().print(Text(f"Its orders trade between {low} and {high}; each unit is held at {held}.", "dim"))


def _account_names(client: Client) -> dict[str, str]:
    return {node["account_id"]: node["name"] for node in client.nodes() if node["account_id"]}


def lease_rows(leases: Sequence[Json], names: Mapping[str, str]) -> list[Json]:
    """Rows of LEASES."""
    return [
        lease
        | {
            "account_name": names.get(lease["account_id"], lease["account_id"]),
            "orders_words": f"{lease['live_orders']} of {lease['orders_max']}",
        }
        for lease in leases
    ]


def _columns(leases: Sequence[Json]) -> dict[str, str]:
    """Why a lease stands as it does is told where one was stopped."""
    return LEASES | (REASON if any(lease["state"] == "STOPPED" for lease in leases) else {})
