"""What `place`, `work` and `bracket` share: how an order is sent, and how its answer is shown."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Unpack

from breakwater.client.api import Client
from breakwater.client.arguments import Side, account_of
from breakwater.client.lookup import find_node_id
from breakwater.client.order_render import order_fields
from breakwater.client.order_terms import OrderOptions
from breakwater.client.session import SavedSignIn
from breakwater.client.shapes import FINAL_STATUSES, UNRESOLVED_STATUSES, Order
from breakwater.client.terminal import out, print_json
from breakwater.client.transport import ServerUnreachable


def send_order(
    client: Client,
    saved: SavedSignIn,
    side: Side,
    quantity: str,
    symbol: str,
    *,
    price: str | None,
    client_order_id: str | None,
    account: str | None,
    strategy: str | None,
    **options: Unpack[OrderOptions],
) -> Order:
    """Place it; account and strategy are names or ids. ServerUnreachable says under which id it is safe to repeat."""
    own_id = client_order_id or str(uuid.uuid4())
    account_id = account_of(client, account, saved)
    options["strategy_id"] = strategy and find_node_id(client, strategy)
    with told_how_to_ask_again("it may have been placed; the same again with `--id {}` places it once at most", own_id):
        return client.place_order(
            account_id, symbol.upper(), side.name, quantity, price=price, client_order_id=own_id, **options
        )


def show_placed(order: Order, as_json: bool) -> None:
    if as_json:
        print_json(dict(order))
        return
    out().print(order_fields(order))
    note_unresolved(order)
    if order.get("execution") and order["status"] not in FINAL_STATUSES:
        out().print(f"The router works it: `breakwater execution {order['order_id'][:8]}` shows how.", style="dim")


def note_unresolved(order: Order) -> None:
    if order["status"] in UNRESOLVED_STATUSES:
        note = (
            f"what became of it is not known yet, and its limits stay reserved: `breakwater order {order['order_id']}`"
        )
        out().print(f"[yellow]note:[/] {note}", soft_wrap=True)


@contextmanager
def told_how_to_ask_again(advice: str, own_id: str) -> Iterator[None]:
    """`advice` has a place for the id."""
    try:
        yield
    except ServerUnreachable as error:
        raise ServerUnreachable(f"{error.message}; {advice.format(own_id)}") from error
