"""Least privilege on this machine: tasks take on their roles as ECS lets them, and grants that nobody used are listed.

`python -m local_cloud.iam` prints what roles of the running platform may do and have not done since it was made.
"""

import fnmatch
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.deployment import ACCOUNT, aws_client
from local_cloud.platform import LocalCloudError, Platform

ENGINE_STACK = "BreakwaterEngine"
OUR_STACKS = ("BreakwaterState", "BreakwaterControl", ENGINE_STACK)
# By the process that stands in for the task: what the role's logical id begins with.
TASK_ROLES = {"engine": "EngineTaskTaskRole", "watch": "WatchTaskTaskRole"}
# ECS renews a task's credentials; these last as long as anybody runs this.
CREDENTIALS_SECONDS = 365 * 24 * 3600


def task_credentials(platform: Platform) -> dict[str, dict[str, str]]:
    """The environment with the credentials of each task's own role. Raises LocalCloudError.

    To be asked for before IAM is enforced: roles trust ECS and Lambda, and not us.
    """
    resources = _resources(platform, ENGINE_STACK)
    found = {}
    for task, prefix in TASK_ROLES.items():
        names = [physical for logical, physical in resources["AWS::IAM::Role"] if logical.startswith(prefix)]
        if len(names) != 1:
            raise LocalCloudError(f"the template has {len(names)} roles whose name begins with {prefix}, and not one")
        credentials = aws_client(platform, "sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{names[0]}",
            RoleSessionName=task,
            DurationSeconds=CREDENTIALS_SECONDS,
        )["Credentials"]
        found[task] = {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
    return found


def _resources(platform: Platform, stack: str) -> dict[str, list[tuple[str, str]]]:
    """Logical and physical names of what a stack has made, by type."""
    pages = aws_client(platform, "cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    found: dict[str, list[tuple[str, str]]] = {}
    for page in pages:
        for each in page["StackResourceSummaries"]:
            found.setdefault(each["ResourceType"], []).append((each["LogicalResourceId"], each["PhysicalResourceId"]))
    return found


@dataclass(frozen=True, order=True)
class Grant:
    """One action that a role's policies allow, on what its pattern names, or on all that is `not` of a pattern."""

    role: str  # The logical id.
    action: str
    resource: str
    conditions: str  # As JSON; empty without.


@dataclass(frozen=True)
class Call:
    """One different call that a role made, as the emulator wrote it down."""

    role: str
    action: str
    resource: str
    allowed: bool


# Why nobody on this machine can make use of a grant, by the role's logical id and the action; the first that fits.
NEVER_ASKED: tuple[tuple[str, str, str], ...] = (
    ("*", "logs:*", "Lambda and ECS write the log, in the role's name"),
    ("*", "xray:*", "traces are switched off here"),
    ("*", "ec2:*", "Lambda makes the function's network interfaces, in the role's name"),
    ("*Function*", "sqs:*", "the emulator empties queues into functions without asking"),
    ("EngineTask*", "elasticloadbalancing:*", "there is no balancer here"),
    ("EngineTask*", "kms:Decrypt", "no venue is set up here whose keys are in the database"),
    ("*ExecutionRole*", "*", "ECS pulls images and writes logs with it; no task runs in the emulator"),
    ("DigestSchedule*", "lambda:*", "the emulator's scheduler does not ask"),
    ("OrderSagaMachineRole*", "lambda:*", "the emulator's Step Functions do not ask"),
    ("AlertEscalationMachineRole*", "lambda:*", "the emulator's Step Functions do not ask"),
    ("RotationFunction*", "*", "Secrets Manager has it rotate secrets, and the emulator's does not"),
)
ALL_BUT = "not "
VIA_SERVICE = "another service uses the key in the role's name, and the emulator's services do not"


def calls_of(platform: Platform) -> list[Call]:
    """Every different call of a role since the platform was made; none before IAM was ever enforced."""
    if not platform.iam_calls_file.exists():
        return []
    return [Call(**json.loads(line)) for line in platform.iam_calls_file.read_text().splitlines()]


def grants_of(platform: Platform) -> dict[str, list[Grant]]:
    """What each role of our stacks may do, by the role's name in the account."""
    client = aws_client(platform, "iam")
    return {
        name: [
            grant
            for policy in client.list_role_policies(RoleName=name)["PolicyNames"]
            for statement in client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
            for grant in _grants(role, statement)
        ]
        for stack in OUR_STACKS
        for role, name in _resources(platform, stack).get("AWS::IAM::Role", [])
    }


def unused(grants: dict[str, list[Grant]], calls: Iterable[Call]) -> Iterator[Grant]:
    """Grants that no allowed call fits."""
    made: dict[tuple[str, str], list[str]] = {}
    for call in calls:
        if call.allowed:
            made.setdefault((call.role, call.action), []).append(call.resource)
    for name, of_role in grants.items():
        for grant in of_role:
            resources = made.get((name, grant.action), [])
            if not any(_is_of(resource, grant.resource) for resource in resources):
                yield grant


def why_never_asked(grant: Grant) -> str | None:
    """Why it cannot be used on this machine; None for one that can."""
    if "kms:ViaService" in grant.conditions:
        return VIA_SERVICE
    for role, action, why in NEVER_ASKED:
        if fnmatch.fnmatchcase(grant.role, role) and fnmatch.fnmatchcase(grant.action, action):
            return why
    return None


def _grants(role: str, statement: dict[str, Any]) -> Iterator[Grant]:
    if statement["Effect"] != "Allow":
        return
    conditions = json.dumps(statement["Condition"], sort_keys=True) if "Condition" in statement else ""
    for action in _listed(statement["Action"]):
        for resource in _listed(statement.get("Resource", [])):
            yield Grant(role, action, resource, conditions)
        for resource in _listed(statement.get("NotResource", [])):
            yield Grant(role, action, f"{ALL_BUT}{resource}", conditions)


def _is_of(resource: str, pattern: str) -> bool:
    if pattern.startswith(ALL_BUT):
        return not fnmatch.fnmatchcase(resource, pattern.removeprefix(ALL_BUT))
    return fnmatch.fnmatchcase(resource, pattern)


def _listed(one_or_more: str | list[str]) -> list[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more


def main() -> int:
    platform = Platform.from_environment()
    calls = calls_of(platform)
    if not calls:
        print("no role has called anything: is the platform running? (make up)", file=sys.stderr)
        return 1
    try:
        never = sorted(set(unused(grants_of(platform), calls)))
    except (BotoCoreError, ClientError):
        print("the platform does not answer: it has to run (make up)", file=sys.stderr)
        return 1
    print("Granted, and not used since this platform was made:")
    for grant in never:
        if why_never_asked(grant) is None:
            print(f"  {grant.role}: {grant.action} on {grant.resource}")
    print("\nGranted, and not to be used on this machine:")
    for role, action, why in sorted({(g.role, g.action, why) for g in never if (why := why_never_asked(g))}):
        print(f"  {role}: {action} ({why})")
    print("\nRefused:")
    for call in calls:
        if not call.allowed:
            print(f"  {call.role}: {call.action} on {call.resource}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
