"""A trader at work, and how the tests wait for what comes later."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from typer.testing import CliRunner

from breakwater.client import Client, Order
from breakwater.client.cli import app
from breakwater.client.shapes import FINAL_STATUSES

SYMBOL = "ETH/USDT"


class Desk:
    """A trader at work on one account; amounts are strings."""

    def __init__(self, client: Client, account_id: str, market: Callable[[], tuple[Decimal, Decimal]]) -> None:
        self.client = client
        self.account_id = account_id
        self.market = market

    def place(self, side: str, quantity: str, **more: Any) -> Order:
        return self.client.place_order(self.account_id, SYMBOL, side, quantity, **more)

    def rest(self, quantity: str = "0.01", **more: Any) -> Order:
        """A buy 2 % below the market, which stays open."""
        return self.place("BUY", quantity, price=self.price_below(), **more)

    def price_below(self) -> str:
        return str((self.market()[0] * Decimal("0.98")).quantize(Decimal("0.01")))

    def price_above(self) -> str:
        return str((self.market()[1] * Decimal("1.02")).quantize(Decimal("0.01")))

    def filled_of(self, order_id: str) -> list[dict[str, Any]]:
        """The order's trades, once they add up to what was filled."""
        cum_qty = Decimal(self.client.order(order_id)["cum_qty"])

        def look() -> list[dict[str, Any]] | None:
            trades = self.client.trades(account_id=self.account_id)["items"]
            found = [trade for trade in trades if trade["order_id"] == order_id]
            return found if sum(Decimal(trade["last_qty"]) for trade in found) == cum_qty else None

        return eventually(look)


def eventually[T](look: Callable[[], T | None], within_s: float = 15.0) -> T:
    """What `look` finds, asked again until then."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < deadline, f"not within {within_s:g} s"
        time.sleep(0.1)


def final(
    client: Client, order_id: str, within_s: float = 100.0, *, meanwhile: Callable[[], None] = lambda: None
) -> Order:
    """The order once it is final; the reconciler may have to help, as it does every minute or in the `meanwhile`."""

    def look() -> Order | None:
        order = client.order(order_id)
        if order["status"] in FINAL_STATUSES:
            return order
        meanwhile()
        return None

    return eventually(look, within_s)


def told_by_mail(client: Client, correlation_id: str) -> set[str]:
    """The addresses of those who are told of what came of the request, by its own message or by that of its group."""
    alerts = [each for each in client.alerts()["items"] if each["correlation_id"] == correlation_id]
    leaders = {each["gathered_in"] or each["alert_id"] for each in alerts}
    deliveries = [each for leader in leaders for each in client.alert(leader)["deliveries"]]
    return {each["destination"] for each in deliveries if each["channel"] == "EMAIL" and each["state"] != "FAILED"}


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class Terminal:
    """trader2 at the command line."""

    environment: dict[str, str]

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(app, arguments, env=self.environment)
        assert result.exit_code == exit_code, (arguments, result.output)
        return result.output

    def told(self, *arguments: str) -> str:
        """What it prints, each run of spaces as one."""
        return " ".join(self.run(*arguments).split())

    def asked(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))
