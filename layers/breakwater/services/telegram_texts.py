"""What the bot writes, from what the services show: short, in Telegram's HTML, and never more than a message holds."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from breakwater.db.alerts import Alert
from breakwater.db.orders import OrderRow
from breakwater.domain.permissions import Caller
from breakwater.domain.telegram import bar, escaped, fitted
from breakwater.services.health import DependencyHealth, HealthState
from breakwater.services.limit_views import KilledNode, LimitTreeNode, LimitView, NodeView
from breakwater.services.portfolio_views import Position

COMMANDS = {
    "positions": "what your accounts hold",
    "orders": "open orders",
    "limits": "your tree of limits, and how much of each is used",
    "alerts": "the newest alerts, numbered",
    "ack": "with a number: you take that alert up",
    "kill": "with a node: stop it, once you have said why and confirmed it",
    "status": "whether the platform is well, and who you are here",
    "unlink": "this chat speaks for you no more",
    "help": "this list",
}
NOT_LINKED = (
    "This chat speaks for nobody yet. Sign in to Breakwater, ask for a code (<code>breakwater telegram link</code>),"
    " and send it here: <code>/link CODE</code>"
)
ONLY_PRIVATE = "I talk to people alone: open a private chat with me."
SECOND_FACTOR_FIRST = (
    "✋ Your role asks for a second factor, and this chat was linked without one. Sign in with your code, and link it"
    " again: <code>breakwater telegram link</code>"
)
UNAVAILABLE = "I could not find out: something does not answer now. Try again in a moment."
NOT_UNDERSTOOD = "I do not know that. /help lists what I know."
UNLINKED = "This chat speaks for you no more. Alerts go on by the other ways."
KILL_WHICH = "Say what is to be stopped, by its name or the beginning of its id: <code>/kill Desk A</code>"
ACK_WHICH = "Say which, as /alerts numbers them: <code>/ack 1</code>"
KILL_FORGOTTEN = "Nothing was stopped."
KILL_TOO_LATE = "This button is too old, or was pressed before. Nothing was stopped now: /kill begins anew."
_STATE_SIGNS = {"UP": "🟢", "DEGRADED": "🟡", "DOWN": "🔴"}
_ORDERS_ARE_OPEN = "may still be open: kill it again, or cancel them"


def help_text() -> str:
    return "\n".join(f"/{name} – {escaped(about)}" for name, about in COMMANDS.items())  # noqa: RUF001  # A dash.


def linked_text(username: str) -> str:
    return f"From now on this chat speaks for <b>{escaped(username)}</b>.\n\n{help_text()}"


def refused_text(message: str) -> str:
    return f"✋ {escaped(message)}"


def positions_text(positions: Sequence[Position], account_names: Mapping[str, str]) -> str:
    held = [each for each in positions if Decimal(each["quantity"])]
    if not held:
        return "Your accounts hold no position."
    return fitted(["<b>Positions</b>", *(_position(each, account_names) for each in held)])


def _position(position: Position, account_names: Mapping[str, str]) -> str:
    mark = position["mark_price"]
    at = "" if mark is None else f", now {escaped(mark)}{' (old)' if position['stale'] else ''}"
    unrealised = position["unrealised_pnl"]
    gain = "" if unrealised is None else f", unrealised {escaped(unrealised)}"
    account = escaped(account_names.get(position["account_id"], position["account_id"]))
    return (
        f"{escaped(position['symbol'])} <b>{escaped(position['quantity'])}</b>"
        f" at {escaped(position['average_price'])}{at}{gain} · {account}"
    )


def orders_text(orders: Sequence[OrderRow], account_names: Mapping[str, str], *, are_more: bool) -> str:
    if not orders:
        return "No order of yours is open."
    heading = f"<b>Open orders</b>{f', the newest {len(orders)}' if are_more else ''}"
    return fitted([heading, *(_order(each, account_names) for each in orders)])


def _order(order: OrderRow, account_names: Mapping[str, str]) -> str:
    price = "at market" if order.price is None else f"at {escaped(order.price)}"
    account = escaped(account_names.get(str(order.account_id), order.account_id))
    return (
        f"{order.side} <b>{escaped(order.quantity)}</b> {escaped(order.symbol)} {price}, {order.status},"
        f" filled {escaped(order.cum_qty)} · {account} · <code>{str(order.order_id)[:8]}</code>"
    )


def limits_text(roots: Sequence[LimitTreeNode]) -> str:
    lines = [line for root in roots for line in _node(root, 0)]
    return fitted(["<b>Limits</b>", *lines]) if lines else "You see no part of the tree of limits."


def _node(node: LimitTreeNode, depth: int) -> Iterator[str]:
    state = "" if node["state"] == "ACTIVE" else f" 🛑 {node['state']}"
    yield f"{'  ' * depth}<b>{escaped(node['name'])}</b>{state}"
    for limit in node["limits"]:
        yield f"{'  ' * depth}  {_limit(limit)}"
    for child in node["children"]:
        yield from _node(child, depth + 1)


def _limit(limit: LimitView) -> str:
    instrument = "" if limit["instrument"] == "*" else f" {escaped(limit['instrument'])}"
    name = f"{escaped(limit['limit_type'])}{instrument}"
    if limit["usage_pct"] is not None:
        percent = Decimal(limit["usage_pct"])
        return f"<code>{bar(float(percent))} {percent:.0f}%</code> {name}"
    value = "" if limit["value"] is None else f" {escaped(limit['value'])}"
    return f"{name}{value}"


def alerts_text(alerts: Sequence[Alert]) -> str:
    if not alerts:
        return "No alert that you may see."
    lines = [f"{number}. {_alert(alert)}" for number, alert in enumerate(alerts, 1)]
    return fitted(["<b>Alerts</b>, the newest first. /ack with a number takes one up.", *lines])


def _alert(alert: Alert) -> str:
    taken = "" if alert.acknowledged_by is None else f" ✅ {escaped(alert.acknowledged_by)}"
    return f"{alert.created_at:%d %b %H:%M} <b>{alert.severity}</b> {escaped(alert.title)}{taken}"


def status_text(caller: Caller, dependencies: Mapping[str, DependencyHealth], worst: HealthState) -> str:
    lines = [
        f"{_STATE_SIGNS[worst]} The platform is <b>{worst}</b>.",
        *(f"{_STATE_SIGNS[each.state]} {escaped(name)}: {each.state}" for name, each in dependencies.items()),
        f"You are <b>{escaped(caller.username)}</b>, {escaped(caller.role)}.",
    ]
    return fitted(lines)


def which_node_text(found: Sequence[NodeView]) -> str:
    if not found:
        return "You see no such node. /limits shows those that you see."
    lines = [f"<code>/kill {each['node_id'][:8]}</code> {escaped(each['name'])} ({each['kind']})" for each in found]
    return fitted(["Several are called so. Say which:", *lines])


def why_text(node_name: str) -> str:
    return f"Why is <b>{escaped(node_name)}</b> to be stopped? Answer with the reason. Nothing happens yet."


def whether_text(node_name: str, reason: str, seconds: int) -> str:
    return (
        f"🛑 Stop <b>{escaped(node_name)}</b>? All open orders there and below are cancelled, and no new one is taken"
        f" until somebody who manages risk lets it trade again.\nReason: {escaped(reason)}\n"
        f"The button works for {seconds} seconds, once."
    )


def killed_text(killed: KilledNode, by: str, reason: str) -> str:
    lines = [
        f"🛑 <b>{escaped(killed['name'])}</b> is {killed['state']}, by {escaped(by)}: {escaped(reason)}",
        f"{len(killed['canceled'])} orders cancelled.",
    ]
    if killed["failed"]:
        lines.append(f"{len(killed['failed'])} orders {_ORDERS_ARE_OPEN}.")
    if killed["leases_not_stopped"]:
        lines.append(
            f"{len(killed['leases_not_stopped'])} leases run on for some seconds, or have orders open that nobody has"
            " heard of."
        )
    return fitted(lines)


def taken_up_text(alert: Alert) -> str:
    return f"✅ {escaped(alert.title)}: acknowledged by <b>{escaped(alert.acknowledged_by)}</b>."
