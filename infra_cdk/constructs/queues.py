from aws_cdk import Duration
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction

CONSUMER_TIMEOUT = Duration.seconds(10)
# A message is tried again after a minute: twenty tries outlast a database failover, and a poison message still ends.
RECEIVES_MAX = 20
BATCH_SIZE_MAX = 10


class WorkQueue(Construct):
    """An encrypted queue whose messages go to a dead-letter queue of its kind after RECEIVES_MAX attempts.

    With `fifo` order holds within a message group, and the sender names each message (no deduplication by content).
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, fifo: bool = False) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            fifo=fifo or None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=f"{name}.fifo" if fifo else name,
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

    def feed(self, consumer: PlatformFunction) -> None:
        """Consumers answer with the messages they could not process; the others are done."""
        consumer.function.add_event_source(
            event_sources.SqsEventSource(self.queue, batch_size=BATCH_SIZE_MAX, report_batch_item_failures=True)
        )
