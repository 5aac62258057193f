"""`python -m fargate_engine`: run one engine until it is told to stop."""

import asyncio
import gc
import logging
import signal
import sys

import uvloop

from fargate_engine.app import run_engine
from fargate_engine.log_lines import OneLine
from fargate_engine.settings import StartFailed, read_settings

EXIT_START_FAILED = 1
EXIT_BROKEN = 70
# An order leaves a few dozen objects that live on, and none in a cycle: at Python's own 2,000 the collector looks at
# them every few dozen orders.
NEW_OBJECTS_BEFORE_COLLECTION = 50_000

_LOG = logging.getLogger("fargate_engine")


def main() -> int:
    """The exit code: 0 told to stop, 1 could not start, 70 a broken invariant."""
    output = logging.StreamHandler()
    output.setFormatter(OneLine())
    logging.basicConfig(level=logging.INFO, handlers=[output])
    gc.freeze()  # What was imported stays: it need not be looked through again and again.
    gc.set_threshold(NEW_OBJECTS_BEFORE_COLLECTION)
    exit_code = 0
    try:
        uvloop.run(_until_told_to_stop())
    except* StartFailed as errors:
        _LOG.critical("could not start: %s", _first(errors))
        exit_code = EXIT_START_FAILED
    except* Exception:  # noqa: BLE001 - the edge of the process: whatever it was becomes an exit code
        _LOG.critical("an invariant is broken: stopping, so that a restart replays the journal", exc_info=True)
        exit_code = EXIT_BROKEN
    return exit_code


async def _until_told_to_stop() -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, told_to_stop.set)
    await run_engine(read_settings(), told_to_stop)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


if __name__ == "__main__":
    sys.exit(main())
