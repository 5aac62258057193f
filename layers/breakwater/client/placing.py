"""What `place`, `work` and `bracket` share: how an order is sent, and how its answer is shown."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Unpack

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.limit_words import Misunderstood
from breakwater.client.order_render import order_fields
from breakwater.client.order_terms import OrderOptions
from breakwater.client.shapes import FINAL_STATUSES, UNRESOLVED_STATUSES, Json, Order
from breakwater.client.terminal import out, print_json, show_record
from breakwater.client.transport import ServerUnreachable, no_answer_is_unreachable


def send_order(
    client: Client,
    account_id: str,
    symbol: str,
    side: str,
    quantity: str,
    *,
    price: str | None,
    own_id: str | None,
    **options: Unpack[OrderOptions],
) -> Order:
    """Place it. ServerUnreachable says under which id it is safe to repeat; Misunderstood for an empty one."""
    if own_id == "":  # As of a variable that a script has not set: a random one would not be found again.
        raise Misunderstood("--id is empty: leave it out, or say one")
    sent_as = str(uuid.uuid4()) if own_id is None else own_id
    execution = options.get("execution")
    start_at = None if execution is None else execution.get("start_at")
    # `+10m` is another time when it is said again, and the order another one.
    times = {"--start": start_at, "--until": options.get("expire_time")}
    said = "".join(f" and `{name} {at}`" for name, at in times.items() if at)
    advice = f"it may have been placed; the same again with `--id {{}}`{said} places it once at most"
    with told_how_to_ask_again(advice, sent_as), no_answer_is_unreachable():
        return client.place_order(account_id, symbol, side, quantity, price=price, client_order_id=sent_as, **options)


def send_replace(
    client: Client, order_id: str, *, quantity: str | None, price: str | None, own_id: str | None
) -> tuple[Order, Json | None]:
    """The order, and its replace as it stands, None of one that is older than its history goes back.

    As `send_order` it says under which id it is safe to repeat.
    """
    if quantity is None and price is None:
        raise Misunderstood("say --quantity, --price or both")
    if own_id == "":
        raise Misunderstood("--id is empty: leave it out, or say one")
    sent_as = str(uuid.uuid4()) if own_id is None else own_id
    advice = "it may have been replaced; the same again with `--id {}` replaces it once at most"
    with told_how_to_ask_again(advice, sent_as), no_answer_is_unreachable():
        order = client.replace(order_id, quantity=quantity, price=price, replace_id=sent_as)
        known = client.replaces(order_id)["items"]
    return order, next((each for each in known if each["replace_id"] == sent_as), None)


def show_replaced(order: Order, replaced: Json | None, as_json: bool) -> None:
    if as_json:
        print_json(dict(order) | {"replace": replaced})
        return
    out().print(order_fields(order))
    if replaced is not None and replaced["state"] == "PENDING":
        note = (
            "which terms it has is not known yet, and the larger reservation is held: "
            f"`breakwater order {order['order_id']}`"
        )
        out().print(f"[yellow]note:[/] {note}", soft_wrap=True)


def show_placed(order: Order, as_json: bool) -> None:
    if as_json:
        print_json(dict(order))
        return
    out().print(order_fields(order))
    note_unresolved(order)
    if order.get("execution") and order["status"] not in FINAL_STATUSES:
        out().print(f"The router works it: `breakwater execution {order['order_id'][:8]}` shows how.", style="dim")


def show_preview(answer: Json, as_json: bool) -> None:
    show_record(answer, as_json)
    if not as_json:
        out().print()
        out().print(render.refusals(answer["verdicts"], render.VERDICTS))


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
