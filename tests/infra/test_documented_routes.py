"""The gateway's table of routes and the OpenAPI document are written by different hands."""

import json
from pathlib import Path

from infra_cdk.constructs.http_api import OPEN_ROUTES, ROUTES

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_gateway_serves_what_the_document_promises_and_asks_the_same_callers_who_they_are() -> None:
    documented = {
        f"{method.upper()} {path}": (operation["tags"], operation["security"] == [])
        for path, operations in json.loads(DOCUMENT.read_text())["paths"].items()
        for method, operation in operations.items()
    }
    served = {route: ([function], route in OPEN_ROUTES) for function, routes in ROUTES.items() for route in routes}
    assert documented == served
