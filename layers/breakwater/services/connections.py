"""Open WebSocket connections and what each listens to, in DynamoDB: (connection_id; tenant_id, who, channels)."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from breakwater.domain.permissions import Principal
from breakwater.errors import NotAuthenticated

LIFETIME_S = 3600  # As long as an access token.


@dataclass(frozen=True, slots=True)
class Listener:
    connection_id: str
    channels: set[str]  # Those it listens to, of the ones that were asked for.
    who: Principal  # As he was when he connected.


class Connections:
    """`client` is a dynamodb client. Times are seconds since 1970."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, connection_id: str, principal: Principal, now_s: int) -> None:
        """It lives for an hour, and no longer than the token or key it was opened with."""
        ends_at = now_s + LIFETIME_S
        if principal.expires_at is not None:
            ends_at = min(ends_at, principal.expires_at)
        item = {
            "connection_id": {"S": connection_id},
            "tenant_id": {"S": str(principal.tenant_id)},
            "subject": {"S": principal.subject},
            "username": {"S": principal.username},
            "role": {"S": principal.role},
            "scopes": {"S": ",".join(sorted(principal.scopes))},
            "api_key_id": {"S": principal.api_key_id or ""},
            "session_id": {"S": "" if principal.session_id is None else str(principal.session_id)},
            "permissions_version": {"N": str(principal.permissions_version)},
            "expires_at": {"N": str(ends_at)},
        }
        self._client.put_item(TableName=self._table, Item=item)

    def principal(self, connection_id: str, now_s: int) -> Principal:
        """NotAuthenticated when the connection is not known or its time is over."""
        answer = self._client.get_item(TableName=self._table, Key=_key(connection_id), ConsistentRead=True)
        item = answer.get("Item")
        if item is None or int(item["expires_at"]["N"]) <= now_s:
            raise NotAuthenticated("this connection has ended; connect again")
        return _principal(item)

    def listen(self, connection_id: str, channels: set[str]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(connection_id),
            UpdateExpression="ADD channels :channels",
            ConditionExpression="attribute_exists(connection_id)",
            ExpressionAttributeValues={":channels": {"SS": sorted(channels)}},
        )

    def remove(self, connection_id: str) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(connection_id))

    def listening(self, tenant_id: uuid.UUID, channels: set[str], now_s: int) -> Iterator[Listener]:
        """Each connection of the tenant that listens to one of these.

        Read from the table each time and consistently: who subscribed before the event must hear of it.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="tenant_id = :tenant_id AND expires_at > :now AND attribute_exists(channels)",
            ExpressionAttributeValues={":tenant_id": {"S": str(tenant_id)}, ":now": {"N": str(now_s)}},
        )
        for page in pages:
            for item in page["Items"]:
                wanted = channels & set(item["channels"]["SS"])
                if wanted:
                    yield Listener(item["connection_id"]["S"], wanted, _principal(item))


def _principal(item: dict[str, Any]) -> Principal:
    """Of a connection from before a deploy: with no version that anybody has, so that it ends."""
    session_id = item.get("session_id", {"S": ""})["S"]
    return Principal(
        tenant_id=uuid.UUID(item["tenant_id"]["S"]),
        subject=item["subject"]["S"],
        username=item["username"]["S"],
        role=item["role"]["S"],
        scopes=frozenset(item["scopes"]["S"].split(",")),
        api_key_id=item.get("api_key_id", {"S": ""})["S"] or None,
        permissions_version=int(item.get("permissions_version", {"N": "0"})["N"]),
        session_id=uuid.UUID(session_id) if session_id else None,
    )


def _key(connection_id: str) -> dict[str, Any]:
    return {"connection_id": {"S": connection_id}}
