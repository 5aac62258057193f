"""What the command shows: tables as wide as the terminal, records, amounts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from breakwater.client.shapes import Json, Refusal

DECIMALS_SHOWN_MAX = 8
UNBOUNDED_CELLS = 10_000
STATUS_STYLES = {
    "FILLED": "green",
    "NEW": "cyan",
    "PARTIALLY_FILLED": "cyan",
    "CANCELED": "dim",
    "EXPIRED": "dim",
    "REJECTED": "red",
    "UNKNOWN": "yellow",
    "PENDING_NEW": "yellow",
    "ACTIVE": "green",
    "KILLED": "bold red",
    "SUSPENDED": "red",
    "REDUCE_ONLY": "yellow",
    "OPEN": "green",
    "STOPPED": "dim",
    "UP": "green",
    "OK": "green",
    "LATE": "yellow",
    "DOWN": "red",
    "DONE": "green",
    "UNAVAILABLE": "yellow",
    "BUY": "green",
    "SELL": "red",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bold red",
    "DELIVERED": "green",
    "WAITING": "yellow",
    "DEAD": "red",
    "PAUSED": "yellow",
}
# Columns of each list: heading, and the field it shows.
TRADES = {
    "time": "transact_time",
    "symbol": "symbol",
    "side": "side",
    "quantity": "last_qty",
    "price": "last_px",
    "liquidity": "liquidity",
    "fee": "fee",
    "in": "fee_currency",
    "realised": "realised_pnl",
    "order": "order_id",
}
POSITIONS = {
    "symbol": "symbol",
    "quantity": "quantity",
    "average": "average_price",
    "mark": "mark_price",
    "realised": "realised_pnl",
    "unrealised": "unrealised_pnl",
    "fees": "fees",
}
ALERTS = {
    "time": "created_at",
    "severity": "severity",
    "category": "category",
    "title": "title",
    "taken up by": "acknowledged_by",
    "alert": "alert_id",
}
EVENTS = {"#": "sequence", "time": "occurred_at_ns", "topic": "topic", "about": "aggregate_id"}
BALANCES = {"asset": "asset", "total": "total"}
HEALTH = {"dependency": "dependency", "state": "state", "latency ms": "latency_ms"}
REPLACES = {
    "replace": "replace_no",
    "quantity": "quantity",
    "price": "price",
    "state": "state",
    "why": "reject_reason",
    "asked": "requested_at",
    "id": "replace_id",
}
SAGA = {"step": "step", "outcome": "outcome", "took ms": "took_ms", "detail": "detail"}
REFUSALS = {
    "limit": "limit_type",
    "at": "node_name",
    "allowed": "limit",
    "used": "used",
    "reserved": "reserved",
    "attempted": "attempted",
    "would pass": "largest_passing_quantity",
}
VERDICTS = REFUSALS | {"passes": "passes"}
NOT_KNOWN = {"not known": "missing"}
FAILED_CANCELS = {"order": "order_id", "why": "reason"}
IDS = frozenset({"order", "about", "limit id", "override", "lease"})  # Whole, to be copied, where there is room.
DETAILS = frozenset(
    {"avg", "execution", "liquidity", "in", "warns at", "from", "approved by", "expires"}
)  # Left out where there is none; one record of its own shows them.
# Never an amount, whatever they look like.
NAMES = frozenset(
    {"client_order_id", "order_id", "exchange_order_id", "name", "node_name", "account_name", "reason", "state_reason"}
    | {
        "url",
        "topics_words",
        "answer",
        "detail",
        "sector",
        "username",
        "email",
        "accounts_words",
        "members_words",
        "accounts",
        "given",
        "assigned to",
        "groups",
    }
)
SHORT_ID_CHARS = 8
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
TIME_FIELDS = ("_at", "_time", "valid_from", "valid_until")
MONTH_TO_MINUTE = slice(5, 16)
LEFT = frozenset(
    {
        "placed",
        "order",
        "symbol",
        "side",
        "status",
        "time",
        "liquidity",
        "in",
        "severity",
        "title",
        "topic",
        "about",
        "asset",
        "dependency",
        "state",
        "limit",
        "instrument",
        "limit id",
        "step",
        "outcome",
        "detail",
        "at",
        "why",
        "passes",
        "action",
        "warns at",
        "from",
        "until",
        "begins",
        "ends",
        "override",
        "lease",
        "user",
        "account",
        "kind",
        "base",
        "role",
        "accounts",
        "email",
        "group",
        "members",
        "venue",
        "expires",
        "answered",
        "node",
        "asked by",
        "approved by",
        "reason",
        "by",
        "changed",
        "what",
        "sector",
        "as of",
        "parameters",
        "",
        "not known",
        "execution",
        "against",
        "tif",
        "fees paid",
        "part",
    }
)


def table(rows: Iterable[Json | Refusal], columns: dict[str, str], *, empty: str) -> RenderableType:
    """A row for each item, as wide as the terminal lets it be; `empty` is said instead when there is none."""
    listed: list[Json] = [dict(row) for row in rows]
    return Listing(listed, columns) if listed else Text(empty, style="dim")


@dataclass(frozen=True)
class Listing:
    """A table. If it is too wide, one with short ids and times; then one without details, or a block for each row.

    No number is ever broken in two, since half of one can be read as another.
    """

    rows: list[Json]
    columns: dict[str, str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        without_details = {heading: field for heading, field in self.columns.items() if heading not in DETAILS}
        for drawn in (self._wide(), self._narrow(self.columns), self._narrow(without_details)):
            # Within the terminal's own width, whatever is measured is said to fit.
            if Measurement.get(console, options.update_width(UNBOUNDED_CELLS), drawn).maximum <= options.max_width:
                yield drawn
                return
        for row in self.rows:
            yield _record((heading, _cell(field, row.get(field))) for heading, field in self.columns.items())
            yield ""

    def _wide(self) -> Table:
        drawn = _headed(self.columns)
        for row in self.rows:
            drawn.add_row(*(_cell(field, row.get(field)) for field in self.columns.values()))
        return drawn

    def _narrow(self, columns: dict[str, str]) -> Table:
        short = short_ids(str(row.get(field)) for row in self.rows for head, field in columns.items() if head in IDS)
        drawn = _headed(columns)
        for row in self.rows:
            cells = [
                short[str(row.get(field))] if heading in IDS else _cell(field, row.get(field))
                for heading, field in columns.items()
            ]
            drawn.add_row(*(cell[MONTH_TO_MINUTE] if TIMESTAMP.fullmatch(cell) else cell for cell in cells))
        return drawn


def _record(lines: Iterable[tuple[str, str]]) -> Table:
    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(style="bold")
    drawn.add_column(overflow="fold")
    for name, cell in lines:
        drawn.add_row(name, cell)
    return drawn


def _headed(columns: Iterable[str]) -> Table:
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for heading in columns:
        justify: JustifyMethod = "left" if heading in LEFT else "right"
        drawn.add_column(heading, justify=justify, no_wrap=True)
    return drawn


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Each id's beginning, long enough that no two are the same."""
    told = set(ids)
    chars = SHORT_ID_CHARS
    while len({whole[:chars] for whole in told}) < len(told):
        chars += 1
    return {whole: escape(whole[:chars]) for whole in told}


def refusals(rows: Iterable[Json | Refusal], columns: dict[str, str] = REFUSALS) -> RenderableType:
    """Refusals or verdicts, without numbers where nothing was measured; what could not be known has a column."""
    listed = [dict(row) for row in rows]
    for row in listed:
        if row.get("instrument", "*") != "*":
            row["limit_type"] = f"{row['limit_type']} {row['instrument']}"
        measures = ("used", "reserved", "attempted")
        if row.get("passes") and not any(Decimal(row[name]) for name in measures):
            row.update(dict.fromkeys(("limit", *measures)))
    with_missing = any(row.get("missing") for row in listed)
    return table(listed, columns | (NOT_KNOWN if with_missing else {}), empty="No limits apply.")


def fields(record: Json) -> Table:
    """One record, a line for each of its plain fields."""
    plain = {name: value for name, value in record.items() if not isinstance(value, dict | list)}
    return _record((name.replace("_", " "), _cell(name, value)) for name, value in plain.items())


def amount(text: str | None) -> str:
    """In plain notation and the scale it has, thousands separated; a longer tail is rounded, --json has it whole."""
    if text is None:
        return "-"
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    exponent = value.as_tuple().exponent
    is_long = isinstance(exponent, int) and exponent < -DECIMALS_SHOWN_MAX
    return f"{value:,.{DECIMALS_SHOWN_MAX}f}" if is_long else f"{value:,f}"


def _cell(field: str, value: object) -> str:
    if value is None or value == "":
        return "-"
    if field == "occurred_at_ns" and isinstance(value, int):
        return _time_of_ns(value)
    if field.endswith(TIME_FIELDS):
        return escape(str(value)[:19].replace("T", " "))
    if isinstance(value, bool):
        return "[green]yes[/]" if value else "[red]no[/]"
    text = str(value)
    if text in STATUS_STYLES:
        return f"[{STATUS_STYLES[text]}]{text}[/]"
    return escape(text if field in NAMES else amount(text))


def _time_of_ns(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
