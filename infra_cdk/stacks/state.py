from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra_cdk.constructs.connections import ConnectionsTable
from infra_cdk.constructs.database import Database
from infra_cdk.constructs.edge_options import tls_name
from infra_cdk.constructs.edge_secret import EdgeSecret
from infra_cdk.constructs.identity import Identity
from infra_cdk.constructs.keys import (
    AlertChannelsKey,
    ApiKeyEncryptionKey,
    DataKey,
    ExchangeCredentialsKey,
    SigningKey,
    WebhookSecretsKey,
)
from infra_cdk.constructs.network import Network
from infra_cdk.constructs.pool_firewall import PoolFirewall
from infra_cdk.constructs.schema_registry import SchemaRegistry
from infra_cdk.constructs.storage import Storage
from infra_cdk.constructs.telegram_bot import TelegramSecret, bot_username


class StateStack(Stack):
    """What must survive everything else."""

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.data_key = DataKey(self, "DataKey").key
        self.service_token_key = SigningKey(self, "ServiceTokenKey", description="service tokens").key
        self.api_key_encryption_key = ApiKeyEncryptionKey(self, "ApiKeyEncryptionKey").key
        self.alert_channels_key = AlertChannelsKey(self, "AlertChannelsKey").key
        self.audit_key = SigningKey(self, "AuditKey", description="anchors of the audit trail").key
        self.exchange_credentials_key = ExchangeCredentialsKey(self, "ExchangeCredentialsKey")
        self.webhook_secrets_key = WebhookSecretsKey(self, "WebhookSecretsKey")
        self.database = Database(self, "Database", network=network, key=self.data_key)
        self.identity = Identity(self, "Identity")
        PoolFirewall(self, "PoolFirewall", pool=self.identity.pool, own_addresses=network.outgoing_addresses)
        self.edge_secret = None if tls_name(self, "edge") is None else EdgeSecret(self, "EdgeSecret", key=self.data_key)
        has_bot = bot_username(self) is not None
        self.telegram_secret = TelegramSecret(self, "Telegram", key=self.data_key).secret if has_bot else None
        self.connections = ConnectionsTable(self, "Connections").table
        self.storage = Storage(self, "Storage", key=self.data_key)
        SchemaRegistry(self, "Contracts")

        if self.edge_secret is not None:
            CfnOutput(self, "EdgeSecretArn", value=self.edge_secret.secret.secret_arn)
        if self.telegram_secret is not None:
            CfnOutput(self, "TelegramSecretArn", value=self.telegram_secret.secret_arn)
        if self.identity.sign_in_url is not None:
            CfnOutput(self, "SignInUrl", value=self.identity.sign_in_url)
        CfnOutput(self, "UserPoolId", value=self.identity.pool.user_pool_id)
        CfnOutput(self, "UserPoolClientId", value=self.identity.client.user_pool_client_id)
        CfnOutput(self, "AdminDatabaseSecretArn", value=self.database.admin_secret.secret_arn)
        CfnOutput(self, "FunctionsDatabaseSecretArn", value=self.database.functions_secret.secret_arn)
        CfnOutput(self, "EngineDatabaseSecretArn", value=self.database.engine_secret.secret_arn)
        CfnOutput(self, "SealerDatabaseSecretArn", value=self.database.sealer_secret.secret_arn)
        CfnOutput(self, "ServiceTokenKeyId", value=self.service_token_key.key_id)
        CfnOutput(self, "ApiKeyEncryptionKeyId", value=self.api_key_encryption_key.key_id)
        CfnOutput(self, "SnapshotBucketName", value=self.storage.snapshots.bucket_name)
        CfnOutput(self, "AuditBucketName", value=self.storage.audit.bucket_name)
        CfnOutput(self, "AuditKeyId", value=self.audit_key.key_id)
        CfnOutput(self, "ConnectionsTableName", value=self.connections.table_name)
