"""Which events come to which function, by the rules and queues of a synthesized template."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from events.envelope import Event

_SOURCE = "breakwater"
RELAYED_QUEUE = "trade-events.fifo"  # Which the relay sends to; others are told by rules, or by functions.


@dataclass(frozen=True)
class Route:
    """`topics` None: all. `only_accounts`: by the relay's FIFO queue, which has the events of accounts."""

    function: str
    queue: str
    topics: frozenset[str] | None
    detail_text: str  # JSON: what else a rule asks of an event; empty for nothing.
    only_accounts: bool = False

    @property
    def detail(self) -> Any:
        return json.loads(self.detail_text) if self.detail_text else None

    def carries(self, event: type[Event]) -> bool:
        if self.only_accounts and event.is_of_account is False:
            return False
        return self.topics is None or event.topic in self.topics


def routes(template: dict[str, Any]) -> list[Route]:
    resources: dict[str, dict[str, Any]] = template["Resources"]
    return [
        route
        for mapping in _of_type(resources, "AWS::Lambda::EventSourceMapping").values()
        if (queue_id := _logical_id(mapping["EventSourceArn"])) in resources
        for route in _of_queue(resources, queue_id, _function_name(resources, mapping["FunctionName"]))
    ]


def _of_queue(resources: dict[str, dict[str, Any]], queue_id: str, function: str) -> Iterator[Route]:
    queue = resources[queue_id]["Properties"]
    name = queue["QueueName"]
    if name == RELAYED_QUEUE:
        yield Route(function, name, None, "", only_accounts=True)
    for rule in _of_type(resources, "AWS::Events::Rule").values():
        pattern = rule.get("EventPattern", {})
        leads_there = any(_logical_id(target["Arn"]) == queue_id for target in rule.get("Targets", []))
        if leads_there and _SOURCE in pattern.get("source", []):
            topics = pattern.get("detail-type")
            detail = pattern.get("detail")
            yield Route(
                function,
                name,
                None if topics is None else frozenset(topics),
                json.dumps(detail, sort_keys=True) if detail else "",
            )


def _of_type(resources: dict[str, dict[str, Any]], resource_type: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == resource_type}


def _function_name(resources: dict[str, dict[str, Any]], reference: Any) -> str:
    function = resources[_logical_id(reference)]["Properties"]
    return str(function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"])


def _logical_id(reference: Any) -> str:
    """Of `Ref` and `Fn::GetAtt`; empty for what is of another stack."""
    match reference:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return name
    return ""
