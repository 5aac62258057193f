"""An operator's function, called with `aws lambda invoke`, with an `action` that the handler lists.

Its errors leave as they are: who may call it may read them.
"""

import json
import time
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from breakwater.db.connection import Database
from breakwater.db.conninfo import noticing_silence
from breakwater.runtime.aws import client
from breakwater.runtime.database import secret_conninfo
from breakwater.runtime.exchange_credential_keys import master_key_id, rewrap_data_key
from breakwater.runtime.observability import logger, observed
from breakwater.runtime.settings import settings
from breakwater.services import exchange_credentials, provisioning
from breakwater.services.alert_subscriptions import AlertSubscriptions, addresses_of
from breakwater.services.exchange_credentials import RefusedKey
from breakwater.services.user_pool import UserPool

REFUSED_SHOWN_MAX = 100
REWRAP_S = 240.0  # Of the five minutes that the function has.


class RewrapRequest(BaseModel):
    """`wrapped_before`: also what is under the master key of now, but was wrapped before KMS rotated its material."""

    model_config = ConfigDict(extra="forbid")
    batch_size: Annotated[int, Field(ge=1, le=exchange_credentials.REWRAP_BATCH_MAX)] = 100
    wrapped_before: AwareDatetime | None = None


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers what was made. Every action can be repeated; a second time changes nothing but passwords."""
    logger().info("provisioning", action=event["action"])
    match event["action"]:
        case "migrate":
            return _migrate()
        case "create_organisation":
            return _create_organisation(provisioning.ToldOrganisation.model_validate(event["organisation"]))
        case "rewrap_exchange_credentials":
            return _rewrap(RewrapRequest.model_validate({k: v for k, v in event.items() if k != "action"}))
        case action:
            raise ValueError(
                f"unknown action {action!r}; there are migrate, create_organisation and rewrap_exchange_credentials"
            )


def _rewrap(request: RewrapRequest) -> dict[str, Any]:
    """Batches until all were tried or its time is over, each committed for itself: invoke it again for the rest.

    `refused`: those that KMS does not open, which stay as they are; `make rewrap` then ends with an error.
    """
    if request.wrapped_before is not None and request.wrapped_before > datetime.now(UTC):
        raise ValueError("wrapped_before is yet to come: what is wrapped now would be wrapped again")
    deadline = time.monotonic() + REWRAP_S
    done, left, refused = 0, 1, list[RefusedKey]()
    after: tuple[uuid.UUID, int] | None = exchange_credentials.FROM_THE_START
    key_id = master_key_id()
    with psycopg.connect(
        noticing_silence(secret_conninfo(settings().admin_database_secret_arn)), autocommit=True
    ) as connection:
        while after is not None and time.monotonic() < deadline:
            with connection.transaction():
                batch = exchange_credentials.rewrap_credentials(
                    connection,
                    master_key_id=key_id,
                    rewrap=rewrap_data_key,
                    wrapped_before=request.wrapped_before,
                    batch_size_max=request.batch_size,
                    by=provisioning.CREATED_BY,
                    at=datetime.now(UTC),
                    after=after,
                )
            done, left, after = done + batch.rewrapped, batch.left, batch.last
            refused += batch.refused
    for each in refused:
        logger().error("a data key is not wrapped anew", refused=_told(each))
    logger().info("exchange credentials wrapped anew", rewrapped=done, left=left, refused=len(refused))
    told = [_told(each) for each in refused[:REFUSED_SHOWN_MAX]]
    return {"rewrapped": done, "left": left, "refused": len(refused), "refused_keys": told}


def _told(refused: RefusedKey) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(refused).items()}


def _migrate() -> dict[str, Any]:
    secret_arns = {
        "breakwater_functions": settings().functions_database_secret_arn,
        "breakwater_engine": settings().engine_database_secret_arn,
        "breakwater_sealer": settings().sealer_database_secret_arn,
    }
    passwords = {role: _password(secret_arn) for role, secret_arn in secret_arns.items()}
    provisioning.migrate_database(secret_conninfo(settings().admin_database_secret_arn), passwords)
    return {"migrated": True}


def _create_organisation(told: provisioning.ToldOrganisation) -> dict[str, Any]:
    pool = UserPool(client("cognito-idp"), settings().user_pool_id)
    subjects = provisioning.create_users(told, pool)
    database = Database(lambda: secret_conninfo(settings().functions_database_secret_arn))
    try:
        with database.tenant_transaction(told.tenant_id, provisioning.CREATED_BY) as tx:
            before = addresses_of(tx)
            created = provisioning.save_organisation(told, subjects, tx)
            after = addresses_of(tx)
    finally:
        database.close()
    # Whoever has another address now hears by it alone.
    follows = dict.fromkeys(before, False) | after
    AlertSubscriptions(client("sns"), settings().alert_topic_arn).follow(told.tenant_id, follows)
    return created


def _password(secret_arn: str) -> str:
    secret = json.loads(client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])
    return str(secret["password"])
