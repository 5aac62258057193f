"""Orders as the command shows them: what the router makes of one, and what that cost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from breakwater.client import render
from breakwater.client.executions import execution_words, short_words
from breakwater.client.shapes import FINAL_STATUSES, ChildOrder, ExecutionReport, Fee, Json, Order

CHILDREN_SHOWN_MAX = 20
ORDERS = {
    "placed": "created_at",
    "side": "side",
    "quantity": "quantity",
    "symbol": "symbol",
    "price": "price",
    "execution": "execution_words",
    "filled": "cum_qty",
    "avg": "avg_px",
    "status": "status",
    "order": "order_id",
}
COSTS = {"against": "benchmark_words", "was": "price", "cost bps": "slippage_bps", "cost": "cost", "in": "currency"}
BY_VENUE = {
    "venue": "venue",
    "children": "children",
    "filled": "quantity",
    "share": "share_words",
    "avg": "avg_px",
    "as maker": "maker_words",
    "fees paid": "fee_words",
}
CHILDREN = {
    "changed": "transact_time",
    "venue": "venue",
    "quantity": "quantity",
    "price": "price",
    "tif": "time_in_force",
    "filled": "cum_qty",
    "avg": "avg_px",
    "status": "status",
    "order": "order_id",
}
WHY = {"why": "reject_words"}
_BENCHMARKS = {
    "ARRIVAL": "arrival: middle of the market when it began",
    "ARRIVAL_COST": "book: all of it taken then, at its venues",
    "VWAP": "VWAP: what traded since",
}
_COST_SHOWN = Context(prec=6)  # A cost is told, never counted with: its quotient was rounded before.


def order_fields(order: Order) -> Table:
    """One order, its execution in words; nothing of one for an order that the router does not work."""
    told: Json = dict(order)
    execution = told.pop("execution", None)
    return render.fields(told if execution is None else told | {"execution": execution_words(execution)})


def order_list(orders: Iterable[Json], *, empty: str, first: Mapping[str, str] | None = None) -> RenderableType:
    """With a column for what the router works, where there is such an order among them. `first`: columns before."""
    rows = [
        order | {"execution_words": short_words(order["execution"]) if order.get("execution") else None}
        for order in orders
    ]
    has_parents = any(row["execution_words"] for row in rows)
    columns = {head: field for head, field in ORDERS.items() if has_parents or head != "execution"}
    return render.table(rows, dict(first or {}) | columns, empty=empty)


def children_state(report: ExecutionReport) -> RenderableType:
    """How many children stand how, and those that are still open."""
    children = report["children"]
    if not children:
        return _no_children(report)
    counts = Counter(child["status"] for child in children)
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    more = " of the latest" if report["children_cut"] else ""
    still_open = [child for child in children if child["status"] not in FINAL_STATUSES]
    line = Text(f"Children{more}: {told}.")
    return Group(line, _children_table(still_open)) if still_open else line


def _no_children(report: ExecutionReport) -> Text:
    return Text("It had no children." if report["status"] in FINAL_STATUSES else "No children yet.", "dim")


def _children_table(children: Sequence[ChildOrder]) -> RenderableType:
    rows = [dict(child) | {"reject_words": child["reject_reason"] or child["reject_code"]} for child in children]
    columns = CHILDREN | (WHY if any(row["reject_words"] for row in rows) else {})
    return render.table(rows, columns, empty="")


def execution_report(report: ExecutionReport, *, children_max: int | None = CHILDREN_SHOWN_MAX) -> RenderableType:
    """What was done, what it cost against the market, and by which children; the latest `children_max` of these."""
    parts: list[RenderableType] = [_headline(report), Text()]
    parts += [render.table(_cost_rows(report), COSTS, empty="")]
    if report["by_venue"]:
        parts += [Text(), render.table(_venue_rows(report), BY_VENUE, empty="")]
    children = report["children"]
    shown = children[:children_max]
    parts += [Text(), _children_table(shown) if shown else _no_children(report)]
    if len(shown) < len(children):
        parts.append(Text(f"{len(children) - len(shown)} older ones: --all shows them.", "dim"))
    elif report["children_cut"]:
        parts.append(Text(f"There are older ones than these {len(children)}.", "dim"))
    return Group(*parts)


def _headline(report: ExecutionReport) -> Table:
    quantity, filled = Decimal(report["quantity"]), Decimal(report["cum_qty"])
    fees = _fee_words(report["fees"])
    filled_words = f"{render.amount(report['cum_qty'])} of {render.amount(report['quantity'])}"
    if report["avg_px"] is not None:
        filled_words += f" ({_percent(filled / quantity)}) at {render.amount(report['avg_px'])} on average"
    return render.fields(
        {
            "order": f"{report['side']} {render.amount(report['quantity'])} {report['symbol']}",
            "execution": execution_words(report["execution"]),
            "status": report["status"],
            "filled": filled_words,
            "fees": fees,
            "began_at": report["began_at"],
            "ended_at": report["ended_at"],
            "worked_for": _worked_for(report),
            "measured at": " ".join(report["venues"]),
            "order_id": report["order_id"],
        }
    )


def _worked_for(report: ExecutionReport) -> str | None:
    if report["began_at"] is None or report["ended_at"] is None:
        return None
    began, ended = (datetime.fromisoformat(at) for at in (report["began_at"], report["ended_at"]))
    return str(timedelta(seconds=round((ended - began).total_seconds())))


def _cost_rows(report: ExecutionReport) -> list[Json]:
    """The cost is what the fills paid more than the benchmark would have, in the currency of the price."""
    sign = 1 if report["side"] == "BUY" else -1
    rows = []
    for compared in report["benchmarks"]:
        cost = None
        if compared["price"] is not None and report["avg_px"] is not None:
            worse = (Decimal(report["avg_px"]) - Decimal(compared["price"])) * sign
            cost = format(_COST_SHOWN.plus(worse * Decimal(report["cum_qty"])), "f")
        rows.append(
            {
                "benchmark_words": _benchmark_words(compared["benchmark"], report),
                "price": compared["price"],
                "slippage_bps": compared["slippage_bps"],
                "cost": cost,
                "currency": report["symbol"].partition("/")[2] if cost is not None else None,
            }
        )
    return rows


def _benchmark_words(benchmark: str, report: ExecutionReport) -> str:
    """A VWAP that was measured from later on says so: an engine was restarted meanwhile."""
    words = _BENCHMARKS.get(benchmark, benchmark)
    began, since = report["began_at"], report["vwap_since"]
    is_late = benchmark == "VWAP" and began is not None and since is not None and since > began
    return f"{words} {str(since)[:19].replace('T', ' ')}" if is_late else words


def _venue_rows(report: ExecutionReport) -> list[Json]:
    return [
        dict(venue)
        | {
            "share_words": None if venue["share"] is None else _percent(Decimal(venue["share"])),
            "maker_words": None if venue["maker_share"] is None else _percent(Decimal(venue["maker_share"])),
            "fee_words": _fee_words(venue["fees"]),
        }
        for venue in report["by_venue"]
    ]


def _fee_words(fees: Iterable[Fee]) -> str | None:
    return ", ".join(f"{render.amount(fee['amount'])} {fee['currency']}" for fee in fees) or None


def _percent(fraction: Decimal) -> str:
    """Rounded half even to a tenth."""
    return f"{(fraction * 100).quantize(Decimal('0.1')).normalize():f} %"
