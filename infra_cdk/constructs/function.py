"""A Lambda function with the house defaults, and the grants functions ask for by what they do."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.constructs.database import Database
from infra_cdk.constructs.edge_options import mutual_tls
from infra_cdk.constructs.edge_secret import EdgeSecret
from infra_cdk.constructs.identity import Identity
from infra_cdk.constructs.layer import BreakwaterLayer
from infra_cdk.constructs.network import Network
from infra_cdk.constructs.sign_in_options import SECOND_FACTOR_ROLES, sign_in_environment
from infra_cdk.findings import accept
from infra_cdk.repository import required

ENGINE_URL_PARAMETER = "/breakwater/engine/url"


class PlatformFunction(Construct):
    """Python 3.13 on arm64 in the private subnets, with a role of its own that so far may only write its log."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        layer: BreakwaterLayer,
        network: Network,
        timeout: Duration,
        memory_mib: int = 1024,
    ) -> None:
        """`name` is the folder under functions/. More memory is more CPU: 1024 MiB halves what a cold start takes."""
        super().__init__(scope, construct_id)
        required(f"functions/{name}/app.py")
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
        )
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler="app.handler",
            code=lambda_.Code.from_asset(str(required(f"functions/{name}")), exclude=["__pycache__"]),
            layers=[layer.version],
            role=self._role(log),
            log_group=log,
            timeout=timeout,
            memory_size=memory_mib,
            tracing=lambda_.Tracing.ACTIVE,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[network.functions],
            environment={"POWERTOOLS_SERVICE_NAME": name, "POWERTOOLS_LOG_LEVEL": "INFO"},
        )
        accept(self.function, "L1", "Python 3.13 is what the wheels are locked for and what the tests run on.")

    def _role(self, log: logs.LogGroup) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        interfaces = [
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ]
        role.add_to_policy(iam.PolicyStatement(actions=interfaces, resources=["*"]))
        accept(
            role, "IAM5[Resource::*]", "Network interfaces of a VPC function and X-Ray segments have no ARN to name."
        )
        return role

    def use_database(self, database: Database) -> None:
        """May sign in to the database as `breakwater_functions`."""
        self._sign_in_with(database.functions_secret, database)

    def seal_in_database(self, database: Database) -> None:
        """May sign in to the database as `breakwater_sealer`, and as nobody else."""
        self._sign_in_with(database.sealer_secret, database)

    def _sign_in_with(self, secret: secretsmanager.ISecret, database: Database) -> None:
        self.function.add_environment("DATABASE_SECRET_ARN", secret.secret_arn)
        database.grant_secret(secret, self.function)

    def insist_on_edge(self, database: Database, edge_secret: EdgeSecret) -> None:
        """Answers only what came through CloudFront: its secret may be read."""
        self.function.add_environment("EDGE_SECRET_ARN", edge_secret.secret.secret_arn)
        database.grant_secret(edge_secret.secret, self.function)

    def speak_as_bot(self, database: Database, secret: secretsmanager.ISecret) -> None:
        """Writes to chats of Telegram: the secret with the bot's token may be read."""
        self.function.add_environment("TELEGRAM_SECRET_ARN", secret.secret_arn)
        database.grant_secret(secret, self.function)

    def find_engine(self) -> None:
        """May learn where the engine is, and read what to show it where it asks for a certificate.

        That is enough for what the engine tells everybody.
        """
        arn = Stack.of(self).format_arn(
            service="ssm", resource="parameter", resource_name=ENGINE_URL_PARAMETER.removeprefix("/")
        )
        self.function.add_environment("ENGINE_URL_PARAMETER", ENGINE_URL_PARAMETER)
        self.function.add_to_role_policy(iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[arn]))
        if (tls := mutual_tls(self)) is not None:
            self.function.add_environment("ENGINE_CLIENT_CERTIFICATE_ARN", tls.callers_certificate)
            self.function.add_to_role_policy(
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[tls.callers_certificate])
            )

    def call_engine(self, service_token_key: kms.Key) -> None:
        """May sign the tokens that the engine's internal routes ask for."""
        self.find_engine()
        self.function.add_environment("SERVICE_TOKEN_KEY_ID", service_token_key.key_id)
        service_token_key.grant_sign(self.function)

    def know_user_pool(self, identity: Identity) -> None:
        """Verifying tokens and signing people in need no permission: both are public calls of Cognito."""
        self.function.add_environment("USER_POOL_ID", identity.pool.user_pool_id)
        self.function.add_environment("USER_POOL_CLIENT_ID", identity.client.user_pool_client_id)

    def believe_tokens(self, identity: Identity) -> None:
        """Of the pool, and of the issuer beside it where there is one."""
        self.know_user_pool(identity)
        for name, value in sign_in_environment(self).items():
            self.function.add_environment(name, value)

    def know_second_factor_roles(self) -> None:
        """Whose role asks for a second factor."""
        if (roles := sign_in_environment(self).get(SECOND_FACTOR_ROLES)) is not None:
            self.function.add_environment(SECOND_FACTOR_ROLES, roles)
