"""One request, whichever way it came: its key, its signature, its window, what it may cost, then what it asks for."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from breakwater.errors import Unavailable
from fargate_engine.binance.errors import BinanceError, bad_key, bad_key_format, unavailable, unknown_failure
from fargate_engine.binance.exchange import Client, Exchange
from fargate_engine.binance.operations import Call, Listed, Operation, Security
from fargate_engine.binance.parameters import Parameters
from fargate_engine.binance.signing import SigningKey, valid_until_ms
from fargate_engine.binance.weights import Weights

_LOG = logging.getLogger(__name__)

KEY_ID_LENGTH_MAX = 64
UNBELIEVED_WEIGHT = 20  # Whoever invents keys or signatures is soon told to wait.


@dataclass(slots=True)
class Requests:
    """What the requests of one server share."""

    exchange: Exchange
    weights: Weights = field(default_factory=Weights)
    listed: Listed = field(init=False)

    def __post_init__(self) -> None:
        self.listed = Listed(self.exchange)

    async def answer(
        self,
        operation: Operation,
        parameters: Parameters,
        *,
        key_id: str | None,
        address: str,
        check_signature: Callable[[SigningKey], None],
    ) -> Any:
        """The document to answer with; BinanceError for everything that goes wrong."""
        try:
            now_ms = self.exchange.now_ms()
            if operation.weight:
                self.weights.take(address, operation.weight, now_ms)
            call = Call(self.exchange, self.listed, parameters)
            if operation.security is not Security.NONE:
                client = await self.client(key_id, address)
                if operation.security.is_signed:
                    self._check_signature(client, check_signature, address)
                    self._check_signed(operation, call, client, now_ms)
            return await operation.handle(call)
        except BinanceError:
            raise
        except Unavailable as error:
            raise unavailable(error.retry_after_s) from error
        except Exception as error:
            _LOG.exception("a request failed in a way nobody foresaw")
            raise unknown_failure() from error

    async def client(self, key_id: str | None, address: str) -> Client:
        if not key_id or len(key_id) > KEY_ID_LENGTH_MAX:
            raise bad_key_format()
        try:
            return await self.exchange.client(key_id, address)
        except BinanceError:
            self.weights.take(address, UNBELIEVED_WEIGHT, self.exchange.now_ms())
            raise

    def _check_signature(self, client: Client, check_signature: Callable[[SigningKey], None], address: str) -> None:
        try:
            check_signature(client.signing_key)
        except BinanceError:
            self.weights.take(address, UNBELIEVED_WEIGHT, self.exchange.now_ms())
            raise

    def _check_signed(self, operation: Operation, call: Call, client: Client, now_ms: int) -> None:
        call.valid_until_ms = valid_until_ms(call.parameters, now_ms)
        if operation.security.value not in client.scopes:
            raise bad_key()
        if operation.is_order:
            self.weights.take_order(client.key_id, now_ms)
        call.signed_by = client
