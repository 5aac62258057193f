"""The HTTP API as one OpenAPI 3.1 document: `python -m functions.openapi` writes docs/openapi.json."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from breakwater.runtime.api import is_public, permission_of
from breakwater.runtime.edge import CORRELATION_HEADER
from breakwater.runtime.problems import Problem
from functions.alerting.app import api as alerting
from functions.audit.app import api as audit
from functions.limits.app import api as limits
from functions.operations.app import api as operations
from functions.orders.app import api as orders
from functions.queries.app import api as queries
from functions.telegram.app import api as telegram
from functions.users.app import api as users
from functions.webhooks.app import api as webhooks

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"

APIS: dict[str, FastAPI] = {
    "users": users,
    "limits": limits,
    "orders": orders,
    "queries": queries,
    "alerting": alerting,
    "webhooks": webhooks,
    "audit": audit,
    "operations": operations,
    "telegram": telegram,
}
_INFO = {
    "title": "Breakwater",
    "version": "1.0.0",
    "description": "Amounts, prices and quantities are decimal strings, times RFC 3339 in UTC. Lists go on where "
    f"`next_cursor` says. Whoever sends {CORRELATION_HEADER} gets it back, and finds it in everything that came of it. "
    "Every answer to an API key has the RateLimit headers that are told with the refusals.",
}
_SECURITY_SCHEMES = {
    "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "api_key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`ApiKey <key>`"},
}
_EITHER_SCHEME: list[dict[str, list[str]]] = [{name: []} for name in _SECURITY_SCHEMES]
_CORRELATION_ID = {"description": "Finds the request in our logs", "schema": {"type": "string"}}
_RATE_LIMIT_HEADERS = {
    "RateLimit-Limit": ("Of an API key: requests a minute", {"type": "integer"}),
    "RateLimit-Policy": ("The same, with its seconds, such as 600;w=60", {"type": "string"}),
    "RateLimit-Remaining": ("How many may follow at once", {"type": "integer"}),
    "RateLimit-Reset": ("Seconds until all may again, if none follows", {"type": "integer"}),
}
_HEADERS = {"CorrelationId": _CORRELATION_ID} | {
    name.replace("-", ""): {"description": words, "schema": schema}
    for name, (words, schema) in _RATE_LIMIT_HEADERS.items()
}
_COUNTED_ANSWER = {name: {"$ref": f"#/components/headers/{name.replace('-', '')}"} for name in _RATE_LIMIT_HEADERS}
_EVERY_ANSWER = {CORRELATION_HEADER: {"$ref": "#/components/headers/CorrelationId"}}


def openapi_document() -> dict[str, Any]:
    """All functions' routes and models. ValueError when two of them give one name to different things."""
    paths: dict[str, Any] = {}
    schemas = _problem_schemas()
    for tag, api in APIS.items():
        told = api.openapi()
        _add(schemas, told["components"]["schemas"])
        for route in api.routes:
            if isinstance(route, APIRoute):
                methods = told["paths"][route.path]
                operations = {
                    method.lower(): _operation(methods[method.lower()], route, tag) for method in route.methods or ()
                }
                _add(paths.setdefault(route.path, {}), operations)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "paths": paths,
        "components": {
            "headers": _HEADERS,
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def document_text() -> str:
    return json.dumps(openapi_document(), indent=2) + "\n"


def _operation(told: dict[str, Any], route: APIRoute, tag: str) -> dict[str, Any]:
    """What FastAPI says of the route, and what is true of all of ours."""
    counted = {} if is_public(route) else {"4XX": _COUNTED_ANSWER}
    responses = {
        status: {**response, "headers": response.get("headers", {}) | counted.get(status, {}) | _EVERY_ANSWER}
        for status, response in told["responses"].items()
    }
    security = [] if is_public(route) else _EITHER_SCHEME
    permission = permission_of(route)
    needed = {} if permission is None else {"x-permission": permission}
    return {**told, "tags": [tag], "security": security, **needed, "responses": responses}


def _problem_schemas() -> dict[str, Any]:
    """`Problem`, which create_api refers to, and the models within it."""
    schema = TypeAdapter(Problem).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _add(known: dict[str, Any], more: dict[str, Any]) -> None:
    for name, told in more.items():
        if known.setdefault(name, told) != told:
            raise ValueError(f"{name} is described in two ways")


if __name__ == "__main__":
    DOCUMENT.write_text(document_text())
