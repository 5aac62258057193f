"""`breakwater limits what-if`: a recorded day's orders against a changed limit."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from breakwater.client import render
from breakwater.client.arguments import Currency, Everywhere, LimitType, Node, Params, Value
from breakwater.client.limit_words import parse_parameters
from breakwater.client.limits_api import setting
from breakwater.client.limits_render import limit_name
from breakwater.client.lookup import find_limit_type, find_node_id
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, signed_in

ORDERS = {
    "placed": "placed_at",
    "side": "side",
    "quantity": "quantity",
    "symbol": "symbol",
    "price": "price",
    "order": "order_id",
}
REFUSED = ORDERS | {"why": "why"}
EXPOSURE = {
    "node": "node_name",
    "symbol": "symbol",
    "peak position": "peak_position",
    "peak open notional": "peak_open_notional",
}
PNL = {"account": "account_name", "P&L as it was": "actual", "as it would be": "what_if"}

what_if_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@what_if_app.command("what-if")
def what_if(
    node: Node,
    limit_type: LimitType,
    value: Value = None,
    *,
    instrument: Everywhere = "*",
    param: Params = None,
    currency: Currency = None,
    day: Annotated[str | None, typer.Option(help="A UTC day such as 2026-11-30; today by default.")] = None,
    of: Annotated[str | None, typer.Option(help="Only orders below this node; all by default.")] = None,
    without: Annotated[bool, typer.Option("--without", help="As if the limit were not there.")] = False,
    as_json: AsJson = False,
) -> None:
    """A recorded day's orders against a changed limit.

    Which would have been refused, and what exposure and profit would have followed. Without a value and parameters the
    limit is taken away, as with --without; but SHORT_SALE, which has neither, is set. Nothing is changed.
    """
    with signed_in() as (client, _):
        known = find_limit_type(client.limit_types(), limit_type)
        parameters = parse_parameters(known, param or [], {})
        change = setting(
            find_node_id(client, node),
            known["limit_type"],
            value=value,
            instrument=instrument,
            parameters=parameters,
            currency=currency,
            is_removed=without or None,
        )
        asked_of = None if of is None else find_node_id(client, of)
        answer = client.what_if(day or f"{datetime.now(UTC).date()}", [change], node_id=asked_of)
        names = {} if as_json else {each["node_id"]: each["name"] for each in client.nodes()}
    if as_json:
        print_json(answer)
    else:
        _show(out(), answer, names)


def _show(console: Console, answer: Json, names: Mapping[str, str]) -> None:
    refused, passed = answer["refused_count"], answer["passed_count"]
    counts = f"{refused} would have been refused, and {passed} refused ones would have passed"
    console.print(Text(f"Of {answer['judged_count']} orders on {answer['day']}, {counts}."), soft_wrap=True)
    if answer["refused"]:
        _table(console, "Refused", [order | {"why": _why(order)} for order in answer["refused"]], REFUSED)
    if answer["passed"]:
        _table(console, "Passed", answer["passed"], ORDERS)
    if answer["exposure"]:
        _table(console, "Exposure", answer["exposure"], EXPOSURE)
    pnl = [account | {"account_name": names.get(account["node_id"])} for account in answer["pnl"]]
    # What is not known may have been another one.
    told = [account for account in pnl if account["actual"] != account["what_if"] or account["actual"] is None]
    if told:
        unknown = dict.fromkeys(("actual", "what_if"), "not known")
        rows = [account | {name: account[name] or word for name, word in unknown.items()} for account in told]
        _table(console, f"Profit and loss of the day, in {answer['currency']}", rows, PNL)
    else:
        console.print("\nThe profit and loss of no account would have been another.")
    console.print("\nAssumed", style="bold")
    for assumption in answer["assumptions"]:
        console.print(f"  {assumption}", style="dim")


def _table(console: Console, heading: str, rows: list[Json], columns: dict[str, str]) -> None:
    console.print(f"\n{heading}", style="bold")
    console.print(render.table(rows, columns, empty=""))


def _why(order: Json) -> str:
    if order["missing"]:
        return f"not known: {order['missing']}"
    return ", ".join(f"{limit_name(refusal)} of {refusal['node_name']}" for refusal in order["refusals"])
