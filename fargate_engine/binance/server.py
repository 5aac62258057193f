"""The whole dialect as routes of an aiohttp application: REST, market streams, WebSocket API."""

from aiohttp import web

from fargate_engine.binance.connection import Connections
from fargate_engine.binance.exchange import Exchange
from fargate_engine.binance.market_streams import market_stream_routes
from fargate_engine.binance.requests import Requests
from fargate_engine.binance.rest import AddressOf, Elsewhere, nowhere_else, rest_routes
from fargate_engine.binance.websocket_api import websocket_api_route


def exchange_routes(
    exchange: Exchange, address_of: AddressOf, elsewhere: Elsewhere = nowhere_else
) -> list[web.RouteDef]:
    requests, connections = Requests(exchange), Connections()
    return [
        *rest_routes(requests, address_of, elsewhere),
        *market_stream_routes(requests, connections, address_of),
        websocket_api_route(requests, connections, address_of),
    ]
