"""Passwords, keys and tokens are sent through the platform, where they belong and where they do not; then every log,
event, table, metric, mail and error body of the run is searched for them."""

import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest

from breakwater.client import Client
from breakwater.client.session import local_password
from local_cloud.platform import REGION
from tests.e2e.desk import Desk, eventually
from tests.support.secret_search import secrets_in, told

TIMEOUT_S = 35
LOG_EVENTS_MAX = 50_000
# What `make up` shows to whoever started it: the sign-ins of the demo firm.
ON_PURPOSE = {"the password in logs/platform.log"}
MARK = f"seeded-{uuid.uuid4().hex}"


class Run:
    """What was sent that must not be found, and every answer that was not a success."""

    def __init__(self, endpoints: dict[str, Any]) -> None:
        self.api, self.engine = endpoints["api_url"], endpoints["engine_url"]
        self.password = local_password(endpoints, "trader2") or ""
        self.secrets: dict[str, str] = {}
        self.refused: list[tuple[str, str]] = []

    def seed(self, name: str, secret: str | None = None) -> str:
        """A new secret, or one that the platform gave; its characters are those that get escaped."""
        self.secrets[name] = secret or f'Aa1+{secrets.token_urlsafe(24)}/"='
        return self.secrets[name]

    def ask(self, method: str, url: str, status: int, **options: Any) -> httpx.Response:
        headers = {"X-Correlation-ID": MARK, "Content-Type": "application/json"} | options.pop("headers", {})
        answer = httpx.request(method, url, headers=headers, timeout=TIMEOUT_S, **options)
        assert answer.status_code == status, f"{method} {url.partition('?')[0]}: {answer.status_code}"
        if status >= 400:
            self.refused.append((f"the answer to {method} {url.partition('?')[0]}", f"{answer.headers}\n{answer.text}"))
        return answer


@pytest.fixture
def run(endpoints: dict[str, Any]) -> Run:
    return Run(endpoints)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sign_in_and_out(run: Run) -> None:
    url = f"{run.api}/auth/sign-in"
    run.ask("POST", url, 401, json={"username": "trader2", "password": run.seed("a wrong password")})
    run.ask("POST", url, 422, json={"username": "trader2", "password": run.seed("a password as a number"), "code": "x"})
    run.ask("POST", url, 422, json={"username": run.seed("a password as the name") * 20, "password": "x"})
    run.ask("POST", url, 400, content=f'{{"password": "{run.seed("a password in no JSON")}')
    own = {"username": "trader2", "password": run.seed("the password", run.password)}
    tokens = run.ask("POST", url, 200, json=own).json()
    access = run.seed("the access token", tokens["access_token"])
    refresh = run.seed("the refresh token", tokens["refresh_token"])
    run.seed("the access token's signature", access.rpartition(".")[2])
    run.ask("GET", f"{run.api}/me", 200, headers=bearer(access))
    run.ask("GET", f"{run.api}/me", 401, headers=bearer(f"{access[:-8]}AAAAAAAA"))
    run.ask("GET", f"{run.api}/me", 401, headers={"Authorization": access})
    run.ask("GET", f"{run.api}/orders?cursor={access}", 422, headers=bearer(access))
    run.ask("GET", f"{run.engine}/internal/shards", 401, headers=bearer(access))
    run.ask("POST", f"{run.api}/auth/refresh", 200, json={"refresh_token": refresh})
    run.ask("POST", f"{run.api}/auth/refresh", 401, json={"refresh_token": run.seed("a wrong refresh token")})
    run.ask("POST", f"{run.api}/auth/sign-out", 204, json={"access_token": access})


def use_keys(run: Run, desk: Desk) -> None:
    created = desk.client.create_api_key("seeded", ["read", "trade"])
    key_id, key = created["key_id"], run.seed("an API key", created["api_key"])
    run.seed("the secret part of an API key", key.split("_", 2)[2])
    own = {"Authorization": f"ApiKey {key}"}
    run.ask("GET", f"{run.api}/orders", 200, headers=own)
    run.ask("GET", f"{run.api}/exchange-credentials", 403, headers=own)
    run.ask("GET", f"{run.api}/me", 401, headers={"Authorization": f"ApiKey {key[:-4]}AAAA"})
    run.ask("GET", f"{run.api}/me", 401, headers=bearer(key))
    run.ask("POST", f"{run.api}/orders", 422, headers=own, json={"client_order_id": key, "account_id": key})
    # At the exchange-compatible endpoint the key signs, and some paste it where its id belongs.
    query = f"timestamp={int(time.time() * 1000)}&recvWindow=5000"
    signature = run.seed("a signature", hmac.new(key.encode(), query.encode(), hashlib.sha256).hexdigest())
    signed = f"{run.engine}/api/v3/account?{query}&signature={signature}"
    run.ask("GET", signed, 200, headers={"X-MBX-APIKEY": key_id})
    run.ask("GET", signed, 401, headers={"X-MBX-APIKEY": key})
    run.ask("GET", f"{run.engine}/api/v3/account?{query}&signature={key}", 400, headers={"X-MBX-APIKEY": key_id})
    pasted = f"{run.engine}/api/v3/order?symbol={key}&{query}&signature=0"
    run.ask("POST", pasted, 400, headers={"X-MBX-APIKEY": key_id})
    desk.client.revoke_api_key(key_id)


def buy_tokens(run: Run, admin: Client, desk: Desk) -> None:
    """As a third party's client; some paste what they have where something else belongs."""
    url, form = f"{run.api}/oauth/token", {"Content-Type": "application/x-www-form-urlencoded"}
    made = admin.create_oauth_client("seeded", desk.client.me()["user_id"], ["read"])
    client_id, secret = made["client_id"], run.seed("a client's secret", made["client_secret"])
    own, grant = (client_id, secret), {"grant_type": "client_credentials"}
    bought = run.ask("POST", url, 200, headers=form, data=grant, auth=own).json()
    token = run.seed("a client's token", bought["access_token"])
    run.ask("POST", url, 200, headers=form, data=grant | {"client_id": client_id, "client_secret": secret})
    run.ask("POST", url, 401, headers=form, data=grant, auth=(client_id, run.seed("a wrong secret of a client")))
    run.ask("POST", url, 401, headers=form, data=grant, auth=(secret, secret))
    run.ask("POST", url, 400, headers=form, data=grant | {"scope": secret}, auth=own)
    run.ask("POST", url, 400, headers=form, data={"grant_type": secret}, auth=own)
    run.ask("POST", url, 400, content=secret, auth=own)
    run.ask("GET", f"{run.api}/orders", 200, headers=bearer(token))
    run.ask("GET", f"{run.api}/me", 401, headers=bearer(f"{token[:-4]}AAAA"))
    run.ask("GET", f"{run.api}/me", 401, headers={"Authorization": f"ApiKey {token}"})
    run.ask("GET", f"{run.api}/orders?cursor={token}", 422, headers=bearer(token))
    run.ask("GET", f"{run.engine}/internal/shards", 401, headers=bearer(token))
    run.seed("the next secret of a client", admin.rotate_oauth_client(client_id)["client_secret"])
    admin.revoke_oauth_client(client_id)


def keep_credentials(run: Run, admin: Client, desk: Desk) -> None:
    url = f"{run.api}/exchange-credentials"
    assert admin.session is not None
    assert desk.client.session is not None
    own = bearer(run.seed("the administrator's token", admin.session.access_token))
    told = {"account_id": desk.account_id, "venue": "BINANCE", "label": MARK}
    secret = {"api_key": run.seed("an exchange's key"), "secret": run.seed("an exchange's secret")}
    credential_id = run.ask("POST", url, 201, headers=own, json=told | secret).json()["credential_id"]
    run.ask("POST", url, 409, headers=own, json=told | secret)
    run.ask("POST", url, 403, headers=bearer(desk.client.session.access_token), json=told | secret)
    run.ask("POST", url, 401, json=told | secret)
    run.ask("POST", url, 422, headers=own, json=told | secret | {"passphrase": run.seed("a member too many")})
    run.ask("POST", url, 422, headers=own, json=told | {"api_key": [secret["api_key"]], "secret": secret})
    run.ask("POST", url, 422, headers=own, json=told | secret | {"venue": secret["secret"]})
    run.ask("POST", url, 422, headers=own, json=told | secret | {"secret": secret["secret"] * 200})
    run.ask("POST", url, 413, headers=own, json=told | secret | {"secret": secret["secret"] * 2_000})
    run.ask("POST", url, 400, headers=own, content=json.dumps(told | secret)[:-1])
    run.ask("POST", url, 404, headers=own, json=told | secret | {"account_id": str(uuid.uuid4())})
    following = {"api_key": run.seed("the next key"), "secret": run.seed("the next secret")}
    run.ask("POST", f"{url}/{credential_id}/rotate", 201, headers=own, json=following)
    run.ask("POST", f"{url}/{uuid.uuid4()}/rotate", 404, headers=own, json=following)
    run.ask("POST", f"{url}/{credential_id}/rotate", 422, headers=own, json=following | {"overlap_s": -1})
    listed = run.ask("GET", url, 200, headers=own).text
    assert secrets_in(listed, run.secrets) == []
    run.ask("DELETE", f"{url}/{credential_id}", 204, headers=own)


def log_files(endpoints_file: Path) -> Iterator[tuple[str, str]]:
    """Of the processes: engine, watch, database, emulator. The deployment's own names no secret of a user."""
    for path in sorted((endpoints_file.parent / "logs").glob("*.log*")):
        yield f"logs/{path.name}", path.read_text(errors="replace")


def function_logs(endpoints: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every group of CloudWatch Logs: what functions, APIs and the saga write."""
    logs = boto3.client(
        "logs",
        endpoint_url=endpoints["aws_endpoint_url"],
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name, lines = group["logGroupName"], 0
            for events in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                lines += len(events["events"])
                assert lines <= LOG_EVENTS_MAX
                yield f"the log {name}", "\n".join(event["message"] for event in events["events"])


def tables(database: psycopg.Connection) -> Iterator[tuple[str, str]]:
    """Every row of ours as text: events, outbox, journal, and all that is kept of users, keys and credentials."""
    found = database.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    for schema, table in found:
        rows = database.execute(f'SELECT t::text FROM "{schema}"."{table}" t').fetchall()
        yield f"the table {schema}.{table}", "\n".join(row[0] for row in rows)


@pytest.fixture
def everywhere(
    run: Run, endpoints: dict[str, Any], endpoints_file: Path, database: psycopg.Connection
) -> Callable[[], list[tuple[str, str]]]:
    """Reads all that is to be searched, each with its name."""
    pages = {"the engine's metrics": f"{run.engine}/metrics", "its health": f"{run.engine}/health"}
    pages["the outbox"] = endpoints["outbox_url"]

    def read() -> list[tuple[str, str]]:
        shown = [(name, httpx.get(url, timeout=TIMEOUT_S).text) for name, url in pages.items()]
        return [*run.refused, *shown, *log_files(endpoints_file), *function_logs(endpoints), *tables(database)]

    return read


def test_no_secret_of_a_run_is_in_a_log_an_event_a_table_or_an_error(
    run: Run,
    everywhere: Callable[[], list[tuple[str, str]]],
    desk: Desk,
    sign_in: Callable[[str], Client],
    invoke: Callable[[str, Any], Any],
) -> None:
    sign_in_and_out(run)
    use_keys(run, desk)
    buy_tokens(run, sign_in("admin"), desk)
    keep_credentials(run, sign_in("admin"), desk)
    order = desk.rest()
    desk.client.cancel(order["order_id"])
    with pytest.raises(AssertionError, match="unknown action"):  # Last, so that its line is behind all the others.
        invoke("provisioning", {"action": MARK})

    def written() -> list[tuple[str, str]] | None:
        """The mark is in a function's log and the order in the events: what is searched is what was written."""
        places = everywhere()
        logged = any(MARK in text for name, text in places if name.startswith("the log "))
        told_of = any(order["order_id"] in text for name, text in places if name == "the table trading.events")
        return places if logged and told_of else None

    places = eventually(written)
    assert {"the table trading.outbox", "logs/engine.log", "logs/emulator.log"} <= {name for name, _ in places}
    assert len(run.secrets) >= 22
    assert len(run.refused) >= 34
    assert set(told(places, run.secrets)) <= ON_PURPOSE
