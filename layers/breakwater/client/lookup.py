"""What people type for what the server knows by its id: a node's name, the beginning of an order's id."""

import uuid
from collections.abc import Iterator
from itertools import islice

from breakwater.client.api import Client, every
from breakwater.client.shapes import Json

ORDERS_SEARCHED_MAX = 500
PREFIX_CHARS_MIN = 4


class NotFound(Exception):
    """Nothing, or more than one thing, answers to what was typed; the message says so."""


def find_node_id(client: Client, told: str) -> str:
    """The id of the node with this name, in whatever case, or `told` itself if it is an id. Raises NotFound."""
    if _is_id(told):
        return told
    tree = client.limits_tree()["items"]
    found = [node["node_id"] for root in tree for node in _nodes(root) if node["name"].casefold() == told.casefold()]
    if not found:
        raise NotFound(f"no node is named {told!r}: `breakwater limits tree` shows their names")
    if len(found) > 1:
        raise NotFound(f"{len(found)} nodes are named {told!r}, say the id of one: {', '.join(found)}")
    return str(found[0])


def find_order_id(client: Client, told: str) -> str:
    """The id of the one recent order that begins with `told`, or `told` itself if it is a whole id. Raises NotFound."""
    if _is_id(told):
        return told
    if len(told) < PREFIX_CHARS_MIN:
        raise NotFound(f"{told!r} is too short for an order's id: say {PREFIX_CHARS_MIN} characters or more of it")
    latest = islice(every(client.orders), ORDERS_SEARCHED_MAX)
    found = [order["order_id"] for order in latest if order["order_id"].startswith(told.lower())]
    if not found:
        raise NotFound(f"none of the latest {ORDERS_SEARCHED_MAX} orders has an id that begins with {told!r}")
    if len(found) > 1:
        raise NotFound(f"{len(found)} orders have an id that begins with {told!r}: say more of it")
    return str(found[0])


def _nodes(node: Json) -> Iterator[Json]:
    yield node
    for child in node["children"]:
        yield from _nodes(child)


def _is_id(told: str) -> bool:
    try:
        return str(uuid.UUID(told)) == told.lower()
    except ValueError:
        return False
