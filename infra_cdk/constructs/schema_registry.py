import json
from pathlib import Path

from aws_cdk import aws_eventschemas as eventschemas
from constructs import Construct

from infra_cdk.json_schema import draft_4

SCHEMAS = Path(__file__).parents[2] / "events" / "schemas"
SOURCE = "breakwater"
DESCRIPTION_LENGTH_MAX = 256


class SchemaRegistry(Construct):
    """Every published contract, as the `payload` in an event's `detail`, by EventBridge's own names for schemas.

    A contract never changes, so none of these ever has a second version: that would be another topic.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        registry = eventschemas.CfnRegistry(
            self, "Registry", registry_name=SOURCE, description="What Breakwater publishes: docs/events.md"
        )
        for path in sorted(SCHEMAS.glob("*.json")):
            published = json.loads(path.read_text())
            said = published.get("description", published["title"])
            schema = eventschemas.CfnSchema(
                self,
                path.stem,
                registry_name=SOURCE,
                schema_name=f"{SOURCE}@{path.stem}",
                type="JSONSchemaDraft4",
                description=" ".join(said.split())[:DESCRIPTION_LENGTH_MAX],
                content=json.dumps(draft_4(published), separators=(",", ":")),
            )
            schema.node.add_dependency(registry)
