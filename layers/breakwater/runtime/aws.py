"""AWS clients: made once, at first use, and none waits longer than a function can."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config


@cache
def client(service: str, *, endpoint_url: str | None = None, read_timeout_s: int = 5, attempts_max: int = 2) -> Any:
    """A client of one service, for at most `attempts_max` attempts. Region and endpoint come from the environment."""
    retries = {"total_max_attempts": attempts_max, "mode": "standard"}
    config = Config(connect_timeout=2, read_timeout=read_timeout_s, retries=retries)
    return boto3.client(service, endpoint_url=endpoint_url, config=config)
