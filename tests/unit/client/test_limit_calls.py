import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from breakwater.client import Client, ServerUnreachable
from tests.unit.client.test_client import ACCOUNT, Server

CONTRACT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
CALLS: dict[str, Callable[[Client], object]] = {
    "GET /limits/types": lambda c: c.limit_types(),
    "GET /limits/tree": lambda c: c.limits_tree("ID"),
    "GET /limits/usage": lambda c: c.limits_usage("ID"),
    "GET /limits/ID/history": lambda c: c.limit_history("ID"),
    "GET /limits/reservations": lambda c: c.reservations(node_id="ID"),
    "GET /limits/leases": lambda c: c.leases(node_id="ID", living_only=False),
    "GET /limits/breaches": lambda c: c.breaches(node_id="ID"),
    "GET /limits/overrides": lambda c: c.overrides(open_only=False),
    "GET /limits/risk-terms": lambda c: c.risk_terms(),
    "GET /limits/nodes": lambda c: c.nodes("Desk A"),
    "POST /limits": lambda c: c.set_limit("ID", "MESSAGE_RATE", value="1", parameters={"window_s": 10}, version=2),
    "DELETE /limits/ID": lambda c: c.delete_limit("ID"),
    "POST /limits/validate": lambda c: c.validate(ACCOUNT, "ETH/USDT", "BUY", "1", located=True),
    "POST /limits/what-if": lambda c: c.what_if(
        "2026-11-28", [{"node_id": "ID", "limit_type": "CREDIT"}], node_id="ID"
    ),
    "POST /limits/overrides": lambda c: c.request_override("ID", Decimal(1), ends_at="T", starts_at="T", reason="r"),
    "POST /limits/overrides/ID/approve": lambda c: c.approve_override("ID"),
    "POST /limits/overrides/ID/end": lambda c: c.end_override("ID"),
    "PUT /limits/risk-terms": lambda c: c.set_risk_terms("ETH/USDT", initial_margin="0.1", sector="L1"),
    "POST /limits/nodes": lambda c: c.create_node("ID", "API_KEY", "bot", api_key_id="0123456789abcdef"),
    "PATCH /limits/nodes/ID": lambda c: c.change_node("ID", name="n", session_start="17:00"),
    "DELETE /limits/nodes/ID": lambda c: c.delete_node("ID"),
    "POST /limits/external-fills": lambda c: c.book_external_fill(
        ACCOUNT, "ETH/USDT", "BUY", "1", price="2", external_id="v-1", transact_time="T", fee="0.1", venue="SIM"
    ),
    "POST /limits/leases": lambda c: c.open_lease(
        ACCOUNT, "ETH/USDT", buy_max=Decimal(8), orders_max=10, venue="BOOK", strategy_id="ID", api_key_id="k"
    ),
    "DELETE /limits/leases/ID": lambda c: c.stop_lease("ID"),
    "POST /limits/kill": lambda c: c.kill("ID", "why"),
    "POST /limits/brake": lambda c: c.brake("ID", "SUSPENDED", "why"),
    "POST /limits/rearm": lambda c: c.rearm("ID", "why"),
    "POST /limits/heartbeat": lambda c: c.heartbeat(ACCOUNT),
}


def routes() -> dict[str, Any]:
    """The operations below /limits of the contract, as the client asks for them."""
    return {
        f"{method.upper()} {re.sub(r'{[^}]+}', 'ID', path)}": operation
        for path, operations in CONTRACT["paths"].items()
        if path.split("/")[1] == "limits"
        for method, operation in operations.items()
    }


def test_the_client_reaches_every_route_of_limits() -> None:
    assert set(CALLS) == set(routes())


@pytest.mark.parametrize("route", sorted(CALLS))
def test_a_call_asks_its_route_with_what_the_contract_knows_and_needs(route: str) -> None:
    server = Server(httpx.Response(200, json={"items": [], "next_cursor": None}))
    CALLS[route](server.client())
    (request,) = server.requests
    assert f"{request.method} {request.url.path}" == route
    operation = routes()[route]
    assert set(request.url.params) <= {each["name"] for each in operation.get("parameters", [])}
    body = json.loads(request.content) if request.content else {}
    if "requestBody" in operation:
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = CONTRACT["components"]["schemas"][reference.rpartition("/")[2]]
        assert set(schema.get("required", [])) <= set(body) <= set(schema["properties"])
    else:
        assert body == {}


@pytest.mark.parametrize("limit_id", ["a/b", "?x=1", "../orders"])
def test_an_id_stays_one_segment_of_the_path(limit_id: str) -> None:
    server = Server(httpx.Response(204))
    server.client().delete_limit(limit_id)
    path = server.requests[0].url.raw_path.decode()
    assert path.startswith("/limits/")
    assert path.count("/") == 2
    assert "?" not in path


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.set_limit("n", "CREDIT", value=0.5),
        lambda client: client.request_override("l", 0.5, ends_at="T", reason="r"),
        lambda client: client.set_risk_terms("ETH/USDT", initial_margin=0.1),
        lambda client: client.open_lease(ACCOUNT, "ETH/USDT", sell_max=0.5, orders_max=1),
        lambda client: client.book_external_fill(
            ACCOUNT, "ETH/USDT", "BUY", "1", price=2.5, external_id="v", transact_time="T"
        ),
    ],
)
def test_a_float_is_refused_before_anything_is_sent(call: Callable[[Any], object]) -> None:
    server = Server(httpx.Response(200, json={}))
    with pytest.raises(TypeError, match="not a float"):
        call(server.client())
    assert server.requests == []


def test_overrides_are_those_of_every_page() -> None:
    pages = [
        {"items": [{"override_id": each}], "next_cursor": following} for each, following in (("b", "C"), ("a", None))
    ]
    server = Server(*(httpx.Response(200, json=page) for page in pages))
    assert [each["override_id"] for each in server.client().overrides()] == ["b", "a"]
    assert [request.url.params.get("cursor") for request in server.requests] == [None, "C"]


@pytest.mark.parametrize(
    ("route", "is_sent_again"),
    [
        ("POST /limits/external-fills", True),  # By the venue's id it is one fill.
        ("POST /limits/heartbeat", True),
        ("POST /limits/validate", True),
        ("DELETE /limits/leases/ID", True),
        ("POST /limits/overrides", False),
        ("POST /limits/nodes", False),
        # These might undo what somebody stopped in between.
        ("POST /limits/leases", False),
        ("POST /limits/rearm", False),
    ],
)
def test_what_met_silence_is_sent_again_only_where_twice_is_the_same_as_once(route: str, is_sent_again: bool) -> None:
    server = Server(httpx.ReadTimeout("slow"))
    with pytest.raises(ServerUnreachable):
        CALLS[route](server.client())
    assert (len(server.requests) > 1) is is_sent_again
