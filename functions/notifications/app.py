"""The WebSocket API's routes, and the queue whose events are pushed to its connections."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from breakwater.db.identity import those_who_stand
from breakwater.errors import BreakwaterError, NotAuthenticated, SecondFactorRequired
from breakwater.runtime.authenticator import authenticate
from breakwater.runtime.aws import client
from breakwater.runtime.database import tenant_transaction, transactions_of
from breakwater.runtime.observability import logger, observed
from breakwater.runtime.queue import queue_handler
from breakwater.runtime.settings import settings
from breakwater.services import notifications
from breakwater.services.connections import Connections
from events.envelope import Envelope


def _connections() -> Connections:
    return Connections(client("dynamodb"), settings().connections_table)


def _post(connection_id: str, message: notifications.Json) -> None:
    """A connection that is gone is forgotten."""
    gateway = client("apigatewaymanagementapi", endpoint_url=settings().websocket_api_endpoint)
    try:
        gateway.post_to_connection(ConnectionId=connection_id, Data=json.dumps(message).encode())
    except gateway.exceptions.GoneException:
        _connections().remove(connection_id)


def _end(connection_id: str) -> None:
    """Of one whose permissions have changed: its client connects again with those he has now."""
    gateway = client("apigatewaymanagementapi", endpoint_url=settings().websocket_api_endpoint)
    _connections().remove(connection_id)
    with suppress(gateway.exceptions.GoneException):
        gateway.delete_connection(ConnectionId=connection_id)


def _connect(event: dict[str, Any]) -> dict[str, Any]:
    """The token comes as the Authorization header, or as `token` in the query where a browser can send no header."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    token = (event.get("queryStringParameters") or {}).get("token", "")
    in_query = f"ApiKey {token}" if token.startswith("bw_") else f"Bearer {token}"
    request = event["requestContext"]
    try:
        address = request.get("identity", {}).get("sourceIp")
        principal = authenticate(headers.get("authorization") or in_query, address)
        principal.check_use(address, int(time.time()))
        principal.require_second_factor()
    except (NotAuthenticated, SecondFactorRequired) as error:
        logger().info("not connected", reason=error.message)
        return {"statusCode": error.status}
    _connections().add(request["connectionId"], principal, int(time.time()))
    return {"statusCode": 200}


def _disconnect(event: dict[str, Any]) -> dict[str, Any]:
    _connections().remove(event["requestContext"]["connectionId"])
    return {"statusCode": 200}


def _receive(event: dict[str, Any]) -> dict[str, Any]:
    connection_id = event["requestContext"]["connectionId"]
    for answer in _answers(connection_id, event.get("body") or ""):
        _post(connection_id, answer)
    return {"statusCode": 200}


def _answers(connection_id: str, body: str) -> list[notifications.Json]:
    connections = _connections()
    try:
        action = notifications.ACTIONS.validate_json(body)
        if isinstance(action, notifications.Ping):
            return [{"type": "pong"}]
        who = connections.principal(connection_id, int(time.time()))
        with transactions_of(who.actor)(who.tenant_id) as tx:
            if those_who_stand(tx.connection, [who]) != [True]:
                raise NotAuthenticated("your permissions have changed; connect again")
            if isinstance(action, notifications.Acknowledge):
                return notifications.acknowledge(action, who, tx, datetime.now(UTC))
            return notifications.subscribe(
                action, who, tx, lambda channels: connections.listen(connection_id, channels)
            )
    except ValidationError:
        return [
            {
                "type": "error",
                "code": "INVALID_REQUEST",
                "detail": "there are the actions subscribe, acknowledge and ping",
            }
        ]
    except BreakwaterError as error:
        return [{"type": "error", "code": error.code, "detail": error.message}]


def _push(envelope: Envelope) -> None:
    """At least once: after a failure all connections may hear it again, and `sequence` says that they did."""
    channels = notifications.channels_of(envelope)
    if not channels:
        return
    listeners = list(_connections().listening(envelope.tenant_id, channels, int(time.time())))
    with tenant_transaction(envelope.tenant_id) as tx:
        sequence = notifications.sequence_in_feed(envelope, tx)
        # Asked each time and kept nowhere: who was disabled a moment ago hears nothing more (decision 99).
        stand = those_who_stand(tx.connection, [listener.who for listener in listeners])
    failure: Exception | None = None
    for listener, stands in zip(listeners, stand, strict=True):
        if not stands:
            _end(listener.connection_id)
            continue
        for channel in sorted(listener.channels):
            try:
                _post(listener.connection_id, notifications.update(envelope, channel, sequence))
            except (BotoCoreError, ClientError) as error:  # The others hear of it before this one is tried again.
                failure = failure or error
    if failure is not None:
        raise failure


def _rehearse(envelope: Envelope) -> None:
    """Of an event that is told again: all that comes before a push, and no push. Whoever listens has heard it."""
    channels = notifications.channels_of(envelope)
    with tenant_transaction(envelope.tenant_id) as tx:
        sequence = notifications.sequence_in_feed(envelope, tx)
    for channel in sorted(channels):
        notifications.update(envelope, channel, sequence)


_push_batch = queue_handler(_push, replay=_rehearse)
_ROUTES = {"$connect": _connect, "$disconnect": _disconnect}


@observed
def _route(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return _ROUTES.get(event["requestContext"]["routeKey"], _receive)(event)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A queue's batch has Records; everything else is the WebSocket API's."""
    return _push_batch(event, context) if "Records" in event else _route(event, context)
