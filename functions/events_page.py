"""docs/events.md: every topic with who writes it, who is told of it, its fields and an example.

Made from the contracts, from the code, and from the rules and queues of a synthesized template:
`python -m functions.events_page cdk.out/BreakwaterControl.template.json`.
"""

import inspect
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from events.catalogue import CATALOGUE
from events.envelope import Envelope, Event
from events.examples import AMOUNT_BEGINS, example
from events.orders import OrderAccepted, OrderState
from functions.event_flow import Uses, parts
from functions.event_routes import Route, routes

PAGE = Path(__file__).parents[1] / "docs" / "events.md"
_KEYS = {True: "its account", False: "none: of the organisation", None: "its account, where it is of one"}
# Published before anybody said what they are; their files are frozen.
_SAID = {
    "alerts.AlertRaised.v1": "An alert, as it was told until version 2 said what it is about: the store has these.",
    "orders.OrderAccepted.v1": "The engine, or the venue, has the order: it may trade from now on.",
    "orders.OrderCanceled.v1": "Somebody had the order cancelled, or the engine did. What it filled before stays.",
    "orders.OrderExpired.v1": "The order's time is over, or it was to be filled at once and was not.",
}
# What is asked for by other names: how topics begin that stand for it.
_WANTED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("user.permissions.updated", ("users.PermissionsUpdated.",), ""),
    ("user.limits.breached", ("limits.LimitBreached.",), ""),
    ("trade.executed", ("trades.TradeExecuted.",), ""),
    ("trade.failed", ("trades.TradeFailed.", "orders.OrderRefused.", "orders.OrderRejected."), ""),
    ("alert.critical", ("alerts.AlertRaised.",), "where `severity` is `CRITICAL`"),
    ("system.health", ("system.HealthChanged.", "limits.DegradedModeChanged."), ""),
    ("order events", ("orders.",), ""),
    (
        "account events",
        ("accounts.", "limits.ExternalFillBooked.", "limits.LeaseChanged."),
        "and all events that have an account: `GET /events`",
    ),
    (
        "strategy events",
        ("limits.ScopeChanged.", "limits.NodeStateChanged.", "orders.ExecutionMeasured."),
        "of nodes of the kind `STRATEGY`; of algorithms",
    ),
    ("risk events", ("limits.",), ""),
    ("market events", ("limits.RiskTermsChanged.", "system.DriftFound.", "system.MetricCrossed."), ""),
    ("compliance events", ("audit.", "limits.OverrideChanged.", "security."), ""),
)
_INTRODUCTION = """\
# Events

Written by `make events` from the contracts in `events/`, the code, and the template; nothing here is typed by hand.

Whatever happens is told by an event: committed with what it tells of (the outbox), numbered and published by the
relay, kept in `trading.events`, sealed into the audit trail ([audit.md](audit.md)). A contract is frozen once it is
published: another field is another version, under another topic, and consumers refuse fields that they do not know. The
JSON Schemas are in [`events/schemas`](../events/schemas), and in the registry `breakwater` of EventBridge Schemas.

- **At least once.** Consumers know an event by its `event_id` and do nothing the second time.
- **In order within an account**, on the FIFO queue `trade-events.fifo` and in `GET /events` (which numbers them without
  a gap). EventBridge keeps no order: who hears of an event there and needs the order asks for what came `since` the
  last that he has.
- Events of no account concern the organisation. They are on the bus, and in the audit trail.
- `written by` and `consumers` name functions, the engine and the container `watch`. Others read what is stored: `GET
  /events`, the channels of the engine, `GET /limits/breaches`, the audit trail.

On the wire (body in SQS, `detail` in EventBridge, whose `detail-type` is the topic) each travels in an envelope:

"""


def page_text(template: dict[str, Any]) -> str:
    """`template` is that of the stack BreakwaterControl."""
    told = routes(template)
    lines = [_INTRODUCTION + _json(_envelope()), "", "## By the names of the requirements", "", *_wanted()]
    lines += ["", "## All of them", "", *_overview(told)]
    for family in dict.fromkeys(event.topic.partition(".")[0] for event in CATALOGUE):
        lines += ["", f"## {family}"]
        for event in CATALOGUE:
            if event.topic.startswith(f"{family}."):
                lines += ["", *_section(event, told)]
    lines += ["", "## OrderState", "", _words(OrderState), "", *_fields(OrderState.model_json_schema())]
    return "\n".join(lines) + "\n"


def writers(event: type[Event]) -> list[str]:
    """The parts of the platform that make it."""
    return sorted(name for name, uses in parts().items() if event.__name__ in uses.made)


def listeners(event: type[Event], told: Iterable[Route]) -> list[Route]:
    """The ways by which it comes to somebody who does something about it."""
    ways = (route for route in told if route.carries(event) and _is_read_by(parts().get(route.function, Uses()), event))
    return sorted(set(ways), key=lambda route: (route.function, route.queue))


def wanted_topics(name: str) -> list[str]:
    """Those that stand for a name of the requirements."""
    wanted = next(beginnings for known, beginnings, _ in _WANTED if known == name)
    return [event.topic for event in CATALOGUE if event.topic.startswith(wanted)]


def is_followed(event: type[Event]) -> bool:
    """A newer version has taken its place: nobody writes it any more, and what was written stays readable."""
    name, _, version = event.topic.rpartition(".v")
    return any(
        newer.rpartition(".v")[0] == name and int(newer.rpartition(".v")[2]) > int(version)
        for newer in (each.topic for each in CATALOGUE)
    )


WANTED_NAMES = tuple(name for name, _, _ in _WANTED)


def _is_read_by(uses: Uses, event: type[Event]) -> bool:
    """A part that names no event of ours reads all that come."""
    names = uses.read - {Envelope.__name__}
    if not names and not uses.topics_begin:
        return True
    return event.__name__ in names or any(event.topic.startswith(prefix) for prefix in uses.topics_begin)


def _wanted() -> Iterator[str]:
    rows = []
    for name, wanted, note in _WANTED:
        shown = ", ".join(each for beginning in wanted for each in _shown(beginning))
        rows.append((name, f"{shown} {note}".strip()))
    return _table(("asked for", "topics"), rows)


def _shown(beginning: str) -> list[str]:
    """A whole family by its name."""
    topics = [event.topic for event in CATALOGUE if event.topic.startswith(beginning)]
    is_family = beginning.count(".") == 1
    return [f"`{beginning}*`"] if topics and is_family else [_link(topic) for topic in topics]


def _overview(told: list[Route]) -> Iterator[str]:
    rows = (
        (
            _link(event.topic),
            ", ".join(writers(event)) or "nobody now",
            ", ".join(dict.fromkeys(_heard(event, told))) or "none",
        )
        for event in CATALOGUE
    )
    return _table(("topic", "written by", "consumers"), rows)


def _heard(event: type[Event], told: list[Route]) -> Iterator[str]:
    return (route.function for route in listeners(event, told))


def _section(event: type[Event], told: list[Route]) -> Iterator[str]:
    topic = event.topic
    _, name, version = topic.split(".")
    yield f"### {name} {version}"
    yield ""
    yield _words(event)
    yield ""
    yield f"- topic `{topic}`, version {version.removeprefix('v')}, [schema](../events/schemas/{topic}.json)"
    yield f"- ordered by: {_KEYS[event.is_of_account]}"
    yield f"- written by: {_names(writers(event)) or 'nobody any more: a newer version has taken its place'}"
    ways = "; ".join(_way(route) for route in listeners(event, told))
    yield f"- consumers: {ways or 'none: the store and the audit trail'}"
    yield ""
    yield from _fields(event.model_json_schema())
    yield ""
    yield _json(example(event))


def _way(route: Route) -> str:
    condition = f", where `{json.dumps(route.detail)}`" if route.detail else ""
    return f"`{route.function}` by the queue `{route.queue}`{condition}"


def _words(event: type[Event]) -> str:
    said = _SAID.get(event.topic) or inspect.cleandoc(event.__doc__ or "")
    if not said:
        raise ValueError(f"{event.__name__} does not say what it tells of")
    return said


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    rows = ((f"`{name}`", _type(its, schema.get("$defs", {}))) for name, its in schema["properties"].items())
    return _table(("field", "what"), rows)


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    match schema:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            is_known = name == OrderState.__name__
            told = f"[{name}](#orderstate)" if is_known else _nested(definitions[name], definitions)
        case {"anyOf": choices}:
            told = " or ".join(_type(each, definitions) for each in choices)
        case {"enum": words}:
            told = ", ".join(f"`{each}`" for each in words)
        case {"const": word}:
            told = f"`{word}`"
        case {"pattern": pattern} if pattern.startswith(AMOUNT_BEGINS):
            told = "decimal string"
        case {"type": "array"}:
            told = f"list of {_type(schema.get('items', {}), definitions)}"
        case _:
            told = str(schema.get("format") or schema.get("type", "anything"))
    return told


def _nested(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "properties" not in schema:
        return _type(schema, definitions)
    return "; ".join(f"`{name}`: {_type(its, definitions)}" for name, its in schema["properties"].items())


def _envelope() -> dict[str, Any]:
    payload = {"…": "what the topic says"}
    schema = Envelope.model_json_schema()
    named = {"topic": OrderAccepted.topic, "correlation_id": "5b0f7a1e", "payload": payload}
    made = example(OrderAccepted)["order"]
    ids = {"event_id": "0d8f6d1a-5a41-4c53-9f3e-3c1f6c8a2b10", "tenant_id": "3a2b7c9e-1f60-4a51-8a0b-6f0f4a7c5d21"}
    envelope = ids | named | {"account_id": made["account_id"], "aggregate_id": made["order_id"]}
    envelope["occurred_at_ns"] = made["transact_time_ns"]
    return {name: envelope[name] for name in schema["properties"]}


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _link(topic: str) -> str:
    _, name, version = topic.split(".")
    return f"[`{topic}`](#{name.lower()}-{version})"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    PAGE.write_text(page_text(json.loads(Path(sys.argv[1]).read_text())))
