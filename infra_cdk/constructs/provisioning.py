from infra_cdk.constructs.alert_topic import AlertTopic
from infra_cdk.constructs.database import Database
from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.constructs.identity import Identity


def grant_provisioning(function: PlatformFunction, database: Database, identity: Identity, alerts: AlertTopic) -> None:
    """What the operator's function needs beyond the others: every database role, making users, subscribing them."""
    secrets = {
        "ADMIN_DATABASE_SECRET_ARN": database.admin_secret,
        "FUNCTIONS_DATABASE_SECRET_ARN": database.functions_secret,
        "ENGINE_DATABASE_SECRET_ARN": database.engine_secret,
        "SEALER_DATABASE_SECRET_ARN": database.sealer_secret,
    }
    for variable, secret in secrets.items():
        function.function.add_environment(variable, secret.secret_arn)
        database.grant_secret(secret, function.function)

    identity.pool.grant(
        function.function,
        "cognito-idp:AdminAddUserToGroup",
        "cognito-idp:AdminCreateUser",
        "cognito-idp:AdminGetUser",
        "cognito-idp:AdminListGroupsForUser",
        "cognito-idp:AdminRemoveUserFromGroup",
        "cognito-idp:AdminSetUserPassword",
        "cognito-idp:CreateGroup",
    )
    alerts.followed_by(function)
