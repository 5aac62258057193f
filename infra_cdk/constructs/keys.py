from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


class DataKey(Construct):
    """Encrypts the database, its secrets, the buckets and the alert topic; rotated every year."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(self, "Key", description="Breakwater: data at rest", enable_key_rotation=True)


class ApiKeyEncryptionKey(Construct):
    """API keys are kept under it, so that the engine can check what they signed: it alone may decrypt."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(self, "Key", description="Breakwater: API keys", enable_key_rotation=True)


class AlertChannelsKey(Construct):
    """The hooks of Slack are kept under it: `alerting` encrypts them, `alert_sender` alone decrypts."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(self, "Key", description="Breakwater: channels of alerts", enable_key_rotation=True)


class ExchangeCredentialsKey(Construct):
    """Data keys of exchange credentials are wrapped under it. Functions may have one made; the engine alone opens it.

    A key that it takes the place of stays in the context `retired_exchange_credentials_keys` until all is rewrapped.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(self, "Key", description="Breakwater: exchange credentials", enable_key_rotation=True)
        self.retired_arns: list[str] = self.node.try_get_context("retired_exchange_credentials_keys") or []

    def grant(self, grantee: iam.IGrantable, *actions: str) -> None:
        iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[self.key.key_arn])

    def grant_on_all(self, grantee: iam.IGrantable, *actions: str) -> None:
        """On the retired ones too: what is wrapped under them is still to be opened."""
        arns = [self.key.key_arn, *self.retired_arns]
        iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=arns)


class WebhookSecretsKey(Construct):
    """Data keys of what webhooks are signed with are wrapped under it: one function makes them, senders open them."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(self, "Key", description="Breakwater: secrets of webhooks", enable_key_rotation=True)


class SigningKey(Construct):
    """Signs and does nothing else (ECDSA over P-256). Its private half never leaves KMS."""

    def __init__(self, scope: Construct, construct_id: str, *, description: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description=f"Breakwater: {description}",
            key_spec=kms.KeySpec.ECC_NIST_P256,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
        )
