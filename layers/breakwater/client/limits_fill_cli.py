"""`breakwater limits external-fill`: what was traded past the platform is booked in it."""

from typing import Annotated

import typer
from rich.text import Text

from breakwater.client.arguments import Account, SideOf, Symbol, account_of, time_of
from breakwater.client.terminal import AsJson, out, print_json, signed_in

fill_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@fill_app.command("external-fill")
def external_fill(
    side: SideOf,
    quantity: str,
    symbol: Symbol,
    *,
    at: Annotated[str, typer.Option(help="Price.")],
    external_id: Annotated[str, typer.Option("--id", help="The venue's own id of it; repeating it is safe.")],
    traded: Annotated[str, typer.Option(help="When, such as '2026-12-01 14:00' (UTC).")],
    fee: Annotated[str | None, typer.Option(help="None by default.")] = None,
    fee_currency: Annotated[str | None, typer.Option(help="That of the price by default.")] = None,
    venue: Annotated[str | None, typer.Option(help="SIM by default.")] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Book a fill that came from elsewhere.

    An order placed at the venue by hand, or the venue's liquidation. No limit is asked, and the account only reduces
    from then on, with every node that is over a limit now: until it is re-armed.
    """
    with signed_in() as (client, saved):
        answer = client.book_external_fill(
            account_of(client, account, saved),
            symbol.upper(),
            side.name,
            quantity,
            price=at,
            external_id=external_id,
            transact_time=time_of(traded),
            fee=fee,
            fee_currency=fee_currency and fee_currency.upper(),
            venue=venue and venue.upper(),
        )
        names = {} if as_json else {node["node_id"]: node["name"] for node in client.nodes()}
    if as_json:
        print_json(answer)
        return
    booked = "Booked" if answer["is_new"] else "It had been booked before"
    braked = ", ".join(names.get(node_id, node_id) for node_id in answer["reduce_only"])
    told = f"{booked}, as order {answer['order_id']}."
    out().print(Text(f"{told} Only reducing: {braked}." if braked else told), soft_wrap=True)
