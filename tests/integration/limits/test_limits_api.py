"""The limits function as API Gateway calls it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from breakwater.runtime.database import database as function_database
from functions.limits.app import handler
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import Firm, order_of, set_reference
from tests.unit.runtime.http_events import LambdaContext, caller_context, http_event

type Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def call(database_urls: DatabaseUrls, firm: Firm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """(status, body) of a request of the firm's risk manager."""
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "limits")
    function_database.cache_clear()

    def send(method: str, path: str, role: str = "risk_manager", **more: Any) -> tuple[int, dict[str, Any]]:
        event = http_event(method, path, caller=caller_context(role, firm.tenant_id), **more)
        answer = handler(event, LambdaContext())
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    yield send
    function_database().close()
    function_database.cache_clear()


def test_a_limit_is_set_seen_tried_and_deleted(call: Call, firm: Firm, database_urls: DatabaseUrls) -> None:
    set_reference(database_urls.admin, Decimal(2000), datetime.now(UTC))
    body = {"node_id": str(firm.desk), "limit_type": "MAX_ORDER_NOTIONAL", "value": "1000.50"}
    status, limit = call("POST", "/limits", body=body)
    assert (status, limit["value"], limit["used"]) == (200, "1000.50", None)
    status, usage = call("GET", "/limits/usage", query={"node_id": str(firm.desk)})
    assert (status, [item["limit_id"] for item in usage["items"]]) == (200, [limit["limit_id"]])
    terms = order_of(firm).terms.model_dump(mode="json")
    status, answer = call("POST", "/limits/validate", body=terms)
    assert (status, answer["passes"], answer["largest_passing_quantity"]) == (200, False, "0.5002")
    status, _ = call("DELETE", f"/limits/{limit['limit_id']}")
    assert status == 204
    status, tree = call("GET", "/limits/tree")
    assert (status, tree["items"][0]["children"][0]["limits"]) == (200, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 10},
        {"value": 10.5},
        {"value": "1e3"},
        {"value": "-1"},
        {"value": "NaN"},
        {"unknown": "1"},
        {"node_id": "x"},
    ],
)
def test_a_body_that_can_never_be_right_is_422(call: Call, firm: Firm, changes: dict[str, Any]) -> None:
    body = {"node_id": str(firm.desk), "limit_type": "LONG_POSITION", "value": "10"} | changes
    status, problem = call("POST", "/limits", body=body)
    assert (status, problem["code"]) == (422, "INVALID_REQUEST")
    assert call("GET", "/limits/usage", query={"node_id": str(firm.desk)})[1]["items"] == []


@pytest.mark.parametrize("role", ["trader", "viewer"])
def test_who_only_reads_may_not_change(call: Call, firm: Firm, role: str) -> None:
    change = {"node_id": str(firm.firm), "reason": "no"}
    limit = {"node_id": str(firm.firm), "limit_type": "LONG_POSITION", "value": "10"}
    for path, body in (("/limits", limit), ("/limits/kill", change), ("/limits/rearm", change)):
        status, problem = call("POST", path, role, body=body)
        assert (status, problem["code"]) == (403, "NOT_PERMITTED")
    assert call("GET", "/limits/tree", role)[0] == 200
