"""Our order ids as client order ids of venues, and back."""

import uuid

PREFIX = "bw"  # Tells our orders from those that somebody placed by hand. With it an id has 34 of 36 characters.


def client_id_of(order_id: uuid.UUID) -> str:
    return PREFIX + order_id.hex


def order_id_of(client_id: str | None) -> uuid.UUID | None:
    """None for an id that we did not make."""
    if client_id is None or len(client_id) != len(PREFIX) + 32 or not client_id.startswith(PREFIX):
        return None
    try:
        order_id = uuid.UUID(client_id.removeprefix(PREFIX))
    except ValueError:
        return None
    return order_id if client_id_of(order_id) == client_id else None
