"""What limits refused, how much of them is used, and who stopped, overrode or changed what."""

import json
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from breakwater.domain.digests import Fact, Section
from breakwater.services.digest_sections.scene import Scene, shown_time
from breakwater.services.digest_sections.tables import ROWS_SHOWN_MAX, UNKNOWN, shown_amount, table
from breakwater.services.limit_views import LimitView

NEARLY_USED_PCT = Decimal(90)


def refusals(scene: Scene) -> Iterable[Section]:
    breaches = scene.figures.breaches(scene.own_accounts)
    refused = scene.figures.refused_orders(scene.own_accounts)
    crossed = sum(each.crossed for each in breaches)
    facts = (
        Fact(name="Orders that limits refused", value=str(refused), is_notable=refused > 0),
        Fact(name="Limits that losses crossed", value=str(crossed), is_notable=crossed > 0),
        Fact(name="Soft thresholds passed", value=str(sum(each.warned for each in breaches))),
    )
    rows = [
        (each.node, each.limit_type, each.instrument, str(each.refused), str(each.crossed), str(each.warned))
        for each in breaches
    ]
    columns = ("Node", "Limit", "Instrument", "+Refused", "+Crossed", "+Warned")
    yield Section(title="Refusals and warnings", facts=facts, table=table(columns, rows) if rows else None)


def limits_used(scene: Scene) -> Iterable[Section]:
    limits = [(node["name"], limit) for node in scene.nodes for limit in node["limits"]]
    used = [(Decimal(limit["usage_pct"]), name, limit) for name, limit in limits if limit["usage_pct"] is not None]
    used.sort(key=lambda each: (-each[0], each[1], each[2]["limit_type"], each[2]["instrument"]))
    untold = sum(limit["missing"] is not None for _, limit in limits)
    nearly = sum(pct >= NEARLY_USED_PCT for pct, _, _ in used)
    facts = (
        Fact(name="Limits", value=str(len(limits))),
        Fact(name=f"Used {NEARLY_USED_PCT} % and more", value=str(nearly), is_notable=nearly > 0),
        Fact(name="Whose use is unknown", value=str(untold), is_notable=untold > 0),
    )
    rows = [(name, *_use(pct, limit)) for pct, name, limit in used if pct > 0]
    columns = ("Node", "Limit", "Instrument", "+Used %", "+Used", "+Reserved", "+Allowed")
    note = f"As of {shown_time(scene.at, scene.zone)}." + ("" if rows else " None is used.")
    yield Section(title="Limits most used", note=note, facts=facts, table=table(columns, rows) if rows else None)


def _use(pct: Decimal, limit: LimitView) -> tuple[str, ...]:
    amounts = (limit["used"] or UNKNOWN, limit["reserved"] or UNKNOWN, limit["allowed"] or UNKNOWN)
    return (limit["limit_type"], limit["instrument"], shown_amount(pct), *amounts)


def stops(scene: Scene) -> Iterable[Section]:
    seen = None if scene.own_accounts is None else [uuid.UUID(node["node_id"]) for node in scene.nodes]
    stopped = [node["name"] for node in scene.nodes if node["state"] != "ACTIVE"]
    rows = []
    for event in scene.figures.limit_events(("limits.NodeStateChanged.v1", "limits.DeadManExpired.v1"), seen):
        told, when = event["payload"], scene.time(event["occurred_at_ns"])
        if event["topic"] == "limits.DeadManExpired.v1":
            what = f"silent, {told['open_orders']} open orders cancelled"
            rows.append((when, told["node_name"], what, "dead man's switch", ""))
        else:
            change = f"{told['state_before']} to {told['state']}"
            rows.append((when, told["node_name"], change, told["changed_by"], told["reason"]))
    facts = (
        Fact(name="Stopped now", value=", ".join(stopped[:ROWS_SHOWN_MAX]) or "nothing", is_notable=bool(stopped)),
        Fact(name="Changes", value=str(len(rows))),
    )
    columns = ("When", "Node", "Change", "By", "Reason")
    yield Section(title="Stops and kills", facts=facts, table=table(columns, rows) if rows else None)


def overrides(scene: Scene) -> Iterable[Section]:
    rows = [
        (
            scene.time(event["occurred_at_ns"]),
            event["payload"]["limit_type"],
            event["payload"]["state"],
            _override_words(event["payload"]),
            event["payload"]["changed_by"],
            event["payload"]["reason"],
        )
        for event in scene.figures.limit_events(("limits.OverrideChanged.v1", "limits.OverrideChanged.v2"))
    ]
    approved = sum(row[2] == "APPROVED" for row in rows)
    yield Section(
        title="Overrides",
        facts=(Fact(name="Approved", value=str(approved), is_notable=approved > 0),),
        table=table(("When", "Limit", "Change", "+Value", "By", "Reason"), rows) if rows else None,
    )


def _override_words(payload: Mapping[str, Any]) -> str:
    """What it puts in the place of what was set; version 1 has a value alone."""
    if payload.get("is_exempt"):
        return "does not hold"
    parameters = payload.get("parameters")
    told = [payload["value"], None if parameters is None else json.dumps(parameters)]
    return " ".join(filter(None, told))


def limit_changes(scene: Scene) -> Iterable[Section]:
    rows = []
    for event in scene.figures.limit_events(("limits.LimitChanged.v1",)):
        told = event["payload"]
        values = [
            "none" if told[f"parameters{which}"] is None else told[f"value{which}"] or "parameters"
            for which in ("_before", "")
        ]
        when = scene.time(event["occurred_at_ns"])
        rows.append((when, told["node_name"], told["limit_type"], told["instrument"], *values, told["changed_by"]))
    external = scene.count("limits.ExternalFillBooked.v1")
    facts = (
        Fact(name="Limits set, changed or removed", value=str(len(rows))),
        Fact(name="Fills booked from elsewhere", value=str(external), is_notable=external > 0),
    )
    columns = ("When", "Node", "Limit", "Instrument", "+Before", "+After", "By")
    yield Section(title="Changes of limits", facts=facts, table=table(columns, rows) if rows else None)
