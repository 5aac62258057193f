"""Calls to AWS: boto3 in threads, with time-outs. One seam for tests: the clients."""

import asyncio
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import Unavailable

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 5


class AwsUnavailable(Unavailable):
    code = "AWS_UNAVAILABLE"


def client(service: str) -> Any:
    """Endpoint, region and credentials come from the environment."""
    return boto3.client(service, config=config())


def config() -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "max_attempts": 2},
        max_pool_connections=16,
    )


async def call(operation: Callable[..., Any], **parameters: Any) -> Any:
    """The answer, or AwsUnavailable for every failure of the call as a whole."""
    try:
        return await asyncio.to_thread(operation, **parameters)
    except (BotoCoreError, ClientError) as error:
        raise AwsUnavailable(f"{getattr(operation, '__name__', 'a call to AWS')} failed: {error}") from error
