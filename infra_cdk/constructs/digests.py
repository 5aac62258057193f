"""Digests: what starts the function that makes them, and as whom their mail is sent."""

import re
from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.constructs.queues import WorkQueue

# Some clocks are half or three quarters of an hour off the others, and every reader has an hour of his own.
EVERY = Duration.minutes(15)
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def mail_sender(scope: Construct) -> str | None:
    """The context `mail_sender`; None: nobody sends mail but SNS. ValueError for what is no plain address."""
    address: str | None = scope.node.try_get_context("mail_sender") or None
    if address is not None and _ADDRESS.fullmatch(address) is None:
        raise ValueError(f"mail_sender: {address!r} is no address such as digests@example.com")
    return address


class DigestSchedule(Construct):
    """One schedule for everybody: the function finds who is due. A run that failed is made up for by the next."""

    def __init__(self, scope: Construct, construct_id: str, *, function: PlatformFunction) -> None:
        super().__init__(scope, construct_id)
        function.function.configure_async_invoke(retry_attempts=0)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
            ),
        )
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function.function_arn])
        )
        self.schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description="Starts what makes and mails the digests that are due.",
            schedule_expression=scheduler.ScheduleExpression.rate(EVERY).expression_string,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function.function_arn,
                role_arn=self.role.role_arn,
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=EVERY.to_seconds(), maximum_retry_attempts=2
                ),
            ),
        )


def send_mail(function: PlatformFunction, sender: str) -> None:
    """As this address and no other. SES knows its domain to be ours: docs/digests.md."""
    domain = sender.partition("@")[2]
    identity = Stack.of(function).format_arn(service="ses", resource="identity", resource_name=domain)
    function.function.add_environment("MAIL_SENDER", sender)
    function.function.add_to_role_policy(
        iam.PolicyStatement(
            actions=["ses:SendEmail"],
            resources=[identity],
            conditions={"StringEquals": {"ses:FromAddress": sender}},
        )
    )


def look_at_dead_letters(function: PlatformFunction, queues: Mapping[str, WorkQueue]) -> None:
    """May see how many there are, and read none."""
    dead_letters = {name: work.dead_letters for name, work in queues.items()}
    function.function.add_environment(
        "DEAD_LETTER_QUEUES", Stack.of(function).to_json_string({n: q.queue_url for n, q in dead_letters.items()})
    )
    function.function.add_to_role_policy(
        iam.PolicyStatement(
            actions=["sqs:GetQueueAttributes"], resources=[queue.queue_arn for queue in dead_letters.values()]
        )
    )
