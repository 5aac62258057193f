"""The watch as a process: `python -m breakwater.runtime.watch`. It reads what functions read.

A Lambda function could look once a minute; a loss has to stop a node within a second of the tick. At how the platform
is it looks in a thread of its own, with its own connections: an engine or a queue that is silent holds up no loss.
"""

import logging
import signal
import threading
import time
from datetime import UTC, datetime

from breakwater.errors import BreakwaterError
from breakwater.runtime.aws import client
from breakwater.runtime.database import new_database, tenant_transaction, untenanted_transaction
from breakwater.runtime.engine import engine_client, new_engine_client
from breakwater.runtime.watched_queues import queue_depths, send_alert_event
from breakwater.services.condition_watch import ConditionWatch
from breakwater.services.equity_history import EquitySampler
from breakwater.services.watch import Watch

ROUND_S = 0.25
CONDITIONS_ROUND_S = 1.0
LAST_ROUND_S = 5.0  # So long its end waits for a look at conditions that is under way.
TOLD_AGAIN_S = 30.0  # The same trouble is logged again after so long.

_LOG = logging.getLogger("breakwater.watch")


def main() -> None:
    """Until SIGTERM. What fails is tried again in the next round: nothing is lost by it but time."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # It says where it found its credentials each time that it looks.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    for service in ("kms", "secretsmanager", "sqs", "ssm"):
        client(service)  # Before there are two threads: boto3 makes clients in one alone.
    conditions = threading.Thread(target=watch_conditions, args=(told_to_stop,), name="conditions", daemon=True)
    conditions.start()
    tell = _Seldom()
    watch = Watch(untenanted_transaction, tenant_transaction, engine_client(), tell)
    _LOG.info("watching losses, silences, kills and overrides")
    while not told_to_stop.wait(ROUND_S):
        try:
            watch.run_round(datetime.now(UTC))
        except BreakwaterError as error:
            tell(error.message)
    conditions.join(LAST_ROUND_S)


def watch_conditions(told_to_stop: threading.Event) -> None:
    """Until told to stop, whatever fails: that losses are watched must not depend on this, nor this end unseen."""
    tell, opened = _Seldom(), new_database()
    watch = ConditionWatch(
        opened.untenanted_transaction,
        opened.tenant_transaction,
        new_engine_client(),
        queue_depths,
        send_alert_event,
        tell,
    )
    sampler = EquitySampler(opened.untenanted_transaction, opened.tenant_transaction, tell)
    while not told_to_stop.wait(CONDITIONS_ROUND_S):
        for name, run_round in (("conditions", watch.run_round), ("equity", sampler.run_round)):
            try:
                run_round(datetime.now(UTC))
            except BreakwaterError as error:
                tell(f"{name}: {error.message}")
            except Exception:  # noqa: BLE001  # Whatever is wrong with it, losses are watched, and it is tried again.
                _LOG.exception("a look at %s failed", name)
    opened.close()


class _Seldom:
    """Logs a line, but the same line not again for a while: a round has a quarter of a second."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now - self._told.get(line, -TOLD_AGAIN_S) < TOLD_AGAIN_S:
            return
        self._told = {known: at for known, at in self._told.items() if now - at < TOLD_AGAIN_S} | {line: now}
        _LOG.warning("%s", line)


if __name__ == "__main__":
    main()
