"""An operator's function, called with `aws lambda invoke`: {"action": "migrate"} and {"action": "create_organisation"}.

Its errors leave as they are: who may call it may read them.
"""

import json
from typing import Any

from breakwater.db.connection import Database
from breakwater.runtime.aws import client
from breakwater.runtime.database import secret_conninfo
from breakwater.runtime.observability import logger, observed
from breakwater.runtime.settings import settings
from breakwater.services import provisioning
from breakwater.services.user_pool import UserPool


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers what was made. Both actions can be repeated; a second time changes nothing but passwords."""
    logger().info("provisioning", action=event["action"])
    match event["action"]:
        case "migrate":
            return _migrate()
        case "create_organisation":
            return _create_organisation(provisioning.ToldOrganisation.model_validate(event["organisation"]))
        case action:
            raise ValueError(f"unknown action {action!r}; there are migrate and create_organisation")


def _migrate() -> dict[str, Any]:
    secret_arns = {
        "breakwater_functions": settings().functions_database_secret_arn,
        "breakwater_engine": settings().engine_database_secret_arn,
    }
    passwords = {role: _password(secret_arn) for role, secret_arn in secret_arns.items()}
    provisioning.migrate_database(secret_conninfo(settings().admin_database_secret_arn), passwords)
    return {"migrated": True}


def _create_organisation(told: provisioning.ToldOrganisation) -> dict[str, Any]:
    pool = UserPool(client("cognito-idp"), settings().user_pool_id)
    subjects = provisioning.create_users(told, pool)
    database = Database(lambda: secret_conninfo(settings().functions_database_secret_arn))
    try:
        with database.tenant_transaction(told.tenant_id) as tx:
            created = provisioning.save_organisation(told, subjects, tx)
    finally:
        database.close()
    provisioning.subscribe_to_alerts(told, client("sns"), settings().alert_topic_arn)
    return created


def _password(secret_arn: str) -> str:
    secret = json.loads(client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])
    return str(secret["password"])
