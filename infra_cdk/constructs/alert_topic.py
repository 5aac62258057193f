from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction

SUBSCRIPTION_ACTIONS = ["sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"]


_EVERY_TOPIC = "arn:aws:sns:*:*:*"  # A phone number is no ARN, so it is named by what it is not.


class AlertTopic(Construct):
    """Where mails of alerts go: everybody is subscribed, each message names its addresses. Encrypted, over TLS only.

    Text messages go by SNS too, and by no topic.
    """

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

    @staticmethod
    def texted_by(function: PlatformFunction) -> None:
        """May send text messages, and publish to no topic. The context `sms_sender_id`: whom phones show."""
        function.function.add_to_role_policy(iam.PolicyStatement(actions=["sns:Publish"], not_resources=[_EVERY_TOPIC]))
        sender_id = function.node.try_get_context("sms_sender_id")
        if sender_id:
            function.function.add_environment("SMS_SENDER_ID", sender_id)
