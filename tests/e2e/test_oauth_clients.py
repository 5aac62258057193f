"""A third party on the running platform: what its client buys, and how soon that is over."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from breakwater.client import Client
from tests.e2e.desk import SYMBOL
from tests.e2e.test_people import until

TIMEOUT_S = 35  # Longer than API Gateway's.


def test_a_third_party_reads_what_its_user_may_see_until_its_client_is_revoked(
    sign_in: Callable[[str], Client], endpoints: dict[str, Any]
) -> None:
    api, admin, trader = endpoints["api_url"], sign_in("admin"), sign_in("trader1").me()
    made = admin.create_oauth_client("reports", trader["user_id"], ["read"])
    who, grant = (made["client_id"], made["client_secret"]), {"grant_type": "client_credentials"}

    def ask(data: dict[str, str], credentials: tuple[str, str] = who) -> httpx.Response:
        return httpx.post(f"{api}/oauth/token", data=data, auth=credentials, timeout=TIMEOUT_S)

    wrong = ask(grant, (made["client_id"], "A" * 43))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert "Basic" in wrong.headers["www-authenticate"]
    beyond = ask(grant | {"scope": "trade"})
    assert (beyond.status_code, beyond.json()["error"]) == (400, "invalid_scope")
    bought = ask(grant)
    assert (bought.status_code, bought.headers["cache-control"]) == (200, "no-store")
    assert bought.json()["expires_in"] == 3600
    headers = {"Authorization": f"Bearer {bought.json()['access_token']}"}

    def orders() -> httpx.Response:
        query = {"account_id": trader["account_ids"][0]}
        return httpx.get(f"{api}/orders", params=query, headers=headers, timeout=TIMEOUT_S)

    assert (orders().status_code, orders().headers["ratelimit-limit"]) == (200, "600")
    order = {
        "client_order_id": uuid.uuid4().hex,
        "account_id": trader["account_ids"][0],
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.01",
        "price": "1000",
    }
    placed = httpx.post(f"{api}/orders", json=order, headers=headers, timeout=TIMEOUT_S)
    assert (placed.status_code, placed.json()["permission"]) == (403, "orders:create")
    (listed,) = [each for each in admin.oauth_clients() if each["client_id"] == made["client_id"]]
    assert listed["last_used_at"] is not None
    admin.revoke_oauth_client(made["client_id"])
    until(lambda: orders().status_code == 401, time.monotonic())
    assert ask(grant).status_code == 401
