"""The control plane as the endpoint asks it: the functions behind the HTTP API, invoked with the verified identity.

So what a bot may do, what its limits say and how an outcome is resolved is decided in one place, for everybody.
"""

import asyncio
import base64
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import boto3
import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from breakwater.domain.caller_context import ENGINE_API_ID, to_context
from breakwater.domain.permissions import Principal
from breakwater.errors import Unavailable
from fargate_engine.firm_exchange.owner import Owner

AT_ONCE_MAX = 32
OF_ACCOUNT_MAX = 8  # So that one bot keeps nobody else waiting,
CANCELS_MAX = 8  # and orders keep no cancel waiting.
WAIT_S = 2.0
ANSWER_S = 25.0  # The saga's own end comes before.


class OutcomeUnknown(Exception):
    """It was asked and has not answered: it may have done what it was asked."""


class Function(Enum):
    ORDERS = "orders"
    QUERIES = "queries"


@dataclass(frozen=True, slots=True)
class Answer:
    """`document`: of a refusal its problem document."""

    status: int
    document: Any

    @property
    def is_done(self) -> bool:
        return self.status < HTTPStatus.BAD_REQUEST


@dataclass(slots=True)
class _Share:
    """What one account may ask at once; kept while somebody asks or waits."""

    users: int = 0
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(OF_ACCOUNT_MAX))


class ControlPlane:
    def __init__(self, names: dict[Function, str], lambda_client: Any | None = None) -> None:
        """`names`: of the Lambda functions."""
        self._names = names
        self._client = lambda_client or boto3.client("lambda", config=_CONFIG)
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="control-plane")
        self._room = asyncio.Semaphore(AT_ONCE_MAX - CANCELS_MAX)
        self._room_for_cancels = asyncio.Semaphore(CANCELS_MAX)
        self._of_accounts: dict[tuple[uuid.UUID, bool], _Share] = {}

    async def ask(
        self,
        function: Function,
        method: str,
        path: str,
        owner: Owner,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
    ) -> Answer:
        """Unavailable when it was not asked; OutcomeUnknown when it did not answer."""
        event = orjson.dumps(_event(method, path, owner.principal, query or {}, body))
        async with self._place(owner.account_id, is_cancel=method == "DELETE"):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._invoke, self._names[function], event)

    @asynccontextmanager
    async def _place(self, account_id: uuid.UUID, *, is_cancel: bool) -> AsyncIterator[None]:
        """One of the account's, and one of all. Unavailable when it is not to be had in time."""
        share = self._of_accounts.setdefault((account_id, is_cancel), _Share())
        share.users += 1
        room = self._room_for_cancels if is_cancel else self._room
        async with AsyncExitStack() as held:
            held.callback(self._leave, account_id, is_cancel)
            try:
                async with asyncio.timeout(WAIT_S):
                    await held.enter_async_context(share.room)
                    await held.enter_async_context(room)
            except TimeoutError as error:
                raise Unavailable("too many requests wait for the control plane") from error
            yield

    def _leave(self, account_id: uuid.UUID, is_cancel: bool) -> None:
        share = self._of_accounts[account_id, is_cancel]
        share.users -= 1
        if share.users == 0:
            del self._of_accounts[account_id, is_cancel]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _invoke(self, name: str, event: bytes) -> Answer:
        try:
            answer = self._client.invoke(FunctionName=name, Payload=event)
            payload = orjson.loads(answer["Payload"].read())
            if "FunctionError" in answer:
                raise OutcomeUnknown("the function failed")
            body = payload.get("body") or "null"
            if payload.get("isBase64Encoded"):
                body = base64.b64decode(body)
            return Answer(payload["statusCode"], orjson.loads(body))
        except (BotoCoreError, ClientError, ValueError, LookupError) as error:
            raise OutcomeUnknown(str(error)) from error


# Not tried again: whether the first try was heard is what nobody knows.
_CONFIG = Config(
    connect_timeout=2, read_timeout=ANSWER_S, retries={"total_max_attempts": 1}, max_pool_connections=AT_ONCE_MAX
)


def _event(method: str, path: str, principal: Principal, query: dict[str, Any], body: Any) -> dict[str, Any]:
    """As an HTTP API sends it (payload 2.0). The endpoint has checked the address that the key may be used from."""
    context = {**to_context(principal), "ip_allow": ""}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode({name: value for name, value in query.items() if value is not None}),
        "headers": {"content-type": "application/json", "x-correlation-id": str(uuid.uuid4()), "host": "engine"},
        "requestContext": {
            "accountId": "engine",
            "apiId": ENGINE_API_ID,
            "domainName": "engine",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "engine",
            },
            "authorizer": {"lambda": context},
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "body": None if body is None else orjson.dumps(body).decode(),
        "isBase64Encoded": False,
    }
