"""What people type for what the server knows by its id: a name, the beginning of an id, a type of limit on a node."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

from breakwater.client.api import Client
from breakwater.client.pages import every
from breakwater.client.shapes import Json

ORDERS_SEARCHED_MAX = 500
PREFIX_CHARS_MIN = 4
NEAR = 0.5  # How alike a name must be to be offered in place of one that is not there.


class NotFound(Exception):
    """Nothing, or more than one thing, answers to what was typed; the message says so."""


def is_id(told: str) -> bool:
    """Whether it is a whole id, which is taken as it is."""
    try:
        return str(uuid.UUID(told)) == told.lower()
    except ValueError:
        return False


def find_node_id(client: Client, told: str) -> str:
    """The id of the node with this name, in whatever case, or beginning of its id. Raises NotFound."""
    return told if is_id(told) else str(find_node(client, told)["node_id"])


def find_node(client: Client, told: str) -> Json:
    found = client.nodes(told) if told else []
    named = [node for node in found if node["name"].casefold() == told.casefold()]
    if not named and len(told) >= PREFIX_CHARS_MIN:
        named = [node for node in found if node["node_id"].startswith(told.lower())]
    if not named:
        near = _near(told, (node["name"] for node in client.nodes()))
        raise NotFound(f"no node is named {told!r}: {near or '`breakwater limits tree` shows their names'}")
    if len(named) > 1:
        ids = ", ".join(node["node_id"] for node in named)
        raise NotFound(f"{len(named)} nodes are named {told!r}, say the id of one: {ids}")
    return named[0]


def find_account_id(client: Client, told: str) -> str:
    """The id of the account, by itself or by the name of its node."""
    if is_id(told):
        return told
    node = find_node(client, told)
    if node["account_id"] is None:
        raise NotFound(f"{node['name']} is a {node['kind'].lower()}, and no account")
    return str(node["account_id"])


def find_user(client: Client, told: str) -> Json:
    """The user of this name, in whatever case, or id. Raises NotFound."""
    users = list(every(client.users))
    return _named(told, "user", "username", users, "`breakwater users list` shows them", id_field="user_id")


def find_group(client: Client, told: str) -> Json:
    """The group of this name, in whatever case, or id. Raises NotFound."""
    groups = client.groups()
    return _named(told, "group", "name", groups, "`breakwater groups list` shows them", id_field="group_id")


def find_webhook(client: Client, told: str) -> Json:
    """The endpoint of this name, in whatever case, or id. Raises NotFound."""
    known = client.webhooks()
    return _named(told, "webhook", "name", known, "`breakwater webhooks list` shows them", id_field="endpoint_id")


def _named(told: str, kind: str, name_field: str, known: Sequence[Json], hint: str, *, id_field: str) -> Json:
    found = [each for each in known if told.lower() == each[id_field] or told.casefold() == each[name_field].casefold()]
    if not found:
        near = _near(told, (each[name_field] for each in known))
        raise NotFound(f"no {kind} is named {told!r}: {near or hint}")
    if len(found) > 1:
        ids = ", ".join(each[id_field] for each in found)
        raise NotFound(f"{len(found)} {kind}s are named {told!r}, say the id of one: {ids}")
    return found[0]


def find_limit_type(types: Sequence[Json], told: str) -> Json:
    """The row of the type with this name, in whatever case."""
    wanted = told.upper().replace("-", "_")
    for known in types:
        if known["limit_type"] == wanted:
            return known
    near = _near(wanted, (known["limit_type"] for known in types))
    raise NotFound(f"no type of limit is named {told!r}: {near or '`breakwater limits types` lists them'}")


def find_limit(shown: Json, limit_type: str, instrument: str | None, limit_id: str | None) -> Json:
    """The one limit of a node (`shown`, what limits_usage answers) of this type, for this instrument if one is said.

    One in force goes before those that are to come; a beginning of an id tells them apart.
    """
    alike = [limit for limit in [*shown["items"], *shown["planned"]] if limit["limit_type"] == limit_type]
    if instrument is not None:
        alike = [limit for limit in alike if limit["instrument"] == instrument]
    if limit_id is not None:
        alike = [limit for limit in alike if limit["limit_id"].startswith(limit_id.lower())]
    in_force = [limit for limit in alike if limit in shown["items"]]
    found = alike if limit_id is not None else in_force or alike
    if not found:
        of = "" if instrument is None else f" for {instrument}"
        raise NotFound(f"{shown['name']} has no limit {limit_type}{of}: {_has(shown)}")
    if len(found) > 1:
        choices = ", ".join(f"{limit['instrument']} (--id {limit['limit_id'][:8]})" for limit in found)
        raise NotFound(f"{shown['name']} has {len(found)} limits {limit_type}, say which: {choices}")
    limit: Json = found[0]
    return limit


def find_override_id(client: Client, told: str) -> str:
    """The id of the override that begins so."""
    return _find_id(told, "override", lambda: [each["override_id"] for each in client.overrides(open_only=False)])


def find_lease_id(client: Client, told: str) -> str:
    """The id of the lease that begins so."""
    return _find_id(told, "lease", lambda: [each["lease_id"] for each in client.leases(living_only=False)])


def find_session_id(client: Client, told: str, user_id: str | None) -> str:
    """The id of the session that begins so, of the caller himself where no user is named."""

    def read_ids() -> list[str]:
        return [each["session_id"] for each in client.sessions(user_id)]

    return _find_id(told, "session", read_ids, "`breakwater users sessions` shows them")


def _find_id(told: str, kind: str, read_ids: Callable[[], list[str]], hint: str | None = None) -> str:
    """`told` itself if it is a whole id. Raises NotFound."""
    if is_id(told):
        return told
    found = [each for each in read_ids() if told and each.startswith(told.lower())]
    if len(found) != 1:
        count = f"no {kind} has" if not found else f"{len(found)} {kind}s have"
        hint = hint or f"`breakwater limits {kind} list --all` shows them"
        raise NotFound(f"{count} an id that begins with {told!r}: {hint}")
    return found[0]


def find_order_id(client: Client, told: str) -> str:
    """The id of the one recent order that begins with `told`, or `told` itself if it is a whole id. Raises NotFound."""
    if is_id(told):
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


def _has(shown: Json) -> str:
    has = sorted({limit["limit_type"] for limit in [*shown["items"], *shown["planned"]]})
    return f"it has {', '.join(has)}" if has else "it has none"


def _near(told: str, names: Iterable[str]) -> str:
    known = {name.casefold(): name for name in names}
    near = [known[name] for name in get_close_matches(told.casefold(), known, n=3, cutoff=NEAR)]
    return f"did you mean {' or '.join(near)}?" if near else ""
