"""The watch as a process: `python -m breakwater.runtime.watch`. It reads what functions read.

A Lambda function could look once a minute; a loss has to stop a node within a second of the tick. So losses have the
main thread for themselves. What waits for the engine, for nodes that are locked, or for queues has threads and
connections of its own: whoever is silent holds up no loss.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from breakwater.errors import BreakwaterError
from breakwater.runtime.aws import client
from breakwater.runtime.database import new_database
from breakwater.runtime.engine import new_engine_client
from breakwater.runtime.watched_queues import queue_depths, send_alert_event
from breakwater.services.condition_watch import ConditionWatch
from breakwater.services.engine_watch import EngineWatch
from breakwater.services.equity_history import EquitySampler
from breakwater.services.loss_watch import LossWatch
from breakwater.services.watch import Watch

ROUND_S = 0.25
CONDITIONS_ROUND_S = 1.0
LAST_ROUND_S = 5.0  # So long its end waits for the rounds that are under way.
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
    beside = [
        threading.Thread(target=watch, args=(told_to_stop,), name=name, daemon=True)
        for name, watch in (("ledger", watch_ledger), ("engine", watch_engine), ("conditions", watch_conditions))
    ]
    for thread in beside:
        thread.start()
    _LOG.info("watching losses, silences, leases, kills and overrides")
    watch_losses(told_to_stop)
    ends_at = time.monotonic() + LAST_ROUND_S
    for thread in beside:
        thread.join(max(0.0, ends_at - time.monotonic()))


def watch_losses(told_to_stop: threading.Event) -> None:
    """Until told to stop. What nobody has thought of ends the process, and ECS starts another."""
    tell, opened = _Seldom(), new_database()
    watch = LossWatch(opened.untenanted_transaction, opened.tenant_transaction, tell)
    while not told_to_stop.wait(ROUND_S):
        try:
            watch.run_round(datetime.now(UTC))
        except BreakwaterError as error:
            tell(error.message)
    opened.close()


def watch_ledger(told_to_stop: threading.Event) -> None:
    tell, opened = _Seldom(), new_database()
    watch = Watch(opened.untenanted_transaction, opened.tenant_transaction, tell)
    _run_beside(told_to_stop, ROUND_S, tell, {"silences and overrides": watch.run_round})
    opened.close()


def watch_engine(told_to_stop: threading.Event) -> None:
    tell, opened = _Seldom(), new_database()
    watch = EngineWatch(opened.untenanted_transaction, opened.tenant_transaction, new_engine_client(), tell)
    _run_beside(told_to_stop, ROUND_S, tell, {"leases and kills": watch.run_round})
    opened.close()


def watch_conditions(told_to_stop: threading.Event) -> None:
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
    _run_beside(told_to_stop, CONDITIONS_ROUND_S, tell, {"conditions": watch.run_round, "equity": sampler.run_round})
    opened.close()


def _run_beside(
    told_to_stop: threading.Event,
    every_s: float,
    tell: Callable[[str], None],
    works: Mapping[str, Callable[[datetime], None]],
) -> None:
    """Until told to stop, whatever fails: that losses are watched must not depend on this, nor this end unseen."""
    while not told_to_stop.wait(every_s):
        for name, run_round in works.items():
            try:
                run_round(datetime.now(UTC))
            except BreakwaterError as error:
                tell(f"{name}: {error.message}")
            except Exception:  # noqa: BLE001  # Whatever is wrong with it, losses are watched, and it is tried again.
                _LOG.exception("a look at %s failed", name)


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
