"""A ccxt exchange as we use it: exact, without its own rate limiter, and speaking only to the host it shall speak to.

ccxt is imported here and nowhere else, when a venue is configured: that takes seconds.
"""

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fargate_engine.venues.configuration import Credentials, VenueSettings

REQUEST_TIMEOUT_S = 5
STREAM_PING_S = 10  # Two that are not answered end the socket.
RECV_WINDOW_MS = 2_000  # How late an order may arrive. Short: an outcome that is not known is known this much later.
_STREAM_SCHEMES = {"https": "wss", "http": "ws"}

type Heard = Callable[[int, Mapping[str, str], str], None]  # Status, headers and body of each answer.

_OPTIONS: dict[str, dict[str, Any]] = {
    "binance": {
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "recvWindow": RECV_WINDOW_MS,
        "adjustForTimeDifference": True,
        "fetchMargins": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    },
    "bybit": {
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "recvWindow": RECV_WINDOW_MS,
        "adjustForTimeDifference": True,
        # Else it asks with a permission that a trading key does not need; other accounts are not opened any more.
        "enableUnifiedMargin": False,
        "enableUnifiedAccount": True,
    },
}


async def load_exchange(venue: VenueSettings, credentials: Credentials, heard: Heard) -> Any:
    """An object of ccxt's pro class; close it. It has asked nothing of the venue yet."""
    pro = await asyncio.to_thread(importlib.import_module, "ccxt.pro")
    return make_exchange(getattr(pro, venue.exchange), venue, credentials, heard)


def make_exchange(base: Any, venue: VenueSettings, credentials: Credentials, heard: Heard) -> Any:
    exchange = _hooked(base, heard, elsewhere=venue.base_url is not None)(
        {
            "apiKey": credentials.api_key,
            "secret": credentials.secret,
            "enableRateLimit": False,  # RateBudget is for the whole firm, and keeps something back for cancels.
            "timeout": REQUEST_TIMEOUT_S * 1000,
            "aiohttp_trust_env": False,
            "options": _OPTIONS[venue.exchange],
        }
    )
    # Names of coins and networks: a request of another permission, which nothing here needs.
    exchange.has["fetchCurrencies"] = False
    if venue.exchange == "binance":
        _know_refused_replaces(exchange)
    exchange.streaming["keepAlive"] = STREAM_PING_S * 1000
    if venue.sandbox:
        exchange.set_sandbox_mode(True)
    if venue.base_url is not None:
        point_elsewhere(exchange, venue.base_url)
    return exchange


def _know_refused_replaces(exchange: Any) -> None:
    """A cancelReplace that failed in part or in all, and an order that is not amended: ccxt sees bad answers."""
    from ccxt.base.errors import OperationRejected  # noqa: PLC0415 - as above

    exact = exchange.exceptions["spot"]["exact"]
    exchange.exceptions["spot"]["exact"] = exact | dict.fromkeys(("-2021", "-2022", "-2038"), OperationRejected)


def point_elsewhere(exchange: Any, base_url: str) -> None:
    """Every URL of it, documentation and all: one that was left out would send the key to the real host."""
    host = urlsplit(base_url)
    exchange.urls = _moved(exchange.urls, host.scheme, host.netloc)
    exchange.hostname = host.netloc


def _moved(urls: Any, scheme: str, netloc: str) -> Any:
    if isinstance(urls, dict):
        return {name: _moved(url, scheme, netloc) for name, url in urls.items()}
    if isinstance(urls, list):
        return [_moved(url, scheme, netloc) for url in urls]
    if not isinstance(urls, str) or "://" not in urls:
        return urls
    parts = urlsplit(urls)
    kept = _STREAM_SCHEMES[scheme] if parts.scheme in _STREAM_SCHEMES.values() else scheme
    return urlunsplit((kept, netloc, parts.path, parts.query, parts.fragment))


def _hooked(base: Any, heard: Heard, *, elsewhere: bool) -> Any:
    """The class with an ear for answers; and on another host with the spot table, which it skips there by itself."""

    def on_rest_response(self: Any, *told: Any) -> Any:
        code, _, _, _, headers, body = told[:6]  # With reason, url and method between.
        heard(code, {name.lower(): value for name, value in headers.items()}, body)
        return base.on_rest_response(self, *told)

    def get_exceptions_by_url(self: Any, url: Any, exact_or_broad: str) -> Any:
        return self.exceptions.get("spot", {}).get(exact_or_broad, {})

    members: dict[str, Any] = {"on_rest_response": on_rest_response}
    if elsewhere and hasattr(base, "get_exceptions_by_url"):
        members["get_exceptions_by_url"] = get_exceptions_by_url
    return type(base.__name__, (base,), members)
