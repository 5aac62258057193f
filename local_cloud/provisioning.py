"""Calls of the provisioning function: migrations, and the demo firm.

`python -m local_cloud.provisioning <outputs file of cdk>` migrates the database of a deployment in AWS; with `rewrap`
behind it, keys at exchanges are put under the master key of now.
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


def rewrap(lambda_client: Any, function_name: str) -> dict[str, Any]:
    """Raises LocalCloudError, also where some are left under the old master key, which then must not be deleted."""
    answer = _invoke(lambda_client, function_name, {"action": "rewrap_exchange_credentials"})
    if answer["left"]:
        refused = [
            f"{each['credential_id']} version {each['version']}: {each['reason']}" for each in answer["refused_keys"]
        ]
        raise LocalCloudError("\n".join([f"{answer['left']} are under the old master key still", *refused]))
    return answer


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


ACTIONS = {"migrate": migrate, "rewrap": rewrap}


def main(outputs_file: str, action: str = "migrate") -> None:
    stacks: dict[str, dict[str, str]] = json.loads(Path(outputs_file).read_text())
    function_name = next(
        outputs["ProvisioningFunctionName"] for outputs in stacks.values() if "ProvisioningFunctionName" in outputs
    )
    try:
        print(ACTIONS[action](boto3.client("lambda", config=CLIENT_CONFIG), function_name))
    except LocalCloudError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
