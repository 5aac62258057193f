"""Secrets Manager's function: gives a database role a new password, step by step, and never answers one."""

from typing import Any

from breakwater.runtime.aws import client
from breakwater.runtime.observability import logger, observed
from breakwater.runtime.settings import settings
from breakwater.services import secret_rotation


@observed
def handler(event: dict[str, Any], context: Any) -> None:
    """One of the four steps; an exception has Secrets Manager try again later."""
    logger().info("rotating", secret_arn=event["SecretId"], step=event["Step"])
    secret_rotation.rotate(
        client("secretsmanager"),
        settings().admin_database_secret_arn,
        secret_arn=event["SecretId"],
        version=event["ClientRequestToken"],
        step=event["Step"],
    )
