"""Published contracts freeze: the model says what its schema file says, and no file is without a model."""

import json
import uuid
from pathlib import Path
from typing import ClassVar

import jsonschema_rs
import pytest
from pydantic import ValidationError

from events.catalogue import CATALOGUE, SCHEMAS, publish, schema_text
from events.envelope import Envelope, Event
from events.examples import example
from events.limits import NodeStateChanged


@pytest.mark.parametrize("event", CATALOGUE, ids=lambda event: event.topic)
def test_a_published_contract_is_what_it_was_when_it_was_published(event: type[Event]) -> None:
    # A change is a new version: a new topic, a new model and a new file, and this one stays.
    assert schema_text(event) == (SCHEMAS / f"{event.topic}.json").read_text()


def test_models_and_schema_files_are_the_same_set() -> None:
    assert sorted(event.topic for event in CATALOGUE) == sorted(path.stem for path in SCHEMAS.glob("*.json"))


def test_publishing_writes_what_is_missing_and_touches_nothing_else(tmp_path: Path) -> None:
    frozen = tmp_path / f"{CATALOGUE[0].topic}.json"
    frozen.write_text("frozen")
    assert publish(tmp_path) == [event.topic for event in CATALOGUE[1:]]
    assert frozen.read_text() == "frozen"
    assert publish(tmp_path) == []


def test_a_changed_model_is_noticed() -> None:
    class Changed(NodeStateChanged):
        topic: ClassVar[str] = NodeStateChanged.topic
        added: str

    assert json.loads(schema_text(Changed))["properties"] != json.loads(schema_text(NodeStateChanged))["properties"]


def test_a_consumer_refuses_a_field_it_does_not_know() -> None:
    told = {
        "node_id": str(uuid.uuid4()),
        "node_name": "desk",
        "state_before": "ACTIVE",
        "state": "KILLED",
        "reason": "test",
        "changed_by": "risk",
    }
    assert NodeStateChanged.model_validate(told).state == "KILLED"
    with pytest.raises(ValidationError, match="Extra inputs"):
        NodeStateChanged.model_validate(told | {"added": "x"})
    with pytest.raises(ValidationError, match="Extra inputs"):
        Envelope.model_validate({"added": "x"})


@pytest.mark.parametrize("event", CATALOGUE, ids=lambda event: event.topic)
def test_each_contract_accepts_its_example(event: type[Event]) -> None:
    payload = example(event)
    event.model_validate(payload)
    jsonschema_rs.validator_for(event.model_json_schema(), validate_formats=True).validate(payload)
