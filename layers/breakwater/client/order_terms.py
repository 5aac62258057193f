"""An order as it is asked for: placed, previewed, or tried against the limits."""

import uuid
from typing import TypedDict, Unpack, cast

from breakwater.client.connection import given
from breakwater.client.shapes import Amount, Execution, Json, amount_text

AMOUNTS_OF_EXECUTIONS = frozenset(
    {"percent", "display_qty", "stop_px", "stop_limit_px", "offset", "entry_px", "target_px"}
)


class OrderOptions(TypedDict, total=False):
    """`strategy_id` is the STRATEGY node below the account that the order counts to as well; `located` marks a short
    sale of what was borrowed beforehand. An order with an `execution` is worked by the router. One that is GTD ends at
    its `expire_time`, RFC 3339."""

    time_in_force: str | None
    expire_time: str | None
    venue: str | None
    strategy_id: str | None
    post_only: bool
    reduce_only: bool
    located: bool
    execution: Execution | None


def order_body(
    account_id: str,
    symbol: str,
    side: str,
    quantity: Amount,
    *,
    price: Amount | None = None,
    client_order_id: str | None = None,
    **options: Unpack[OrderOptions],
) -> Json:
    """The body of POST /orders, without what is at its default; TypeError for an amount that is a float."""
    body: Json = {
        "client_order_id": client_order_id or str(uuid.uuid4()),
        "account_id": account_id,
        "symbol": symbol,
        "side": side,
        "type": "MARKET" if price is None else "LIMIT",
        "quantity": amount_text("quantity", quantity),
    }
    if price is not None:
        body["price"] = amount_text("price", price)
    execution = options.pop("execution", None)
    if execution is not None:
        body["execution"] = execution_body(execution)
    return body | given(**{name: option for name, option in options.items() if option is not False})


def execution_body(execution: Execution) -> Json:
    """As JSON has it; TypeError for an amount that is a float."""
    told = given(**execution)
    amounts = {name: amount_text(name, cast("Amount", told[name])) for name in AMOUNTS_OF_EXECUTIONS & told.keys()}
    return told | amounts
