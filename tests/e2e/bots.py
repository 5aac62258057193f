"""Bots that were written for Binance, with another base URL and key, and nothing else."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import ccxt
import httpx

ANSWER_TIMEOUT_S = 35
TIMEOUT_MS = 30_000
WINDOW_MS = 30_000  # An order that finds its functions not yet started may take longer than a client's usual 5 or 10 s.


def pointed_at[Exchange: ccxt.Exchange](kind: type[Exchange], engine_url: str, key: dict[str, Any]) -> Exchange:
    """As docs/bots.md shows it: every URL of the class gets the engine's host, with a venue's path where it has one."""
    told = {"apiKey": key["key_id"], "secret": key["api_key"], "timeout": TIMEOUT_MS}
    exchange: Exchange = kind(told | {"options": {"recvWindow": WINDOW_MS}})
    base = urlsplit(engine_url)
    exchange.urls["api"] = _moved(exchange.urls["api"], base.netloc + base.path)
    return exchange


def _moved(urls: Any, host: str) -> Any:
    if isinstance(urls, dict):
        return {name: _moved(url, host) for name, url in urls.items()}
    parts = urlsplit(urls)
    scheme = "ws" if parts.scheme in {"ws", "wss"} else "http"
    return f"{scheme}://{host}{parts.path}"


class RawBot:
    """Signed requests as a client makes them, and their answers as they come."""

    def __init__(self, engine_url: str, key: dict[str, Any]) -> None:
        self._http = httpx.Client(base_url=engine_url, timeout=ANSWER_TIMEOUT_S)
        self.key_id: str = key["key_id"]
        self.secret: str = key["api_key"]

    def close(self) -> None:
        self._http.close()

    def signed(self, **params: Any) -> str:
        query = urlencode({"recvWindow": WINDOW_MS, "timestamp": now_ms(), **params})
        return f"{query}&signature={self.signature(query)}"

    def signature(self, query: str) -> str:
        return hmac.digest(self.secret.encode(), query.encode(), hashlib.sha256).hex()

    def send(self, method: str, path: str, query: str, **more: Any) -> httpx.Response:
        """The query goes as it is, however it was signed."""
        headers = {"X-MBX-APIKEY": self.key_id} | more.pop("headers", {})
        return self._http.request(method, f"{path}?{query}" if query else path, headers=headers, **more)

    def ask(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        answer = self.send(method, path, self.signed(**params))
        return answer.status_code, answer.json()


@contextmanager
def raw_bot(engine_url: str, key: dict[str, Any]) -> Iterator[RawBot]:
    bot = RawBot(engine_url, key)
    try:
        yield bot
    finally:
        bot.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000
