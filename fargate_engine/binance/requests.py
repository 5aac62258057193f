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
type CheckSignature = Callable[[SigningKey], None]  # BinanceError unless it is this key's.
UNBELIEVED_WEIGHT = 20  # Whoever invents keys or signatures is soon told to wait.


@dataclass(slots=True)
class Requests:
    """What the requests of one exchange share. `weights` may be those of all exchanges of the server."""

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
        check_signature: CheckSignature,
    ) -> Any:
        """The document to answer with; BinanceError for everything that goes wrong."""
        try:
            if operation.weight:
                self.weights.take(address, operation.weight, self.exchange.now_ms())
            call = Call(self.exchange, self.listed, parameters)
            if operation.security.is_signed:
                call.signed_by, call.valid_until_ms = await self.signed(
                    parameters, operation.security, key_id=key_id, address=address, check_signature=check_signature
                )
                if operation.is_order:
                    self.weights.take_order(call.signed_by.key_id, self.exchange.now_ms())
            elif operation.security is Security.KEY:
                await self._believed(key_id, address)
            return await operation.handle(call)
        except BinanceError:
            raise
        except Unavailable as error:
            raise unavailable(error.retry_after_s) from error
        except Exception as error:
            _LOG.exception("a request failed in a way nobody foresaw")
            raise unknown_failure() from error

    async def signed(
        self,
        parameters: Parameters,
        security: Security,
        *,
        key_id: str | None,
        address: str,
        check_signature: CheckSignature,
    ) -> tuple[Client, int]:
        """Who has signed it, and until when it is valid. BinanceError, and Unavailable where that cannot be told."""
        client = await self._believed(key_id, address, check_signature)
        valid_until = valid_until_ms(parameters, self.exchange.now_ms())
        if security.value not in client.scopes:
            raise bad_key()
        parameters.signed_by = client.key_id
        self.exchange.note_use(client, address)
        return client, valid_until

    async def _believed(
        self, key_id: str | None, address: str, check_signature: CheckSignature = lambda _: None
    ) -> Client:
        """A key or signature that is not to be believed costs its address more than any other request."""
        if not key_id or len(key_id) > KEY_ID_LENGTH_MAX:
            raise bad_key_format()
        try:
            client = await self.exchange.client(key_id, address)
            check_signature(client.signing_key)
        except BinanceError:
            self.weights.take(address, UNBELIEVED_WEIGHT, self.exchange.now_ms())
            raise
        return client
