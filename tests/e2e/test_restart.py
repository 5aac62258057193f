"""`make down` and `make up` again: the platform goes on where it was."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from typer.testing import CliRunner

from breakwater.client import Client
from breakwater.client.session import local_password
from fargate_engine.journal_cli import journal_app
from tests.benchmarks.ledger_check import disagreements
from tests.e2e.desk import Desk, eventually, final

READY_AGAIN_WITHIN_S = 40  # What the README promises.


def limits_of(client: Client) -> dict[str, Any]:
    """What is set and in use at every scope."""
    waiting, found = list(client.limits_tree()["items"]), {}
    while waiting:
        node = waiting.pop()
        waiting.extend(node["children"])
        found[node["node_id"]] = (node["state"], node["limits"])
    return found


def test_a_second_start_finds_everything_the_first_one_left(
    desk: Desk, endpoints: dict[str, Any], endpoints_file: Path, restart_platform: Callable[[], str]
) -> None:
    resting, filled = desk.rest("0.02"), desk.place("BUY", "0.01")
    desk.filled_of(filled["order_id"])
    lists = ("orders", "trades", "positions", "events")

    def everything() -> dict[str, Any]:
        with Client(endpoints["api_url"]) as client:
            for user in endpoints["users"]:
                client.sign_in(user["username"], user["password"])
            client.sign_in("trader2", local_password(endpoints, "trader2") or "")
            of_account = {name: getattr(client, name)(account_id=desk.account_id)["items"] for name in lists}
            for position in of_account["positions"]:  # These move with the market.
                for name in ("unrealised_pnl", "mark_price", "mark_age_ms", "stale"):
                    position.pop(name)
            return of_account | {"limits": limits_of(client), "api_keys": client.api_keys(), "me": client.me()}

    def at_rest() -> bool | None:
        with psycopg.connect(endpoints["database_url"], autocommit=True) as database:
            return not disagreements(database) or None

    eventually(at_rest)
    before = everything()
    printed = restart_platform()
    ready_after = re.search(r"ready after ([0-9.]+) s", printed)
    assert ready_after is not None
    assert float(ready_after[1]) < READY_AGAIN_WITHIN_S, printed
    assert json.loads(endpoints_file.read_text()) == endpoints
    assert everything() == before

    order = desk.client.order(resting["order_id"])  # The session of before holds.
    assert (order["status"], Decimal(order["leaves_qty"])) == ("NEW", Decimal("0.02"))
    assert desk.client.cancel(resting["order_id"])["status"] == "CANCELED"
    sold = desk.place("SELL", "0.01")
    assert final(desk.client, sold["order_id"])["status"] == "FILLED"
    desk.filled_of(sold["order_id"])
    eventually(at_rest)

    verified = CliRunner().invoke(journal_app, ["verify", "--database-url", endpoints["database_url"]])
    assert verified.exit_code == 0, verified.stderr
    assert "all right" in verified.stdout
