from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.constructs.database import Database
from infra_cdk.constructs.function import PlatformFunction

EVERY = Duration.days(30)


class DatabaseSecretRotation(Construct):
    """The passwords of administrator, functions and sealer are new every month: they are read at each connect.

    Not the engine's: it reads its own at its start, so a new one comes with a deploy (docs/deploying.md).
    """

    def __init__(self, scope: Construct, construct_id: str, *, database: Database, function: PlatformFunction) -> None:
        super().__init__(scope, construct_id)
        rotated = {
            "Admin": database.admin_secret,
            "Functions": database.functions_secret,
            "Sealer": database.sealer_secret,
        }
        arns = [secret.secret_arn for secret in rotated.values()]
        permission = function.function.add_permission
        permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=Stack.of(self).account,
        )
        function.function.add_environment("ADMIN_DATABASE_SECRET_ARN", database.admin_secret.secret_arn)
        function.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:PutSecretValue",
                    "secretsmanager:UpdateSecretVersionStage",
                ],
                resources=arns,
            )
        )
        for secret in rotated.values():
            database.grant_secret(secret, function.function)
        database.grant_sealing(function.function)
        for name, secret in rotated.items():
            schedule = secretsmanager.CfnRotationSchedule(
                self,
                name,
                secret_id=secret.secret_arn,
                rotation_lambda_arn=function.function.function_arn,
                rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                    automatically_after_days=EVERY.to_days()
                ),
                rotate_immediately_on_update=False,  # The roles are made after the deploy, by the migrations.
            )
            schedule.node.add_dependency(function)
