"""docs/events.md is what contracts, code and template say; the registry has every contract in the words it takes."""

import json
from typing import Any

import jsonschema_rs
import pytest
from aws_cdk.assertions import Template

from breakwater.services.alerts import TOPICS as ALERTING_TOPICS
from events.catalogue import CATALOGUE
from events.envelope import Event
from events.examples import example
from events.users import PermissionsUpdated
from functions.event_flow import parts
from functions.event_routes import RELAYED_QUEUE, routes
from functions.events_page import PAGE, WANTED_NAMES, is_followed, listeners, page_text, wanted_topics, writers
from infra_cdk.json_schema import draft_4

type Documents = dict[str, dict[str, Any]]


def _event(topic: str) -> type[Event]:
    return next(event for event in CATALOGUE if event.topic == topic)


def test_the_committed_page_is_what_the_code_and_the_template_say(documents: Documents) -> None:
    assert PAGE.read_text() == page_text(documents["BreakwaterControl"]), "`make events` writes it again"


@pytest.mark.parametrize("event", CATALOGUE, ids=lambda event: event.topic)
def test_somebody_publishes_each_contract_until_a_newer_version_follows(event: type[Event]) -> None:
    assert writers(event) or is_followed(event)


@pytest.mark.parametrize("name", WANTED_NAMES)
def test_what_is_asked_for_by_another_name_has_a_topic(name: str) -> None:
    assert wanted_topics(name)


def test_who_writes_and_who_is_told_is_found_in_the_code(documents: Documents) -> None:
    told = routes(documents["BreakwaterControl"])
    ways = {event.topic: [(way.function, way.queue) for way in listeners(event, told)] for event in CATALOGUE}
    assert writers(_event("trades.TradeExecuted.v1")) == ["engine"]
    assert ("projections", RELAYED_QUEUE) in ways["trades.TradeExecuted.v1"]
    assert ("notifications", "notifications") in ways["trades.TradeExecuted.v1"]
    assert writers(_event("orders.OrderPlaced.v1")) == ["order_saga"]
    assert ("alerts", "alerts") in ways["users.PermissionsUpdated.v1"]
    # The gate takes back what code uses: a function that reads none of it is told of nothing.
    assert parts()["queries"].made <= {"Envelope"}  # Which is no contract.


def test_every_rule_of_the_bus_leads_to_a_queue_that_a_function_reads(documents: Documents) -> None:
    """Otherwise the page would be silent about who hears of it."""
    resources = documents["BreakwaterControl"]["Resources"]
    rules = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Events::Rule"]
    of_events = [rule for rule in rules if "breakwater" in rule.get("EventPattern", {}).get("source", [])]
    targets = [target["Arn"]["Fn::GetAtt"][0] for rule in of_events for target in rule["Targets"]]
    read = {
        each["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
        for each in resources.values()
        if each["Type"] == "AWS::Lambda::EventSourceMapping"
    }
    assert targets
    assert set(targets) <= read


def test_the_alerts_are_told_of_exactly_what_they_make_alerts_of(documents: Documents) -> None:
    told = [route for route in routes(documents["BreakwaterControl"]) if route.function == "alerts"]
    assert all(route.topics is not None for route in told)
    topics = {topic for route in told for topic in route.topics or ()}
    assert topics == ALERTING_TOPICS | {PermissionsUpdated.topic}


def test_the_registry_has_each_contract_and_it_accepts_the_example(state: Template) -> None:
    schemas = [each["Properties"] for each in state.find_resources("AWS::EventSchemas::Schema").values()]
    assert {each["SchemaName"] for each in schemas} == {f"breakwater@{event.topic}" for event in CATALOGUE}
    assert {(each["RegistryName"], each["Type"]) for each in schemas} == {("breakwater", "JSONSchemaDraft4")}
    for each in schemas:
        content = json.loads(each["Content"])
        jsonschema_rs.meta.validate(content)  # It is draft 4 as its `$schema` says.
        validator = jsonschema_rs.Draft4Validator(content)
        payload = example(_event(each["SchemaName"].removeprefix("breakwater@")))
        validator.validate(payload)
        assert not validator.is_valid(payload | {"added": "x"})
        assert not validator.is_valid(dict(list(payload.items())[1:]))


def test_draft_4_says_the_same_in_its_own_words() -> None:
    newer = {
        "$defs": {"Side": {"const": "BUY"}},
        "properties": {
            "side": {"$ref": "#/$defs/Side"},
            "share": {"type": "number", "exclusiveMinimum": 0},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        },
        "required": [],
    }
    converted = draft_4(newer)
    jsonschema_rs.meta.validate(converted)
    validator = jsonschema_rs.Draft4Validator(converted)
    assert validator.is_valid({"side": "BUY", "share": 0.5, "pair": ["a", 1]})
    for wrong in ({"side": "SELL"}, {"share": 0}, {"pair": ["a", "b"]}, {"pair": ["a", 1, 2]}):
        assert not validator.is_valid(wrong), wrong
    with pytest.raises(ValueError, match="draft 4 has no if"):
        draft_4({"if": {}})
