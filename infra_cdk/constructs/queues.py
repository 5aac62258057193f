from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction

# An event that finds the database hanging takes 8 s, and what comes of it has still to be told.
CONSUMER_TIMEOUT = Duration.seconds(20)
# So long a failed message waits for its next try: 21 minutes in all, which outlasts a database that fails over. The
# consumer sets it (runtime/queue.py), and puts aside what failed the last time.
RETRY_AFTER_S = (30, 60, 300, 900)
# For what a consumer could not put aside itself, because it was killed each time.
RECEIVES_MAX = len(RETRY_AFTER_S) + 1
BATCH_SIZE_MAX = 10
LATE_AFTER = Duration.minutes(5)


class WorkQueue(Construct):
    """An encrypted queue whose messages go to a dead-letter queue of its kind after RECEIVES_MAX attempts.

    With `fifo` order holds within a message group, and the sender names each message (no deduplication by content).
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, fifo: bool = False) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        suffix = ".fifo" if fifo else ""
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=f"{name}-dead-letters{suffix}",  # As consumers and operators know it: domain/delivery.py.
            fifo=fifo or None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=f"{name}{suffix}",
            fifo=fifo or None,
            content_based_deduplication=False if fifo else None,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP if fifo else None,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID if fifo else None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(4),
            visibility_timeout=Duration.seconds(CONSUMER_TIMEOUT.to_seconds() * 6),  # What Lambda asks for.
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=RECEIVES_MAX),
        )
        self._alarm(name)

    def feed(self, consumer: PlatformFunction) -> None:
        """Consumers answer with the messages they could not process; the others are done."""
        consumer.function.add_event_source(
            event_sources.SqsEventSource(self.queue, batch_size=BATCH_SIZE_MAX, report_batch_item_failures=True)
        )
        consumer.function.add_environment("RETRY_AFTER_S", ",".join(map(str, RETRY_AFTER_S)))
        self.dead_letters.grant(consumer.function, "sqs:SendMessage")

    def _alarm(self, name: str) -> None:
        """Who hears of them subscribes to them: the firm's own people hear by the alerts of the platform."""
        cloudwatch.Alarm(
            self,
            "Late",
            alarm_description=f"Messages of {name} wait for more than five minutes: docs/delivery.md",
            metric=self.queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(1), statistic="Maximum"),
            threshold=LATE_AFTER.to_seconds(),
            evaluation_periods=3,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        cloudwatch.Alarm(
            self,
            "Dead",
            alarm_description=f"There are dead letters of {name}: docs/runbooks/dead-letters.md",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=0,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


def operate_queues(operator: PlatformFunction, queues: list[WorkQueue]) -> None:
    """May look at all of them, take dead letters out, and send to their consumers."""
    operator.function.add_environment("WORK_QUEUES", ",".join(each.queue.queue_arn for each in queues))
    for each in queues:
        each.queue.grant(operator.function, "sqs:GetQueueAttributes", "sqs:SendMessage")
        each.dead_letters.grant(
            operator.function,
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        )
