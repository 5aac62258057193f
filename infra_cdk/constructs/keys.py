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


class ServiceTokenKey(Construct):
    """Signs the tokens functions show to the engine (ES256). Its private half never leaves KMS."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description="Breakwater: service tokens",
            key_spec=kms.KeySpec.ECC_NIST_P256,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
        )


class AuditKey(Construct):
    """Signs the anchors of the audit trail (ECDSA over P-256): whoever has the database cannot sign another past."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description="Breakwater: anchors of the audit trail",
            key_spec=kms.KeySpec.ECC_NIST_P256,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
        )
