"""What the engine answers, and what it is to a bot when it does not."""

from collections.abc import Awaitable
from typing import Any

import orjson

from breakwater.errors import EngineUnavailable, Rejection
from fargate_engine.binance.errors import outcome_unknown, unavailable
from fargate_engine.firm_exchange.refusals import refusal_of_code
from fargate_engine.inbox import EngineBusy


async def snapshot_of(answer: Awaitable[Any]) -> dict[str, Any]:
    """The engine's answer. -1001 where it did not take the question, -1007 where it may have."""
    try:
        snapshot: dict[str, Any] = orjson.loads(await answer)
    except EngineBusy as error:
        raise unavailable(error.retry_after_s) from error
    except EngineUnavailable as error:
        raise outcome_unknown() from error
    except Rejection as error:
        raise refusal_of_code(error.code, error.message) from error
    return snapshot
