"""Hostile input: a problem document each, with the right status and no word about the inside, and nothing stored."""

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from breakwater.client import Client, Problem
from tests.e2e.answers import INTERNALS, assert_problem
from tests.e2e.desk import SYMBOL, Desk, new_id


@pytest.fixture
def send(desk: Desk, endpoints: dict[str, Any]) -> Callable[..., httpx.Response]:
    """Sends a body, or raw content, to POST /orders as trader2."""

    def post(body: Any = None, *, content: bytes | None = None, token: str | None = None) -> httpx.Response:
        assert desk.client.session is not None
        bearer = desk.client.session.access_token if token is None else token
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        raw = json.dumps(body).encode() if content is None else content
        return httpx.post(f"{endpoints['api_url']}/orders", content=raw, headers=headers, timeout=20)

    return post


@pytest.fixture
def count_orders(database: psycopg.Connection) -> Callable[[], int]:
    def count() -> int:
        row = database.execute("SELECT count(*) FROM trading.orders").fetchone()
        assert row is not None
        return int(row[0])

    return count


def order_of(desk: Desk, **changes: Any) -> dict[str, Any]:
    body = {
        "client_order_id": new_id(),
        "account_id": desk.account_id,
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.01",
        "price": desk.price_below(),
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 0.5},
        {"quantity": 1},
        {"price": 2684.1},
        {"quantity": "0"},
        {"quantity": "-1"},
        {"quantity": "0.00001"},
        {"quantity": "1e3"},
        {"quantity": "NaN"},
        {"quantity": "9" * 40},
        {"quantity": "9" * 18},
        {"quantity": ""},
        {"quantity": "٣"},
        {"price": "0"},
        {"price": "-2684.10"},
        {"price": "2684.105"},
        {"price": "1" + "0" * 30},
        {"symbol": "DOGE/USDT"},
        {"symbol": "'; DROP TABLE trading.orders; --"},
        {"side": "HOLD"},
        {"type": "STOP"},
        {"type": "MARKET"},
        {"time_in_force": "FOREVER"},
        {"post_only": True, "time_in_force": "IOC"},
        {"client_order_id": "x" * 37},
        {"client_order_id": ""},
        {"client_order_id": "a\nb"},
        {"account_id": "mine"},
        {"venue": "NOWHERE"},
        {"unheard_of": 1},
        {"price": ...},
        {"quantity": ...},
        {"account_id": ...},
    ],
    ids=repr,
)
def test_a_value_that_can_never_be_right_is_422_and_stores_nothing(
    desk: Desk, send: Callable[..., httpx.Response], count_orders: Callable[[], int], changes: dict[str, Any]
) -> None:
    before = count_orders()
    answer = send(order_of(desk, **changes))
    if changes == {"quantity": "9" * 18}:  # A quantity like any other, and over every limit: refused and recorded.
        assert assert_problem(answer, 422)["code"] == "LIMIT_EXCEEDED"
        return
    assert_problem(answer, 422)
    assert count_orders() == before


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b"\xff\xfe", 400),
        (b'{"quantity": NaN}', 400),
        (b'{"price": "1", "price": "2"}', 400),
        (b'{"client_order_id": "\\u0000"}', 400),
        (b"[" * 20_000, 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"order"', 422),
        (b'{"client_order_id": "' + b"x" * 70_000 + b'"}', 413),
    ],
    ids=["cut", "empty", "not UTF-8", "NaN", "twice", "NUL", "deep", "list", "null", "string", "too large"],
)
def test_a_body_that_is_no_order_is_a_problem_and_stores_nothing(
    send: Callable[..., httpx.Response], count_orders: Callable[[], int], content: bytes, status: int
) -> None:
    before = count_orders()
    assert_problem(send(content=content), status)
    assert count_orders() == before


def test_another_traders_account_and_one_that_does_not_exist_are_both_not_found(
    desk: Desk, send: Callable[..., httpx.Response], sign_in: Callable[[str], Client], count_orders: Callable[[], int]
) -> None:
    before = count_orders()
    foreign = sign_in("trader3").me()["account_ids"][0]
    documents = [assert_problem(send(order_of(desk, account_id=each)), 404) for each in (foreign, str(uuid.uuid4()))]
    assert documents[0]["detail"] == documents[1]["detail"]
    assert count_orders() == before


def test_another_traders_order_cannot_be_read_or_cancelled(desk: Desk, sign_in: Callable[[str], Client]) -> None:
    order_id = desk.rest()["order_id"]
    stranger = sign_in("trader3")
    for call in (stranger.order, stranger.saga, stranger.cancel):
        with pytest.raises(Problem) as raised:
            call(order_id)
        assert raised.value.status == 404
    assert desk.client.order(order_id)["status"] == "NEW"


@pytest.mark.parametrize("order_id", ["nothing", "0", "%00", "../me", "1" * 3000])
def test_an_order_id_that_is_none_is_refused(desk: Desk, endpoints: dict[str, Any], order_id: str) -> None:
    assert desk.client.session is not None
    headers = {"Authorization": f"Bearer {desk.client.session.access_token}"}
    answer = httpx.get(f"{endpoints['api_url']}/orders/{order_id}/saga", headers=headers, timeout=20)
    assert 400 <= answer.status_code < 500
    assert not INTERNALS.search(answer.text)


def test_tokens_that_are_forged_expired_or_none_are_not_let_in(
    desk: Desk, send: Callable[..., httpx.Response], count_orders: Callable[[], int]
) -> None:
    assert desk.client.session is not None
    header, claims, signature = desk.client.session.access_token.split(".")
    held = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    before = count_orders()
    for token in (
        ".".join((header, _segment(held | {"exp": 1_000_000_000}), signature)),
        ".".join((header, _segment(held | {"cognito:groups": ["role:organisation_admin"]}), signature)),
        ".".join((_segment({"alg": "none", "typ": "JWT"}), claims, "")),
        ".".join((_segment({"alg": "HS256", "typ": "JWT"}), claims, signature)),
        ".".join((header, claims, signature[::-1])),
        "x",
    ):
        answer = send(order_of(desk), token=token)
        assert_problem(answer, 401)
    assert count_orders() == before


def test_a_call_without_authorization_is_401(endpoints: dict[str, Any]) -> None:
    for path in ("/orders", "/me", "/limits/tree", "/positions"):
        assert httpx.get(f"{endpoints['api_url']}{path}", timeout=20).status_code == 401


def test_a_wrong_password_and_an_unknown_user_are_told_the_same(endpoints: dict[str, Any]) -> None:
    told = set()
    for username in ("trader2", "nobody-of-that-name"):
        credentials = {"username": username, "password": "Wrong-password-1"}
        answer = httpx.post(f"{endpoints['api_url']}/auth/sign-in", json=credentials, timeout=20)
        told.add(assert_problem(answer, 401)["detail"])
    assert len(told) == 1


def test_a_viewer_reads_and_cannot_trade(sign_in: Callable[[str], Client], desk: Desk) -> None:
    viewer = sign_in("viewer")
    assert viewer.orders(account_id=desk.account_id)["items"] is not None
    with pytest.raises(Problem) as raised:
        viewer.place_order(desk.account_id, SYMBOL, "BUY", "0.01", price=desk.price_below())
    assert (raised.value.status, raised.value.code) == (403, "NOT_PERMITTED")


def test_an_api_key_works_within_its_scopes_until_it_is_revoked(desk: Desk, endpoints: dict[str, Any]) -> None:
    created = desk.client.create_api_key("e2e reader", ["read"])
    try:
        with Client(endpoints["api_url"], api_key=created["api_key"]) as reader:
            assert reader.me()["username"] == "trader2"
            with pytest.raises(Problem) as raised:
                reader.place_order(desk.account_id, SYMBOL, "BUY", "0.01", price=desk.price_below())
            assert (raised.value.status, raised.value.code) == (403, "NOT_PERMITTED")
        listed = next(key for key in desk.client.api_keys() if key["key_id"] == created["key_id"])
        assert created["api_key"] not in json.dumps(listed)
    finally:
        desk.client.revoke_api_key(created["key_id"])


def test_a_revoked_api_key_that_was_never_used_is_not_let_in(desk: Desk, endpoints: dict[str, Any]) -> None:
    """Never used, because the gateway may keep what the authorizer said for a minute."""
    created = desk.client.create_api_key("e2e revoked", ["read"])
    desk.client.revoke_api_key(created["key_id"])
    with Client(endpoints["api_url"], api_key=created["api_key"]) as client, pytest.raises(Problem) as raised:
        client.me()
    assert raised.value.status == 401


def _segment(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
