from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction

SUBSCRIPTION_ACTIONS = ["sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"]


class AlertTopic(Construct):
    """Where breaches go; administrators subscribe by email. Encrypted, over TLS only."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.Key) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)

    def followed_by(self, function: PlatformFunction) -> None:
        """May subscribe addresses, and change and end subscriptions, which no policy can name."""
        function.function.add_environment("ALERT_TOPIC_ARN", self.topic.topic_arn)
        function.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sns:ListSubscriptionsByTopic", "sns:Subscribe"], resources=[self.topic.topic_arn]
            )
        )
        function.function.add_to_role_policy(iam.PolicyStatement(actions=SUBSCRIPTION_ACTIONS, resources=["*"]))

    def published_by(self, function: PlatformFunction) -> None:
        function.function.add_environment("ALERT_TOPIC_ARN", self.topic.topic_arn)
        function.function.add_to_role_policy(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn])
        )
        function.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self._key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"sns.{Stack.of(self).region}.amazonaws.com"}},
            )
        )
