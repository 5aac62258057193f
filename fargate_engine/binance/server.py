"""The whole dialect as routes of an aiohttp application: REST, market streams, WebSocket API."""

from collections.abc import Mapping

from aiohttp import web

from fargate_engine.binance.connection import Connections
from fargate_engine.binance.errors import no_such_venue
from fargate_engine.binance.exchange import Exchange
from fargate_engine.binance.market_streams import market_stream_routes
from fargate_engine.binance.requests import Requests
from fargate_engine.binance.rest import AddressOf, Elsewhere, error_response, nowhere_else, rest_routes
from fargate_engine.binance.websocket_api import websocket_api_route
from fargate_engine.binance.weights import Weights

VENUES = "/venues"


def exchange_routes(exchange: Exchange, address_of: AddressOf) -> list[web.RouteDef]:
    """Of a server that is one exchange."""
    return _routes(Requests(exchange), Connections(), address_of, nowhere_else, "")


def venue_routes(
    exchanges: Mapping[str, Exchange], address_of: AddressOf, elsewhere: Mapping[str, Elsewhere], *, at_root: str
) -> list[web.RouteDef]:
    """Each below its name, and one of them also where Binance has its own: what it counts of an address is one sum.

    `elsewhere`: by name, of those whose markets may be another engine's.
    """
    weights, connections = Weights(), Connections()
    routes: list[web.RouteDef] = []
    for name, exchange in exchanges.items():
        requests, ask = Requests(exchange, weights), elsewhere.get(name, nowhere_else)
        for base in (f"{VENUES}/{name}", *([""] if name == at_root else [])):
            routes += _routes(requests, connections, address_of, ask, base)
    return [*routes, web.route("*", VENUES, _nothing), web.route("*", f"{VENUES}/{{path:.*}}", _nothing)]


def _routes(
    requests: Requests, connections: Connections, address_of: AddressOf, elsewhere: Elsewhere, base: str
) -> list[web.RouteDef]:
    return [
        *rest_routes(requests, address_of, elsewhere, base),
        *market_stream_routes(requests, connections, address_of, base),
        websocket_api_route(requests, connections, address_of, base),
    ]


async def _nothing(_: web.Request) -> web.Response:
    return error_response(no_such_venue())
