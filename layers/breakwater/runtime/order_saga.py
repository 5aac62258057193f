"""Start the order saga and wait for its end."""

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.domain.orders import PlaceOrder
from breakwater.runtime.aws import client
from breakwater.runtime.observability import logger
from breakwater.runtime.settings import settings

READ_TIMEOUT_S = 27  # The machine ends by itself after 26 s, and API Gateway gives up at 30 s.


def start_order_saga(order: PlaceOrder) -> None:
    """Returns when the saga has ended, or when nothing is known of it: either way the order's row says what became.

    Tried once only. A second saga would do no harm, but its caller would be gone before it ended.
    """
    step_functions = client("stepfunctions", read_timeout_s=READ_TIMEOUT_S, attempts_max=1)
    try:
        step_functions.start_sync_execution(
            stateMachineArn=settings().order_saga_arn, name=str(order.order_id), input=order.model_dump_json()
        )
    except (BotoCoreError, ClientError):
        logger().exception("the order saga did not answer", order_id=str(order.order_id))
