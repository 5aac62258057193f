from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.findings import accept


class EdgeSecret(Construct):
    """What CloudFront shows to the functions, so that they know that its firewall was passed: `{"value": ...}`."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.Key) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="What CloudFront proves itself with",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106  # What the value is generated into.
                generate_string_key="value",
                exclude_punctuation=True,
                password_length=48,
            ),
        )
        accept(
            self.secret, "SMG4", "Rotated by an operator, who deploys the edge after it: functions take old and new."
        )
