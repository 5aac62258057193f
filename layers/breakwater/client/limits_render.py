"""What `breakwater limits` shows in lists: limits and what is particular about them, what they said, the types."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from breakwater.client.limit_words import parameter_words, unit_words, value_words
from breakwater.client.render import STATUS_STYLES, amount
from breakwater.client.shapes import Json

UNIT_CELLS_MAX = 26
ACTION_WORDS = {"WARN": "only warns", "REDUCE_ONLY": "then only reduces", "SUSPEND": "suspends", "KILL": "kills"}
LIMITS = {
    "limit": "limit_name",
    "allowed": "allowed_words",
    "used": "used",
    "reserved": "reserved",
    "use": "use_words",
    "action": "action",
    "warns at": "thresholds",
    "version": "version",
    "limit id": "limit_id",
}
PLANNED = {
    "begins": "valid_from",
    "ends": "valid_until",
    "limit": "limit_name",
    "allowed": "allowed_words",
    "action": "action",
    "limit id": "limit_id",
}
HISTORY = {
    "version": "version",
    "changed": "changed_at",
    "by": "changed_by",
    "value": "value_words",
    "action": "action",
    "warns at": "thresholds",
    "from": "valid_from",
    "until": "valid_until",
}
OVERRIDES = {
    "override": "override_id",
    "state": "state",
    "node": "node_name",
    "limit": "limit_name",
    "set": "set_words",
    "to": "value_words",
    "from": "starts_at",
    "until": "ends_at",
    "by": "requested_by",
    "approved by": "approved_by",
    "reason": "reason",
}
RESERVATIONS = {
    "placed": "created_at",
    "account": "account_name",
    "side": "side",
    "open": "open_qty",
    "of": "quantity",
    "symbol": "symbol",
    "at most": "valuation_price",
    "holds": "open_notional",
    "order": "order_id",
}
BREACHES = {"time": "occurred_at", "node": "node_name", "what": "what", "detail": "detail"}
TERMS = {
    "symbol": "symbol",
    "daily volume": "average_daily_qty",
    "margin": "initial_margin",
    "sector": "sector",
    "volatility": "daily_volatility",
    "as of": "as_of",
}
VERSIONS = {
    "": "whose",
    "version": "version",
    "value": "value",
    "currency": "currency",
    "action": "action",
    "parameters": "parameter_words",
    "from": "valid_from",
    "until": "valid_until",
}


@dataclass(frozen=True)
class Context:
    """What words need beyond the limits themselves: types by name, names by node id, overrides by their id."""

    types: Mapping[str, Json] = field(default_factory=dict)
    node_names: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Json] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def of(cls, types: Sequence[Json], **more: Any) -> "Context":
        return cls({known["limit_type"]: known for known in types}, **more)

    def unit(self, limit: Json) -> str:
        known = self.types.get(limit["limit_type"])
        return str(known["unit"]) if known else ""

    def allowed(self, limit: Json) -> tuple[str, str]:
        """What the limit allows, and what that is in. A part of the equity is told as what it comes to now."""
        if limit["value"] is None:
            return "", parameter_words(limit["parameters"])
        if self._is_relative(limit):
            return amount(rounded(limit["allowed"])), limit["currency"]
        unit = self.unit(limit)
        return value_words(limit["value"], unit), unit_words(limit, unit)

    def details(self, limit: Json) -> list[str]:
        """What the limit is beyond that: the part of the equity, and its parameters."""
        if limit["value"] is None:
            return []
        unit = self.unit(limit)
        relative = (
            [f"{value_words(limit['value'], unit)} {unit_words(limit, unit)}"] if self._is_relative(limit) else []
        )
        return [*relative, *filter(None, [parameter_words(limit["parameters"], without=("window_s",))])]

    def _is_relative(self, limit: Json) -> bool:
        return limit["allowed"] is not None and Decimal(limit["allowed"]) != Decimal(limit["value"])

    def notes(self, limit: Json) -> Iterator[Text]:
        """What is particular about the limit, and about it now."""
        for detail in self.details(limit):
            yield Text(detail, "dim")
        if limit["missing"]:
            yield Text(f"cannot be judged without {limit['missing']}", "red")
        if limit["override_id"]:
            override = self.overrides.get(limit["override_id"])
            until = f" until {short_time(override['ends_at'], self.now)}" if override else ""
            was = amount(limit["set_value"]) if limit["set_value"] else parameter_words(limit["set_parameters"])
            yield Text(f"override{until}, set is {was}", "magenta")
        if limit["stricter_above"]:
            yield Text(f"{self.node_names.get(limit['stricter_above'], 'a node above')} allows less", "yellow")
        known = self.types.get(limit["limit_type"])
        if limit["action"] in ACTION_WORDS and not (known and known["action"] == limit["action"]):
            yield Text(ACTION_WORDS[limit["action"]], "dim")
        dates = [("from", limit["valid_from"]), ("until", limit["valid_until"])]
        told = " ".join(f"{word} {short_time(at, self.now)}" for word, at in dates if at)
        if told:
            yield Text(told, "dim")


def limit_rows(limits: Sequence[Json], context: Context) -> list[Json]:
    """Rows of LIMITS and PLANNED."""
    rows = []
    for limit in limits:
        allowed, unit = context.allowed(limit)
        pct = limit["usage_pct"]
        use = None if pct is None else f"{Decimal(pct).to_integral_value()}%"
        percents = " ".join(f"{each}%" for each in limit["thresholds_pct"])
        words = f"{allowed} {unit}" if allowed else None
        told = {"limit_name": limit_name(limit), "allowed_words": words, "use_words": use, "thresholds": percents}
        rows.append(limit | told)
    return rows


def named_notes(limit: Json, context: Context) -> Iterator[Text]:
    """What a row of LIMITS has no column for: the parameters of a limit without a value, and its notes."""
    notes = [*context.notes(limit)]
    if limit["value"] is None:
        notes.insert(0, Text(parameter_words(limit["parameters"])))
    for note in notes:
        yield Text(f"{limit_name(limit)}: ", "cyan").append_text(note)


def history_rows(versions: Sequence[Json], known: Json) -> list[Json]:
    """Rows of HISTORY: a version that deleted the limit says so in place of its value."""
    rows = []
    for version in versions:
        told = "deleted" if version["is_deleted"] else words(version, known)
        percents = " ".join(f"{each}%" for each in version["thresholds_pct"])
        rows.append(version | {"value_words": told, "thresholds": percents})
    return rows


def override_rows(overrides: Sequence[Json], types: Sequence[Json]) -> list[Json]:
    """Rows of OVERRIDES. One of a limit that was deleted says no more than its value."""
    units = {known["limit_type"]: known["unit"] for known in types}
    rows = []
    for override in overrides:
        told = {"limit_name": None, "set_words": None, "value_words": _instead(override, "")}
        if override["limit_type"] is not None:
            unit = units.get(override["limit_type"], "")
            told["limit_name"] = limit_name(override)
            was = override | {"value": override["set_value"], "parameters": override["set_parameters"]}
            told["set_words"] = _instead(was | {"is_exempt": False}, unit)
            told["value_words"] = _instead(override, unit)
        rows.append(override | told)
    return rows


def _instead(override: Json, unit: str) -> str:
    """What it puts in the place of what was set."""
    if override["is_exempt"]:
        return "does not hold"
    parameters, parts = override["parameters"] or {}, []
    if override["value"] is not None:
        limit = override | {"parameters": parameters or override["set_parameters"] or {}}
        of_unit = unit_words(limit, unit) if override["limit_type"] is not None else ""
        parts.append(f"{value_words(override['value'], unit)} {of_unit}".strip())
    without = ("window_s",) if parts else ()
    return ", ".join(filter(None, [*parts, parameter_words(parameters, without=without)]))


def breach_rows(events: Sequence[Json]) -> list[Json]:
    """Rows of BREACHES, of events of both kinds."""
    return [event | (_of_state(event) if "state" in event else _of_breach(event)) for event in events]


def types_table(types: Sequence[Json]) -> Table:
    """Every type in a row: its number, what its value is in, what it measures or asks, and what it takes beside."""
    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    drawn.add_column("#", justify="right", no_wrap=True)
    drawn.add_column("type", style="cyan", no_wrap=True)
    drawn.add_column("value in", max_width=UNIT_CELLS_MAX)
    drawn.add_column("what must hold", ratio=1)
    for known in types:
        names = ", ".join(f"{parameter['name']}=…" for parameter in known["parameters"])
        about = Text(known["about"]).append(f"  {names}" if names else "", "green").append(_type_notes(known), "dim")
        drawn.add_row(str(known["number"]), known["limit_type"], known["unit"], about)
    return drawn


def type_record(known: Json) -> Table:
    """One type whole, a line for each of its parameters."""
    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column()
    drawn.add_row("type", Text(known["limit_type"], "cyan"))
    drawn.add_row("value in", known["unit"])
    drawn.add_row("what must hold", Text(known["about"]).append(_type_notes(known), "dim"))
    drawn.add_row("at the limit", known["action"])
    for parameter in known["parameters"]:
        optional = "" if parameter["is_required"] else "  (may be left out)"
        drawn.add_row(Text(f"--param {parameter['name']}=", "green"), parameter["about"] + optional)
    return drawn


def words(limit: Json, known: Json) -> str:
    """What was set, in words: the value with its unit, or the parameters. `known` is the row of its type."""
    context, alone = Context.of([known]), limit | {"allowed": None}
    return ", ".join([" ".join(context.allowed(alone)).strip(), *context.details(alone)])


def version_rows(stands: Json | None, asked_for: Json | None) -> list[Json]:
    """Rows of VERSIONS: a limit as it stands, unless it is gone, and as it was asked for."""
    told = [("stands", stands), ("asked for", asked_for)]
    return [
        limit | {"whose": whose, "parameter_words": parameter_words(limit["parameters"])}
        for whose, limit in told
        if limit
    ]


def limit_name(limit: Json) -> str:
    """Its type, and the instrument if it is not for all."""
    return limit["limit_type"] if limit["instrument"] == "*" else f"{limit['limit_type']} {limit['instrument']}"


def said_columns(columns: Mapping[str, str], rows: Sequence[Json]) -> dict[str, str]:
    """Without those of dates and parameters that no row has."""
    optional = {"valid_from", "valid_until"}
    return {name: field for name, field in columns.items() if field not in optional or any(row[field] for row in rows)}


def nodes_of(node: Json) -> Iterator[Json]:
    yield node
    for child in node["children"]:
        yield from nodes_of(child)


def rounded(text: str | None) -> str | None:
    """For the eye: two decimals from a hundred on, four from one on, and no zeros that the rounding left."""
    if text is None:
        return None
    value = Decimal(text)
    places = 2 if abs(value) >= 100 else 4 if abs(value) >= 1 else 8
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -places:
        return text
    shown = value.quantize(Decimal(1).scaleb(-places))
    return format(shown.normalize() if shown % 1 else shown.quantize(Decimal(1)), "f")


def short_time(told: str, now: datetime) -> str:
    """The time alone where it is today's, in UTC."""
    at = datetime.fromisoformat(told).astimezone(UTC)
    return at.strftime("%H:%M" if at.date() == now.date() else "%Y-%m-%d %H:%M")


def node_label(node: Json, short_id: str) -> Text:
    label = Text.assemble((node["name"], "bold"), (f"  {node['kind'].lower().replace('_', ' ')}  ", "dim"))
    label.append(short_id, "dim")
    if node["state"] != "ACTIVE":
        label.append(f"  {node['state']}", STATUS_STYLES[node["state"]])
        label.append(f"  {node['state_reason'] or ''}")
    return label


def _type_notes(known: Json) -> str:
    notes = ["built in"] if known["is_built_in"] else []
    notes += [f"set on {' or '.join(known['node_kinds'])}"] if known["node_kinds"] else []
    return f"  ({', '.join(notes)})" if notes else ""


def _of_state(event: Json) -> Json:
    change = f"{event['state_before']} → {event['state']}"
    return {"what": "state", "detail": f"{change}: {event['reason']} ({event['changed_by']})"}


def _of_breach(event: Json) -> Json:
    what = "refused" if event["action"] == "REJECT" else f"at {event['threshold_pct']}%"
    if event["order_id"] is None:
        what = "crossed" if event["threshold_pct"] == 100 else what
    where = f", {event['symbol']}" if event["symbol"] not in (None, event["instrument"]) else ""
    if event["limit_id"] is None:
        return {"what": what, "detail": f"{event['limit_type']}{where}"}
    in_use = amount(rounded(format(Decimal(event["used"]) + Decimal(event["reserved"]), "f")))
    more = f"{amount(rounded(event['attempted']))} more on " if Decimal(event["attempted"]) else ""
    told = f"{more}{in_use} of {amount(rounded(event['limit']))}{where}"
    return {"what": what, "detail": f"{limit_name(event)}: {told}"}
