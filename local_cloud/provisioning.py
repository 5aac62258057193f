"""Calls of the provisioning function: migrations, and the demo firm.

`python -m local_cloud.provisioning <outputs file of cdk>` migrates the database of a deployment in AWS.
"""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local_cloud.platform import REPOSITORY, LocalCloudError

ANSWER_TIMEOUT_SECONDS = 300
DEMO_FIRM = REPOSITORY / "local_cloud" / "demo_firm.json"

# A migration is never sent twice at once: one attempt, as long as it takes.
CLIENT_CONFIG = Config(read_timeout=ANSWER_TIMEOUT_SECONDS, retries={"total_max_attempts": 1})


def migrate(lambda_client: Any, function_name: str) -> dict[str, Any]:
    """Bring the database to the newest version. Raises LocalCloudError."""
    return _invoke(lambda_client, function_name, {"action": "migrate"})


def create_demo_firm(lambda_client: Any, function_name: str, passwords: dict[str, str]) -> dict[str, Any]:
    """Create the demo firm, or bring it up to date; `passwords` by username. Raises LocalCloudError."""
    firm = demo_firm()
    for user in firm["users"]:
        user["password"] = passwords[user["username"]]
    return _invoke(lambda_client, function_name, {"action": "create_organisation", "organisation": firm})


def demo_firm() -> dict[str, Any]:
    firm: dict[str, Any] = json.loads(DEMO_FIRM.read_text())
    return firm


def _invoke(lambda_client: Any, function_name: str, event: dict[str, Any]) -> dict[str, Any]:
    answer = lambda_client.invoke(FunctionName=function_name, Payload=json.dumps(event).encode())
    body: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
    if "FunctionError" in answer:
        raise LocalCloudError(
            f"provisioning could not {event['action']}: {body.get('errorType')}: {body.get('errorMessage')}"
        )
    return body


def main(outputs_file: str) -> None:
    stacks: dict[str, dict[str, str]] = json.loads(Path(outputs_file).read_text())
    function_name = next(
        outputs["ProvisioningFunctionName"] for outputs in stacks.values() if "ProvisioningFunctionName" in outputs
    )
    print(migrate(boto3.client("lambda", config=CLIENT_CONFIG), function_name))


if __name__ == "__main__":
    main(sys.argv[1])
