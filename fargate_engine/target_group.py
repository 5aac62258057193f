"""Keeps this task registered with the engine's target group: the companion process on Fargate (decision 0011).

The balancer's health check then decides which registered task gets requests: the one that holds the lease.
"""

import json
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

METADATA_TIMEOUT_S = 5
CLIENT = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 5, "mode": "standard"})


def main() -> None:
    """Register, wait to be told to stop, deregister. A failure ends the process, and with it the task."""
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    port = int(os.environ["ENGINE_PORT"])
    address = task_address(os.environ["ECS_CONTAINER_METADATA_URI_V4"])
    balancer = boto3.client("elbv2", config=CLIENT)
    with registered(balancer, os.environ["ENGINE_TARGET_GROUP_ARN"], address, port):
        told_to_stop.wait()


def task_address(metadata_url: str) -> str:
    """The task's private IPv4 address, from the metadata endpoint that ECS gives each container."""
    with urllib.request.urlopen(metadata_url, timeout=METADATA_TIMEOUT_S) as answer:  # noqa: S310  # Set by ECS.
        metadata = json.load(answer)
    return str(metadata["Networks"][0]["IPv4Addresses"][0])


@contextmanager
def registered(balancer: Any, group_arn: str, address: str, port: int) -> Iterator[None]:
    """While inside, the balancer knows the address; botocore's ClientError when it does not take it."""
    targets = [{"Id": address, "Port": port}]
    balancer.register_targets(TargetGroupArn=group_arn, Targets=targets)
    try:
        yield
    finally:
        balancer.deregister_targets(TargetGroupArn=group_arn, Targets=targets)


if __name__ == "__main__":
    main()
