"""AWS clients: made once, at first use, and none waits longer than a function can."""

from functools import cache
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types; answers are checked where they are used.
from botocore.config import Config  # type: ignore[import-untyped]


@cache
def client(service: str, *, endpoint_url: str | None = None, read_timeout_s: int = 5) -> Any:
    """A client of one service, for at most two attempts. Region and endpoint come from the environment."""
    config = Config(
        connect_timeout=2, read_timeout=read_timeout_s, retries={"total_max_attempts": 2, "mode": "standard"}
    )
    return boto3.client(service, endpoint_url=endpoint_url, config=config)
