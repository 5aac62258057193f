"""Aurora PostgreSQL and the secrets of those who sign in to it."""

import json

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.constructs.network import DATABASE_PORT, Network
from infra_cdk.findings import accept

DATABASE_NAME = "breakwater"


class Database(Construct):
    """A writer and a reader in another zone that takes over, each from half a capacity unit up.

    Backups reach back 14 days, to the second. Secrets hold `{username, password, host, port, dbname}`; the roles of
    functions and engine are made by the migrations, with the passwords that stand here.
    """

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, key: kms.Key) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        engine = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_9)
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=engine,
            # Nobody connects in clear, whatever a client asks for.
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                engine=engine,
                description="TLS 1.2 and above, and nothing else",
                parameters={"rds.force_ssl": "1", "ssl_min_protocol_version": "TLSv1.2"},
            ),
            credentials=rds.Credentials.from_generated_secret(
                "breakwater_admin", encryption_key=key, exclude_characters=" %+~`#$&*()|[]{}:;<>?!'/@\"\\"
            ),
            default_database_name=DATABASE_NAME,
            port=DATABASE_PORT,
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            readers=[rds.ClusterInstance.serverless_v2("Reader", scale_with_writer=True)],
            serverless_v2_min_capacity=0.5,
            serverless_v2_max_capacity=8,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[network.database],
            storage_encrypted=True,
            storage_encryption_key=key,
            backup=rds.BackupProps(retention=Duration.days(14)),
            copy_tags_to_snapshot=True,
            deletion_protection=True,
            removal_policy=RemovalPolicy.SNAPSHOT,
        )
        admin_secret = self.cluster.secret
        if admin_secret is None:
            raise RuntimeError("the cluster was made without generated credentials")
        self.admin_secret = admin_secret
        self.functions_secret = self._role_secret("FunctionsSecret", "breakwater_functions")
        self.engine_secret = self._role_secret("EngineSecret", "breakwater_engine")
        self.sealer_secret = self._role_secret("SealerSecret", "breakwater_sealer")
        # The schedules are made where their function is, in the stack above; the engine reads its secret at its start.
        accept(self, "SMG4", "Three are rotated by the function `rotation`; the engine's by an operator and a deploy.")
        accept(self, "RDS6", "Roles sign in with passwords from Secrets Manager, in every environment the same way.")
        accept(self, "RDS11", "The port is no secret: only two security groups reach it, in isolated subnets.")

    def grant_secret(self, secret: secretsmanager.ISecret, grantee: iam.IGrantable) -> None:
        """Let a role read one secret.

        Not `secret.grant_read`: that writes the reader's ARN into the key's policy, and so makes this stack depend on
        the reader's, in a circle.
        """
        via = f"secretsmanager.{Stack.of(self).region}.amazonaws.com"
        principal = grantee.grant_principal
        principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn])
        )
        principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt"],
                resources=[self._key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": via}},
            )
        )

    def grant_sealing(self, grantee: iam.IGrantable) -> None:
        """Let a role write secrets under their key, by Secrets Manager alone."""
        via = f"secretsmanager.{Stack.of(self).region}.amazonaws.com"
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["kms:GenerateDataKey"],
                resources=[self._key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": via}},
            )
        )

    def _role_secret(self, construct_id: str, username: str) -> secretsmanager.Secret:
        endpoint = self.cluster.cluster_endpoint
        known = {"username": username, "host": endpoint.hostname, "port": DATABASE_PORT, "dbname": DATABASE_NAME}
        return secretsmanager.Secret(
            self,
            construct_id,
            description=f"Database role {username}",
            encryption_key=self._key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(known),
                generate_string_key="password",
                exclude_punctuation=True,  # So that it fits into a connection string unquoted.
                password_length=40,
            ),
        )
