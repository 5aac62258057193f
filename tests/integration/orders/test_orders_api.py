"""Orders over the function's handler: API Gateway events in, answers out; database and engine are real connections."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from breakwater.domain.orders import SIMULATED_VENUE
from breakwater.domain.times import format_time, nanoseconds
from breakwater.runtime import database as runtime_database
from fargate_engine.messages import VenueCanceled
from fargate_engine.venues import simulated_market
from functions.orders import app as orders_app
from functions.queries import app as queries_app
from tests.integration.limits.core_engine import CoreEngine
from tests.integration.limits.firm import SYMBOL, create_firm, set_limit, set_reference
from tests.integration.orders.conftest import Desk
from tests.support.engine_model import EngineModel, reject, serve
from tests.unit.runtime.http_events import LambdaContext, caller_context, http_event


class Api:
    def __init__(self, handler: Callable[[dict[str, Any], Any], dict[str, Any]], tenant_id: uuid.UUID) -> None:
        self._handler = handler
        self._tenant_id = tenant_id

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "organisation_admin",
        scopes: str = "session",
        tenant_id: uuid.UUID | None = None,
        **query: Any,
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, document and headers."""
        caller = caller_context(role, tenant_id or self._tenant_id, subject="sub", username="ada", scopes=scopes)
        event = http_event(method, path, body=body, query=query, headers={"x-correlation-id": "corr-1"}, caller=caller)
        answer = self._handler(event, LambdaContext())
        return answer["statusCode"], json.loads(answer["body"]), {k.lower(): v for k, v in answer["headers"].items()}


@pytest.fixture
def api(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("DATABASE_URL", desk.urls.functions)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "test")
    runtime_database.database.cache_clear()
    monkeypatch.setattr(orders_app, "engine_client", lambda: desk.engine)
    monkeypatch.setattr(queries_app, "engine_client", lambda: desk.engine)
    monkeypatch.setattr(orders_app, "start_order_saga", desk.follow_saga)
    yield Api(orders_app.handler, desk.firm.tenant_id)
    runtime_database.database().close()
    runtime_database.database.cache_clear()


@pytest.fixture
def queries(api: Api, desk: Desk) -> Api:
    return Api(queries_app.handler, desk.firm.tenant_id)


def terms(desk: Desk, **changes: Any) -> dict[str, Any]:
    told = {
        "client_order_id": "first",
        "account_id": str(desk.firm.account_ids[0]),
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.50",
        "price": "2000.10",
    }
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


ORDER_FIELDS = {
    "order_id", "client_order_id", "account_id", "symbol", "side", "type", "status", "quantity", "price", "cum_qty",
    "leaves_qty", "avg_px", "time_in_force", "venue", "is_leased", "created_at", "updated_at",
    "correlation_id", "cum_notional", "post_only", "exchange_order_id", "reject_reason", "execution",
    "expire_time",
}  # fmt: skip


def test_an_accepted_order_is_answered_with_exactly_the_fields_of_an_order(api: Api, desk: Desk) -> None:
    status, order, headers = api.call("POST", "/orders", terms(desk))
    assert status == 201
    assert set(order) == ORDER_FIELDS
    assert (order["quantity"], order["price"], order["leaves_qty"], order["cum_qty"]) == ("0.50", "2000.10", "0.5", "0")
    assert (order["status"], order["avg_px"], order["time_in_force"], order["venue"]) == ("NEW", None, "GTC", "SIM")
    assert order["execution"] is None
    assert order["created_at"].endswith("Z")
    assert len(order["created_at"]) == len("2026-01-02T03:04:05.000006Z")
    assert headers["x-correlation-id"] == order["correlation_id"] == "corr-1"


def test_an_order_that_is_gtd_ends_when_it_was_told_and_the_engine_is_told_so(api: Api, desk: Desk) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    told = {"time_in_force": "GTD", "expire_time": at.isoformat()}
    status, order, _ = api.call("POST", "/orders", terms(desk, **told))
    assert (status, order["time_in_force"], order["expire_time"]) == (201, "GTD", format_time(at))
    assert api.call("GET", f"/orders/{order['order_id']}")[1]["expire_time"] == format_time(at)
    assert api.call("GET", "/orders")[1]["items"][0]["expire_time"] == format_time(at)
    assert desk.model.orders[uuid.UUID(order["order_id"])].order.expire_at_ns == nanoseconds(at)
    (ends,) = desk.admin("SELECT payload FROM trading.events WHERE topic = 'orders.OrderEndSet.v1'")
    assert ends[0] == {"order_id": order["order_id"], "expire_time_ns": nanoseconds(at)}
    assert api.call("POST", "/orders", terms(desk, **told))[0] == 200
    told["expire_time"] = (at + timedelta(seconds=1)).isoformat()
    assert api.call("POST", "/orders", terms(desk, **told))[1]["code"] == "ORDER_ID_REUSED"
    plain = api.call("POST", "/orders", terms(desk, client_order_id="plain"))[1]
    assert plain["expire_time"] is None


@pytest.mark.parametrize("away", [timedelta(seconds=-1), timedelta(days=367)])
@pytest.mark.parametrize("path", ["/orders", "/orders/preview"])
def test_an_order_that_would_end_in_the_past_or_after_a_year_is_refused_at_the_field(
    api: Api, desk: Desk, away: timedelta, path: str
) -> None:
    told = terms(desk, time_in_force="GTD", expire_time=(datetime.now(UTC) + away).isoformat())
    status, problem, _ = api.call("POST", path, told)
    assert (status, problem["code"], problem["field"]) == (422, "INVALID_REQUEST", "expire_time")
    assert desk.admin("SELECT count(*) FROM trading.orders") == [(0,)]


def test_an_order_that_is_day_ends_with_the_day_of_its_account_as_it_was_when_it_was_taken(
    api: Api, desk: Desk
) -> None:
    desk.admin(
        "UPDATE limits.nodes SET time_zone = 'America/New_York', session_start = '17:00' WHERE account_id = %s",
        desk.firm.account_ids[0],
    )
    status, order, _ = api.call("POST", "/orders", terms(desk, time_in_force="DAY"))
    assert (status, order["time_in_force"]) == (201, "DAY")
    ends = datetime.fromisoformat(order["expire_time"])
    there = ends.astimezone(ZoneInfo("America/New_York"))
    assert (there.hour, there.minute, there.second, there.microsecond) == (17, 0, 0, 0)
    assert timedelta(0) < ends - datetime.fromisoformat(order["created_at"]) <= timedelta(hours=25)
    assert desk.model.orders[uuid.UUID(order["order_id"])].order.expire_at_ns == nanoseconds(ends)
    desk.admin("UPDATE limits.nodes SET time_zone = 'Asia/Tokyo' WHERE account_id = %s", desk.firm.account_ids[0])
    status, again, _ = api.call("POST", "/orders", terms(desk, time_in_force="DAY"))
    assert (status, again["expire_time"]) == (200, order["expire_time"])


@pytest.mark.parametrize("venue", ["BOOK", "SIM"])
def test_an_order_that_was_replaced_expires_at_its_time_and_gives_back_what_it_held(
    api: Api, desk: Desk, venue: str
) -> None:
    desk.engine = engine = CoreEngine()
    at = datetime.now(UTC) + timedelta(hours=1)
    asked = terms(desk, venue=venue, time_in_force="GTD", expire_time=at.isoformat())
    order_id = uuid.UUID(api.call("POST", "/orders", asked)[1]["order_id"])
    if venue == "BOOK":
        status, order, _ = api.call("PATCH", f"/orders/{order_id}", {"replace_id": "larger", "quantity": "0.75"})
        assert (status, order["quantity"], order["expire_time"]) == (200, "0.75", format_time(at))
    assert desk.reserved()[0] == Decimal("0.75" if venue == "BOOK" else "0.5")
    engine.set_time_ns(nanoseconds(at))
    engine.end_orders()
    engine.report(VenueCanceled(order_id=order_id))  # Of one on the book it says nothing: that is over.
    engine.project(desk.database)
    order = api.call("GET", f"/orders/{order_id}")[1]
    assert (order["status"], order["leaves_qty"], order["expire_time"]) == ("EXPIRED", "0", format_time(at))
    assert desk.reserved() == (0, 0, 0, 0)
    desk.assert_ledger_is_exact()
    status, problem, _ = api.call("DELETE", f"/orders/{order_id}")
    assert (status, problem["code"], problem["order_status"]) == (409, "ORDER_FINAL", "EXPIRED")


def test_an_order_at_the_router_shows_how_it_is_worked_and_has_a_report(api: Api, desk: Desk) -> None:
    sent = {"algorithm": "TWAP", "duration_s": 600, "venues": ["BOOK", "SIM"]}
    status, order, _ = api.call("POST", "/orders", terms(desk, execution=sent))
    assert (status, order["venue"]) == (201, "SOR")
    assert order["execution"] == {**sent, "slices": None, "start_at": None}
    assert api.call("POST", "/orders", terms(desk, execution=sent))[0] == 200
    status, report, _ = api.call("GET", f"/orders/{order['order_id']}/execution")
    assert (status, report["execution"], report["status"]) == (200, order["execution"], "NEW")
    plain = api.call("POST", "/orders", terms(desk, client_order_id="plain"))[1]
    status, problem, _ = api.call("GET", f"/orders/{plain['order_id']}/execution")
    assert (status, problem["code"]) == (404, "NOT_FOUND")


def test_an_oco_is_found_by_the_names_of_its_halves_and_by_how_it_is_worked(api: Api, desk: Desk) -> None:
    def place(client_order_id: str, **names: str) -> str:
        oco = {"algorithm": "OCO", "stop_px": "2100", **names}
        status, order, _ = api.call("POST", "/orders", terms(desk, client_order_id=client_order_id, execution=oco))
        assert status == 201
        return str(order["order_id"])

    def found(**by: Any) -> list[str]:
        return [each["order_id"] for each in api.call("GET", "/orders", **by)[1]["items"]]

    named = place("list", limit_client_order_id="limit-1", stop_client_order_id="stop-1")
    unnamed = place("plain-oco")
    api.call("POST", "/orders", terms(desk, client_order_id="limit-1"))
    assert found(leg_client_order_id="limit-1") == found(leg_client_order_id="stop-1") == [named]
    assert found(leg_client_order_id="list") == found(leg_client_order_id="stop-1", symbol="BTC/USDT") == []
    assert found(algorithm="OCO") == [unnamed, named]
    assert found(algorithm="TWAP") == []


@pytest.mark.parametrize(
    ("execution", "field"),
    [
        ({"algorithm": "BEST", "venues": ["SIM", "MARS"]}, "venue"),
        ({"algorithm": "STOP", "stop_px": "2000.001"}, "stop_px"),
        ({"algorithm": "STOP", "stop_px": "2000", "after": str(uuid.UUID(int=9))}, "after"),
    ],
)
def test_an_execution_that_cannot_be_is_refused_by_its_field(
    api: Api, desk: Desk, execution: dict[str, Any], field: str
) -> None:
    for path in ("/orders", "/orders/preview"):
        status, problem, _ = api.call("POST", path, terms(desk, execution=execution))
        assert (status, problem["field"]) == (422, field)


def test_an_exit_follows_an_order_of_its_account_and_symbol_on_the_other_side(api: Api, desk: Desk) -> None:
    entry = api.call("POST", "/orders", terms(desk))[1]
    stop = {"algorithm": "STOP", "stop_px": "1900", "after": entry["order_id"]}

    def status_of(**changes: Any) -> int:
        told = {"client_order_id": uuid.uuid4().hex, "side": "SELL", "price": "1890", "execution": stop, **changes}
        return api.call("POST", "/orders", terms(desk, **told))[0]

    assert status_of() == 201
    assert status_of(side="BUY") == 422
    assert status_of(account_id=str(desk.firm.account_ids[1])) == 422
    assert status_of(symbol="BTC/USDT") == 422
    api.call("DELETE", f"/orders/{entry['order_id']}")
    assert status_of() == 422  # It has ended, and there is nothing to exit from.


def test_the_same_order_again_is_the_same_order(api: Api, desk: Desk) -> None:
    first = api.call("POST", "/orders", terms(desk))
    again = api.call("POST", "/orders", terms(desk, quantity="0.5"))
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert desk.reserved()[2] == 1


def test_the_same_id_with_another_body_is_a_conflict(api: Api, desk: Desk) -> None:
    api.call("POST", "/orders", terms(desk))
    status, problem, _ = api.call("POST", "/orders", terms(desk, quantity="0.6"))
    assert (status, problem["code"]) == (409, "ORDER_ID_REUSED")


def test_a_refusal_names_the_limit_and_is_told_again(api: Api, desk: Desk) -> None:
    first = api.call("POST", "/orders", terms(desk, quantity="101"))
    again = api.call("POST", "/orders", terms(desk, quantity="101"))
    assert (first[0], first[1]["code"]) == (422, "LIMIT_EXCEEDED")
    assert first[1]["correlation_id"] == "corr-1"
    refusal = first[1]["refusals"][0]
    assert (refusal["limit_type"], refusal["largest_passing_quantity"]) == ("LONG_POSITION", "100")
    assert again == first


def test_what_the_engine_refuses_is_told_in_its_words(api: Api, desk: Desk) -> None:
    desk.model.arrival = reject
    status, problem, _ = api.call("POST", "/orders", terms(desk))
    assert (status, problem["code"]) == (422, "POST_ONLY_WOULD_TAKE")
    assert desk.reserved() == (0, 0, 0, 0)


def test_an_outcome_that_is_not_known_is_202_with_a_time_to_ask_again(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.engine, "_base_url", lambda: "http://127.0.0.1:9")
    status, order, headers = api.call("POST", "/orders", terms(desk))
    assert (status, order["status"]) == (202, "UNKNOWN")
    assert int(headers["retry-after"]) > 0
    assert api.call("POST", "/orders", terms(desk))[0] == 202


def test_without_a_row_nothing_was_taken_and_the_client_is_asked_to_try_again(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders_app, "start_order_saga", lambda _: None)
    status, problem, headers = api.call("POST", "/orders", terms(desk))
    assert (status, problem["code"]) == (503, "UNAVAILABLE")
    assert "retry-after" in headers


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"quantity": 0.5}, 422),
        ({"quantity": "0"}, 422),
        ({"quantity": "-1"}, 422),
        ({"quantity": "0.00001"}, 422),
        ({"quantity": "1" * 40}, 422),
        ({"price": "2000.001"}, 422),
        ({"price": "1e3"}, 422),
        ({"price": None}, 422),
        ({"symbol": "DOGE/USDT"}, 422),
        ({"side": "HOLD"}, 422),
        ({"client_order_id": "x" * 37}, 422),
        ({"account_id": str(uuid.uuid4())}, 404),
        ({"surprise": "1"}, 422),
    ],
)
def test_bad_input_is_a_problem_document_and_nothing_is_stored(
    api: Api, desk: Desk, changes: dict[str, Any], status: int
) -> None:
    answered, problem, headers = api.call("POST", "/orders", terms(desk, **changes))
    assert answered == status
    assert headers["content-type"].startswith("application/problem+json")
    assert problem["code"]
    assert desk.admin("SELECT count(*) FROM trading.orders") == [(0,)]


def test_exits_are_no_short_sales_and_together_no_more_than_their_entry(api: Api, desk: Desk) -> None:
    def exit_(client_order_id: str, quantity: str, **more: Any) -> tuple[int, Any]:
        sent = {"client_order_id": client_order_id, "quantity": quantity, "side": "SELL", "type": "MARKET"}
        status, answer, _ = api.call("POST", "/orders", terms(desk, price=None, **sent, **more))
        return status, answer.get("code")

    set_limit(desk.urls.admin, desk.firm, desk.firm.firm, "SHORT_SALE", "0")
    entry = api.call("POST", "/orders", terms(desk))[1]
    behind = {"execution": {"algorithm": "STOP", "stop_px": "1900", "after": entry["order_id"]}}
    assert exit_("short", "0.1") == (422, "LIMIT_EXCEEDED")
    assert exit_("stop-1", "0.3", **behind) == (201, None)
    assert exit_("too-much", "0.2001", **behind) == (422, "EXIT_BEYOND_ENTRY")
    assert exit_("stop-2", "0.2", **behind) == (201, None)
    assert exit_("stop-2", "0.2", **behind) == (200, None)
    api.call("DELETE", f"/orders/{api.call('GET', '/orders', client_order_id='stop-1')[1]['items'][0]['order_id']}")
    desk.model.cancel(uuid.UUID(entry["order_id"]), tenant_id=desk.firm.tenant_id)
    desk.project_all()
    assert exit_("late", "0.1", **behind)[0] == 422  # It filled nothing, and will not.


def test_the_engine_is_told_what_an_exit_exits_from_only_while_that_may_still_fill(api: Api, desk: Desk) -> None:
    """It may have forgotten one that has ended, and how much that filled."""

    def exit_(client_order_id: str, quantity: str) -> Any:
        sent = {"client_order_id": client_order_id, "quantity": quantity, "side": "SELL", "type": "MARKET"}
        status, answer, _ = api.call("POST", "/orders", terms(desk, price=None, **sent, execution=behind))
        assert (status, answer["execution"]["after"]) == (201, entry["order_id"])
        return desk.model.orders[uuid.UUID(answer["order_id"])].order.execution

    entry = api.call("POST", "/orders", terms(desk))[1]
    entry_id = uuid.UUID(entry["order_id"])
    behind = {"algorithm": "STOP", "stop_px": "1900", "after": entry["order_id"]}
    assert exit_("early", "0.1").after == entry_id
    desk.model.fill(entry_id, Decimal("0.3"))
    desk.model.cancel(entry_id, tenant_id=desk.firm.tenant_id)
    desk.project_all()
    assert exit_("late", "0.2").after is None
    more = terms(desk, client_order_id="more", quantity="0.1", side="SELL", type="MARKET", price=None, execution=behind)
    assert api.call("POST", "/orders", more)[1]["code"] == "EXIT_BEYOND_ENTRY"


def test_another_organisation_finds_nothing(api: Api, desk: Desk) -> None:
    order_id = api.call("POST", "/orders", terms(desk))[1]["order_id"]
    stranger = create_firm(desk.urls.admin, "Stranger").tenant_id
    for method, path in (("GET", ""), ("GET", "/saga"), ("GET", "/execution"), ("GET", "/replaces"), ("DELETE", "")):
        assert api.call(method, f"/orders/{order_id}{path}", tenant_id=stranger)[0] == 404
    replaced = {"replace_id": "r", "quantity": "1"}
    assert api.call("PATCH", f"/orders/{order_id}", replaced, tenant_id=stranger)[0] == 404
    assert api.call("GET", "/orders", tenant_id=stranger)[1]["items"] == []
    assert api.call("POST", "/orders", terms(desk), tenant_id=stranger)[0] == 404


@pytest.mark.parametrize(
    ("role", "scopes", "may_place", "may_cancel"),
    [
        ("viewer", "session", False, False),
        ("organisation_admin", "read", False, False),
        ("organisation_admin", "cancel_only", False, True),
        ("risk_manager", "session", False, True),
        ("organisation_admin", "trade", True, True),
    ],
)
def test_who_may_place_and_who_may_cancel(
    api: Api, desk: Desk, *, role: str, scopes: str, may_place: bool, may_cancel: bool
) -> None:
    order_id = api.call("POST", "/orders", terms(desk))[1]["order_id"]
    placed = api.call("POST", "/orders", terms(desk, client_order_id="second"), role=role, scopes=scopes)[0]
    canceled = api.call("DELETE", f"/orders/{order_id}", role=role, scopes=scopes)[0]
    assert (placed, canceled) == (201 if may_place else 403, 200 if may_cancel else 403)


def test_a_replace_is_answered_with_the_order_and_stands_in_its_history(api: Api, desk: Desk) -> None:
    desk.engine = engine = CoreEngine()
    order_id = api.call("POST", "/orders", terms(desk, venue="BOOK"))[1]["order_id"]
    larger = {"replace_id": "larger", "quantity": "0.75", "price": "2001"}
    status, order, _ = api.call("PATCH", f"/orders/{order_id}", larger)
    assert (status, set(order)) == (200, ORDER_FIELDS)
    assert (order["quantity"], order["price"], order["leaves_qty"]) == ("0.75", "2001", "0.75")
    engine.loses_answers = True
    smaller = {"replace_id": "smaller", "quantity": "0.25"}
    status, order, headers = api.call("PATCH", f"/orders/{order_id}", smaller)
    assert (status, order["quantity"], headers["retry-after"]) == (202, "0.75", "2")
    engine.loses_answers = False
    assert api.call("PATCH", f"/orders/{order_id}", smaller)[1]["quantity"] == "0.25"
    assert api.call("PATCH", f"/orders/{order_id}", {**smaller, "quantity": "0.3"})[1]["code"] == "REPLACE_ID_REUSED"
    history = api.call("GET", f"/orders/{order_id}/replaces")[1]["items"]
    told = [(each["replace_no"], each["replace_id"], each["quantity"], each["price"]) for each in history]
    assert told == [(2, "smaller", "0.25", None), (1, "larger", "0.75", "2001")]
    assert {(each["state"], each["requested_by"]) for each in history} == {("REPLACED", "ada")}
    # The first sending again is the same order still.
    assert api.call("POST", "/orders", terms(desk, venue="BOOK"))[1]["quantity"] == "0.25"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"replace_id": "r"}, 422, "INVALID_REQUEST"),
        ({"quantity": "1"}, 422, "INVALID_REQUEST"),
        ({"replace_id": "r", "quantity": 1}, 422, "INVALID_REQUEST"),
        ({"replace_id": "r", "quantity": "-1"}, 422, "INVALID_REQUEST"),
        ({"replace_id": "r", "price": "2000.001"}, 422, "INVALID_REQUEST"),
        ({"replace_id": "r" * 37, "quantity": "1"}, 422, "INVALID_REQUEST"),
        ({"replace_id": "r", "quantity": "1", "side": "SELL"}, 422, "INVALID_REQUEST"),
        ({"replace_id": "r", "quantity": "1000"}, 422, "LIMIT_EXCEEDED"),
    ],
)
def test_a_replace_that_cannot_be_is_a_problem(
    api: Api, desk: Desk, body: dict[str, Any], status: int, code: str
) -> None:
    desk.engine = CoreEngine()
    order_id = api.call("POST", "/orders", terms(desk, venue="BOOK"))[1]["order_id"]
    answered, problem, _ = api.call("PATCH", f"/orders/{order_id}", body)
    assert (answered, problem["code"]) == (status, code)
    assert api.call("GET", f"/orders/{order_id}")[1]["quantity"] == "0.50"


def test_a_cancel_frees_the_limits_at_once_and_a_second_says_that_it_is_final(api: Api, desk: Desk) -> None:
    order_id = api.call("POST", "/orders", terms(desk))[1]["order_id"]
    status, order, _ = api.call("DELETE", f"/orders/{order_id}")
    assert (status, order["status"], order["leaves_qty"]) == (200, "CANCELED", "0")
    assert desk.reserved() == (0, 0, 0, 0)
    status, problem, _ = api.call("DELETE", f"/orders/{order_id}")
    assert (status, problem["code"], problem["order_status"]) == (409, "ORDER_FINAL", "CANCELED")


def test_who_has_cancelled_is_told_to_the_audit_trail_and_not_in_the_accounts_feed(api: Api, desk: Desk) -> None:
    order_id = api.call("POST", "/orders", terms(desk))[1]["order_id"]
    for _ in range(2):  # The second finds nothing left to cancel.
        api.call("DELETE", f"/orders/{order_id}")
    api.call("DELETE", "/orders", account_id=desk.firm.account_ids[0])
    told = desk.admin(
        "SELECT aggregate_id, account_id, actor, payload ->> 'order_id', payload ->> 'requested_by' FROM trading.events"
        " WHERE topic = 'audit.CancelRequested.v1' ORDER BY recorded_no"
    )
    account_id, username = desk.firm.account_ids[0], told[0][2]
    assert username
    assert told == [
        (uuid.UUID(order_id), None, username, order_id, username),
        (account_id, None, username, None, username),
    ]


def test_a_cancel_that_comes_after_the_last_fill_says_so_and_books_the_fill(api: Api, desk: Desk) -> None:
    order_id = uuid.UUID(api.call("POST", "/orders", terms(desk))[1]["order_id"])
    desk.model.fill(order_id, desk.model.orders[order_id].order.quantity)
    status, problem, _ = api.call("DELETE", f"/orders/{order_id}")
    assert (status, problem["order_status"]) == (409, "FILLED")
    assert api.call("GET", f"/orders/{order_id}")[1]["avg_px"] == "2000.1"


def test_a_cancel_of_an_order_that_never_arrived_voids_it(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as down:
        down.setattr(desk.engine, "_base_url", lambda: "http://127.0.0.1:9")
        order_id = api.call("POST", "/orders", terms(desk))[1]["order_id"]
        assert api.call("DELETE", f"/orders/{order_id}")[0] == 503
    status, order, _ = api.call("DELETE", f"/orders/{order_id}")
    assert (status, order["status"]) == (200, "REJECTED")
    assert desk.reserved() == (0, 0, 0, 0)


def test_all_open_orders_of_an_account_are_cancelled_together(api: Api, desk: Desk) -> None:
    for number in range(3):
        api.call("POST", "/orders", terms(desk, client_order_id=f"order-{number}"))
    status, answer, _ = api.call("DELETE", "/orders", account_id=desk.firm.account_ids[0])
    assert (status, len(answer["canceled"]), answer["failed"]) == (200, 3, [])
    assert desk.reserved() == (0, 0, 0, 0)
    assert api.call("DELETE", "/orders")[0] == 422


def test_pages_of_orders_show_each_once_newest_first(api: Api, desk: Desk) -> None:
    placed = [api.call("POST", "/orders", terms(desk, client_order_id=f"{n}"))[1]["order_id"] for n in range(5)]
    seen, cursor = [], None
    while True:
        page = api.call("GET", "/orders", limit=2, **({"cursor": cursor} if cursor else {}))[1]
        seen += [order["order_id"] for order in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == placed[::-1]
    assert api.call("GET", "/orders", status="CANCELED")[1]["items"] == []
    ended = api.call("GET", "/orders", limit=1)[1]["items"][0]["order_id"]
    api.call("DELETE", f"/orders/{ended}")
    still_open = [each["order_id"] for each in api.call("GET", "/orders", open_only="true")[1]["items"]]
    every = [each["order_id"] for each in api.call("GET", "/orders")[1]["items"]]
    assert (len(every) > 1, still_open) == (True, [each for each in every if each != ended])
    assert api.call("GET", "/orders", limit=201)[0] == 422
    assert api.call("GET", "/orders", cursor="nonsense")[0] == 422


def test_the_steps_of_the_saga_are_shown_with_their_times(api: Api, desk: Desk) -> None:
    order_id = api.call("POST", "/orders", terms(desk))[1]["order_id"]
    saga = api.call("GET", f"/orders/{order_id}/saga")[1]
    assert [step["step"] for step in saga["items"]] == ["reserve_limits", "submit_order", "confirm_order"]
    assert all(step["took_ms"] >= 0 for step in saga["items"])


def test_fills_show_as_trades_positions_and_equity(api: Api, queries: Api, desk: Desk) -> None:
    account_id = desk.firm.account_ids[0]
    for asset, total in (("USDT", 100000), ("ETH", 100)):
        desk.admin(
            "INSERT INTO trading.balances VALUES (%s, %s, %s, %s)", account_id, asset, desk.firm.tenant_id, total
        )
    order_id = uuid.UUID(api.call("POST", "/orders", terms(desk, quantity="2", price="1990"))[1]["order_id"])
    desk.model.fill(order_id, desk.model.orders[order_id].order.quantity)
    desk.project_all()
    trade = queries.call("GET", "/trades")[1]["items"][0]
    assert (trade["last_qty"], trade["last_px"], trade["fee"]) == ("2", "1990", "3.98")
    position = queries.call("GET", "/positions", account_id=account_id)[1]["items"][0]
    assert (position["quantity"], position["average_price"], position["unrealised_pnl"]) == ("2", "1990", "20")
    assert position["stale"] is True  # The reference price of the tests is of a day long past.
    answer = queries.call("GET", "/portfolio", account_id=account_id)[1]
    # 100000 - 2 * 1990 - 3.98 USDT, and 102 ETH at 2000.
    assert answer["items"][0]["equity"] == answer["totals"][0]["equity"] == "300016.02"
    assert answer["items"][0]["net_realised_pnl"] == "-3.98"
    assert queries.call("GET", "/portfolio")[1]["totals"][0]["fees"] == "3.98"


def test_orders_and_trades_of_a_venue_are_those_sent_there_and_those_worked_there_alone(
    api: Api, queries: Api, desk: Desk
) -> None:
    def worked(*venues: str) -> dict[str, Any]:
        return {"execution": {"algorithm": "BEST", "venues": venues}}

    placed = {"sim": {"venue": "SIM"}, "book": {"venue": "BOOK"}, "worked-at-sim": worked("SIM")}
    placed |= {"worked-at-both": worked("SIM", "BOOK"), "worked-anywhere": worked()}
    ids: dict[str, str] = {}
    for name, where in placed.items():
        status, order, _ = api.call("POST", "/orders", terms(desk, client_order_id=name, price="1990", **where))
        assert status == 201, order
        ids[name] = order["order_id"]
        desk.model.fill(uuid.UUID(order["order_id"]), desk.model.orders[uuid.UUID(order["order_id"])].order.quantity)
    desk.project_all()
    for venue, expected in (
        ("SIM", ["sim", "worked-at-sim"]),
        ("BOOK", ["book"]),
        ("SOR", ["worked-at-sim", "worked-at-both", "worked-anywhere"]),
        ("MARS", []),
    ):
        for path, found in (("/orders", api), ("/trades", queries)):
            items = found.call("GET", path, venue=venue)[1]["items"]
            assert {each["order_id"] for each in items} == {ids[name] for name in expected}, (path, venue)
    assert api.call("GET", "/orders", venue="X" * 17)[0] == queries.call("GET", "/trades", venue="X" * 17)[0] == 422


def test_the_feed_continues_where_the_client_left_off(api: Api, queries: Api, desk: Desk) -> None:
    account_id = desk.firm.account_ids[0]
    for number in range(3):
        api.call("POST", "/orders", terms(desk, client_order_id=f"{number}"))
    desk.admin(
        "INSERT INTO trading.account_feed SELECT account_id, row_number() OVER (ORDER BY occurred_at_ns), event_id,"
        " tenant_id FROM trading.events"
    )
    first = queries.call("GET", "/events", since=0, account_id=account_id, limit=2)[1]
    rest = queries.call("GET", "/events", since=first["next_since"], account_id=account_id)[1]
    assert [item["sequence"] for item in first["items"] + rest["items"]] == [1, 2, 3]
    assert (first["next_cursor"], rest["next_cursor"]) == ("2", None)
    assert rest["items"][0]["payload"]["order"]["status"] == "PENDING_NEW"
    assert queries.call("GET", "/events")[0] == 422  # Two accounts are visible: which one?
    assert queries.call("GET", "/events", account_id=uuid.uuid4())[0] == 404


CHILD_OF = """
WITH child AS (
  INSERT INTO trading.child_orders (order_id, tenant_id, parent_order_id, venue, side, type, time_in_force, quantity,
    status, cum_qty, leaves_qty, cum_notional, engine_seq, transact_time)
  SELECT gen_random_uuid(), tenant_id, order_id, 'SIM', side, type, time_in_force, quantity, 'NEW', 0, quantity, 0, 1,
    now() FROM trading.orders WHERE order_id = %(order_id)s
  RETURNING order_id, tenant_id)
INSERT INTO trading.events (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns,
  payload)
SELECT gen_random_uuid(), 'orders.ChildOrderChanged.v1', tenant_id, %(account_id)s, order_id, 'corr-1', 1e9, '{}'
FROM child
"""


def test_an_orders_story_is_its_own_events_its_childrens_and_what_limits_said(
    api: Api, queries: Api, desk: Desk
) -> None:
    account_id = desk.firm.account_ids[0]
    placed = api.call("POST", "/orders", terms(desk))[1]["order_id"]
    refused = api.call("POST", "/orders", terms(desk, client_order_id="much", quantity="101"))[1]["order_id"]
    worked = terms(desk, client_order_id="worked", execution={"algorithm": "TWAP", "duration_s": 600})
    parent = api.call("POST", "/orders", worked)[1]["order_id"]
    with psycopg.connect(desk.urls.admin, autocommit=True) as admin:
        admin.execute(CHILD_OF, {"order_id": parent, "account_id": account_id})
    desk.admin(
        "INSERT INTO trading.account_feed SELECT account_id, row_number() OVER (ORDER BY occurred_at_ns), event_id,"
        " tenant_id FROM trading.events"
    )

    def story(order_id: str, **query: Any) -> list[str]:
        status, page, _ = queries.call("GET", "/events", order_id=order_id, **query)
        assert status == 200
        return [each["topic"] for each in page["items"]]

    assert story(placed) == ["orders.OrderPlaced.v1"]
    assert sorted(story(refused)) == ["limits.LimitBreached.v1", "orders.OrderRefused.v1"]
    assert story(parent) == ["orders.ChildOrderChanged.v1", "orders.OrderPlaced.v1"]
    first = queries.call("GET", "/events", order_id=parent, account_id=account_id, limit=1)[1]
    assert (len(first["items"]), story(parent, since=first["next_since"])) == (1, ["orders.OrderPlaced.v1"])
    stranger = create_firm(desk.urls.admin, "Stranger").tenant_id
    for order_id, query in (
        (placed, {"account_id": desk.firm.account_ids[1]}),  # His, too, and not this order's.
        (placed, {"tenant_id": stranger}),
        (placed, {"role": "trader"}),  # Of no account.
        (uuid.uuid4(), {}),
    ):
        assert queries.call("GET", "/events", order_id=order_id, **query)[0] == 404


def test_instruments_are_listed_with_their_steps(queries: Api) -> None:
    items = queries.call("GET", "/instruments")[1]["items"]
    assert [(item["symbol"], item["tick_size"]) for item in items] == [("BTC/USDT", "0.01"), ("ETH/USDT", "0.01")]


def test_health_says_which_dependency_is_down(queries: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    status, answer, _ = queries.call("GET", "/health")
    assert (status, answer["status"]) == (200, "UP")
    monkeypatch.setattr(desk.engine, "_base_url", lambda: "http://127.0.0.1:9")
    status, answer, _ = queries.call("GET", "/health")
    assert (status, answer["status"]) == (503, "DOWN")
    assert answer["dependencies"]["engine"]["state"] == "DOWN"
    assert answer["dependencies"]["database"]["state"] == "UP"


def test_health_is_degraded_while_some_shards_are_served_by_nobody(
    queries: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = b'{"status": "DEGRADED", "unserved": [3, 7], "waiting_for": "shards that nobody serves"}'
    with serve(EngineModel(), lambda *_: (200, told)) as url:
        monkeypatch.setattr(desk.engine, "_base_url", lambda: url)
        status, answer, _ = queries.call("GET", "/health")
    assert (status, answer["status"]) == (503, "DEGRADED")
    engine, database = answer["dependencies"]["engine"], answer["dependencies"]["database"]
    assert (engine["state"], engine["unserved_shards"]) == ("DEGRADED", [3, 7])
    assert (database["state"], database["unserved_shards"]) == ("UP", [])


def test_a_preview_tells_verdicts_price_and_fee_and_changes_nothing(api: Api, desk: Desk) -> None:
    set_reference(desk.urls.admin, Decimal(2000), datetime.now(UTC))
    status, answer, _ = api.call("POST", "/orders/preview", terms(desk, quantity="101"))
    assert (status, answer["passes"]) == (200, False)
    assert [refusal["limit_type"] for refusal in answer["refusals"]] == ["LONG_POSITION"]
    assert (answer["expected_price"], answer["expected_fee"]) == ("2000", "202")
    assert api.call("POST", "/orders/preview", terms(desk))[1]["passes"] is True
    routed = api.call("POST", "/orders/preview", terms(desk, venue="SOR"))[1]
    assert (routed["passes"], routed["expected_fee"]) == (True, "1")  # The dearest venue that it may go to.
    assert desk.admin("SELECT count(*) FROM trading.orders") == [(0,)]
    assert desk.reserved() == (0, 0, 0, 0)


def test_a_preview_knows_the_fee_of_an_exchange_and_the_router_that_of_the_dearest_venue(api: Api, desk: Desk) -> None:
    set_reference(desk.urls.admin, Decimal(2000), datetime.now(UTC))
    desk.admin(
        "INSERT INTO market.venues (name, exchange, taker_fee, is_enabled) VALUES ('BINANCE', 'binance', 0.002, true)"
    )
    fees = {
        venue: api.call("POST", "/orders/preview", terms(desk, quantity="1", venue=venue))[1]["expected_fee"]
        for venue in ("BINANCE", "SIM", "BOOK", "SOR")
    }
    assert fees == {"BINANCE": "4", "SIM": "2", "BOOK": "0", "SOR": "4"}


def test_the_fee_of_a_preview_is_what_the_simulated_venue_charges(desk: Desk) -> None:
    told = desk.admin("SELECT taker_fee FROM market.venues WHERE name = %s", SIMULATED_VENUE)
    assert told == [(simulated_market.FEE_RATE,)]
