"""The parameters of one request: each read once, by name and kind; what nobody read is refused."""

import hashlib
import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

from fargate_engine.binance.errors import BinanceError, illegal, missing, too_many_parameters

AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
MILLISECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
INTEGER = re.compile(r"[0-9]{1,19}")
CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9_.:/-]{1,36}")
SYMBOL = re.compile(r"[A-Z0-9]{1,40}")
PARAMETERS_MAX = 64
OWN_ID_DIGITS = 22
_SIGNING = frozenset({"signature", "timestamp", "recvWindow"})


class Parameters:
    """Values are texts, as in a query; those of the WebSocket API's JSON are made so."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name in self._values:
                raise BinanceError(-1101, "Duplicate values for a parameter detected.")
            self._values[name] = value
        if len(self._values) > PARAMETERS_MAX:
            raise too_many_parameters()
        self._read: set[str] = set()
        self.signed_by = ""  # Whose key, once it is known.

    @classmethod
    def of_queries(cls, *queries: str) -> "Parameters":
        """Of a query string and a form body, as they were sent."""
        parts = [part.partition("=") for query in queries if query for part in query.split("&") if part]
        if any("%" in query or "+" in query for query in queries):
            return cls((unquote_plus(name), unquote_plus(value)) for name, _, value in parts)
        return cls((name, value) for name, _, value in parts)

    @classmethod
    def of_json(cls, params: Any) -> "Parameters":
        if not isinstance(params, dict):
            raise BinanceError(-1100, "Illegal characters found in parameter 'params'; legal range is an object.")
        return cls((str(name), json_text(value)) for name, value in params.items())

    def text(self, name: str) -> str | None:
        self._read.add(name)
        value = self._values.get(name)
        if value == "":
            raise BinanceError(-1105, f"Parameter '{name}' was empty.")
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing(name)
        return value

    def integer(self, name: str, *, least: int = 0, most: int = (1 << 63) - 1) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not INTEGER.fullmatch(text):
            raise illegal(name, "^[0-9]{1,19}$")
        if not least <= int(text) <= most:
            raise BinanceError(-1100, f"Parameter '{name}' must lie between {least} and {most}.")
        return int(text)

    def client_order_id_for(self, name: str) -> str:
        """The one that is told, else one that follows from what was signed: the request sent again is the same order.

        The time of signing is among that, to the millisecond; the signature is not, for it may be written in two ways.
        """
        told = self.client_order_id(name)
        if told is not None:
            return told
        signed = sorted((each, value) for each, value in self._values.items() if each != "signature")
        text = json.dumps([name, self.signed_by, signed])
        return f"bw{hashlib.sha256(text.encode()).hexdigest()[:OWN_ID_DIGITS]}"

    def milliseconds(self, name: str) -> int | None:
        """Binance takes up to three decimals of them; the part of one is left away."""
        text = self.text(name)
        if text is None:
            return None
        if not MILLISECONDS.fullmatch(text):
            raise illegal(name, "^[0-9]{1,9}(\\.[0-9]{1,3})?$")
        return int(text.partition(".")[0])

    def amount(self, name: str) -> Decimal | None:
        """A decimal above zero."""
        text = self.text(name)
        if text is None:
            return None
        if not AMOUNT.fullmatch(text):
            raise illegal(name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$")
        amount = Decimal(text)
        if amount == 0:
            raise BinanceError(-1013, "Invalid quantity." if "uantity" in name or "Qty" in name else f"Invalid {name}.")
        return amount

    def client_order_id(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and not CLIENT_ORDER_ID.fullmatch(text):
            raise illegal(name, "^[a-zA-Z0-9-_.:/]{1,36}$")
        return text

    def finish(self) -> None:
        """Everything was read: a parameter that means nothing here may have been meant as a condition."""
        unread = self._values.keys() - self._read - _SIGNING
        if unread:
            total = len(self._values)
            message = (
                f"Not all sent parameters were read; read '{total - len(unread)}' parameter(s) but was sent '{total}'."
            )
            raise BinanceError(-1104, message)


def json_text(value: Any) -> str:
    """As the client wrote it where it signs it: a decimal must come as a string, for a float has no one form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "[" + ",".join(f'"{each}"' for each in value) + "]"
    raise BinanceError(-1100, "Illegal characters found in a parameter; amounts are sent as strings.")
