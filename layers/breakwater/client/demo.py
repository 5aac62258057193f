"""The tour: `make demo` drives the running platform as its users would, and says what it saw.

It uses trader1's account and expects nobody else to trade on it meanwhile. It may be run as often as you like: its
client order ids are its own, it sells what it bought, and it leaves no resting order behind.
What becomes of alerts is its second half, in demo_alerts.
"""

import os
import signal
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from itertools import islice

import httpx
from rich.console import Console
from rich.markup import escape

from breakwater.client.api import Client
from breakwater.client.demo_alerts import AlertTour
from breakwater.client.demo_steps import Step, Unexpected, expect, run_steps, wait_for
from breakwater.client.pages import every
from breakwater.client.render import amount
from breakwater.client.session import SetupError, endpoints_file, local_endpoints, local_password
from breakwater.client.shapes import FINAL_STATUSES, Amount, Json, Order
from breakwater.client.transport import Problem, ServerUnreachable

SYMBOL = "ETH/USDT"
LOT = Decimal("0.0001")
TICK = Decimal("0.01")
QUANTITY_MAX = Decimal(45)  # The demo firm lets trader1 send 50 ETH at once.
TAKES_MAX = 5
ORDERS_AT_THE_CRASH = 6
KILLED_AFTER_S = 0.03
TRADES_READ_MAX = 500
PROJECTED_WITHIN_S = 10
ALERT_WITHIN_S = 15
ENGINE_BACK_WITHIN_S = 30
SETTLED_WITHIN_S = 100  # The reconciler runs every minute.


class Tour:
    """The steps, in order; each says what it saw or raises. Later steps look at what earlier ones placed."""

    def __init__(self) -> None:
        self._endpoints = local_endpoints()
        self._engine_pid_file = endpoints_file().parent / "engine.pid"
        self._run = uuid.uuid4().hex[:8]
        self._trader = Client(self._endpoints["api_url"])
        self._risk = Client(self._endpoints["api_url"])
        self._web = httpx.Client(timeout=5.0)
        self._account_id = ""
        self._placed: dict[str, str] = {}  # Order id by client order id.
        self._traded_notional = Decimal(0)

    def steps(self) -> list[Step]:
        return [
            ("sign in", self.sign_in),
            ("resting limit order", self.rest),
            ("market order, several fills", self.take),
            ("positions and P&L move", self.sell_back),
            ("a breach is refused", self.breach),
            ("the breach is told", self.read_alert),
            ("sent twice, one order", self.repeat),
            ("same id, other body", self.reuse_id),
            ("cancel", self.cancel),
            ("engine killed amid orders", self.crash),
            ("ledger as expected", self.check_ledger),
        ]

    def sign_in(self) -> str:
        for client, username in ((self._trader, "trader1"), (self._risk, "risk")):
            client.sign_in(username, local_password(self._endpoints, username) or "")
        self._account_id = self._trader.me()["account_ids"][0]
        self._position_before = self._position()
        self._usage_before = self._usage()
        return "trader1 and the risk manager hold tokens"

    def rest(self) -> str:
        self._resting = self._place_resting("rest")
        return f"{self._resting['status']}: buy {self._resting['quantity']} ETH at {amount(self._resting['price'])}"

    def take(self) -> str:
        """Buys more than the best level holds, so that it walks the book; again where the market moved in between."""
        for attempt in range(TAKES_MAX):
            asks = self._book()["asks"]
            quantity = min(sum((Decimal(size) for _, size in asks[:2]), LOT), QUANTITY_MAX)
            self._taken = self._place("BUY", quantity, f"take-{attempt}")
            expect(self._taken["status"] == "FILLED", f"its status is {self._taken['status']}")
            prices = sorted(Decimal(trade["last_px"]) for trade in self._trades_of(self._taken))
            if len(prices) > 1:
                low, high = amount(str(prices[0])), amount(str(prices[-1]))
                return f"FILLED: {amount(self._taken['cum_qty'])} ETH in {len(prices)} fills from {low} to {high}"
            self._trades_of(self._place("SELL", self._taken["cum_qty"], f"untake-{attempt}"))
            self._position_before = self._position_when(Decimal(self._position_before["quantity"]))
        raise Unexpected(f"{TAKES_MAX} market orders were filled by one trade each")

    def sell_back(self) -> str:
        before = self._position_before
        bought = self._position_when(Decimal(before["quantity"]) + Decimal(self._taken["cum_qty"]))
        order = self._place("SELL", self._taken["cum_qty"], "sell-back")
        self._trades_of(order)
        sold = self._position_when(Decimal(bought["quantity"]) - Decimal(order["cum_qty"]))
        quantities = " → ".join(amount(position["quantity"]) for position in (before, bought, sold))
        return f"{quantities} ETH; realised {amount(before['realised_pnl'])} → {amount(sold['realised_pnl'])} USDT"

    def breach(self) -> str:
        problem = self._refused("BUY", "5000", "breach")
        expect(problem.code == "LIMIT_EXCEEDED" and problem.status == 422, str(problem))
        expect(bool(problem.refusals), "the refusal names no limit")
        self._breach = problem
        passing = min(Decimal(refusal["largest_passing_quantity"] or 0) for refusal in problem.refusals)
        names = ", ".join(sorted({refusal["node_name"] for refusal in problem.refusals}))
        return f"422 by {len(problem.refusals)} limits of {names}; {amount(str(passing))} ETH would pass"

    def read_alert(self) -> str:
        def look() -> str | None:
            correlation_id = str(self._breach.correlation_id)
            messages = self._web.get(f"{self._endpoints['outbox_url']}/messages").json()["items"]
            for sent in messages:
                if correlation_id in sent["message"]:
                    return f"{sent['kind']} to {sent['to']}: {sent['subject']}"
            # A second tour within minutes: the one before had the same breach, and a summary of both follows.
            alerts = [each for each in self._risk.alerts()["items"] if each["correlation_id"] == correlation_id]
            deliveries = [each for alert in alerts for each in self._risk.alert(alert["alert_id"])["deliveries"]]
            later = [each for each in deliveries if each["state"] != "SENT" and each["reason"] is not None]
            return f"in one message with others of its group: {later[0]['reason']}" if later else None

        return wait_for(look, within_s=ALERT_WITHIN_S, otherwise="no message about it in the outbox")

    def repeat(self) -> str:
        again = self._place("BUY", self._resting["quantity"], "rest", price=self._resting["price"], post_only=True)
        expect(again["order_id"] == self._resting["order_id"], "a second order was made")
        return f"both answers are order {again['order_id'][:8]}…"

    def reuse_id(self) -> str:
        problem = self._refused("BUY", "0.02", "rest", price=self._resting["price"])
        expect(problem.status == 409, str(problem))
        return f"409 {problem.code}"

    def cancel(self) -> str:
        order = self._trader.cancel(self._resting["order_id"])
        expect(order["status"] == "CANCELED", f"its status is {order['status']}")
        return f"CANCELED, {amount(order['leaves_qty'])} left working"

    def crash(self) -> str:
        """SIGKILLs the engine while orders are on their way; its supervisor starts it again."""
        resting = self._place_resting("over-crash")
        pid = int(self._engine_pid_file.read_text())
        with ThreadPoolExecutor(ORDERS_AT_THE_CRASH) as pool:
            placing = [pool.submit(self._place_through_a_crash, number) for number in range(ORDERS_AT_THE_CRASH)]
            time.sleep(KILLED_AFTER_S)
            os.kill(pid, signal.SIGKILL)
            killed_at = time.monotonic()
            wait_for(self._engine_is_back, within_s=ENGINE_BACK_WITHIN_S, otherwise="the engine did not come back")
            down_s = time.monotonic() - killed_at
            orders = [placed.result() for placed in placing]
        for order in orders:
            self._trades_of(order)
        expect(self._trader.order(resting["order_id"])["status"] == "NEW", "the resting order did not survive")
        self._trader.cancel(resting["order_id"])
        ends = Counter(order["status"] for order in orders)
        told = ", ".join(f"{count} {status}" for status, count in ends.items())
        return f"back after {down_s:.1f} s; {told}; each fill once; the resting order was still there"

    def check_ledger(self) -> str:
        """All that was reserved is free again, and exactly what was traded is used."""

        def look() -> bool | None:
            held = {key: reserved for key, (_, reserved) in self._usage().items()}
            return held == {key: reserved for key, (_, reserved) in self._usage_before.items()} or None

        wait_for(look, within_s=SETTLED_WITHIN_S, otherwise="not everything reserved was released")
        usage, before = self._usage(), self._usage_before
        for key in (key for key in usage if key[1] == "DAILY_TRADED_NOTIONAL"):
            grown = usage[key][0] - before[key][0]
            expect(grown == self._traded_notional, f"used grew by {grown}, but {self._traded_notional} was traded")
        return f"nothing reserved is left; used grew by {amount(str(self._traded_notional))} USDT, as traded"

    def close(self) -> None:
        """Cancels what a failed step may have left."""
        for order_id in self._placed.values():
            if self._trader.order(order_id)["status"] not in FINAL_STATUSES:
                self._trader.cancel(order_id)

    # -- what the steps are made of --------------------------------------------------------------------------------

    def _place(
        self, side: str, quantity: Amount, name: str, *, price: str | None = None, post_only: bool = False
    ) -> Order:
        client_order_id = f"demo-{self._run}-{name}"
        order = self._trader.place_order(
            self._account_id,
            SYMBOL,
            side,
            quantity,
            price=price,
            post_only=post_only,
            client_order_id=client_order_id,
        )
        self._placed[client_order_id] = order["order_id"]
        return order

    def _refused(self, side: str, quantity: Amount, name: str, *, price: str | None = None) -> Problem:
        try:
            order = self._place(side, quantity, name, price=price)
        except Problem as problem:
            return problem
        raise Unexpected(f"it was let through and is {order['status']}")

    def _place_resting(self, name: str) -> Order:
        """A small buy 1 % below the best bid."""
        best_bid = Decimal(self._book()["bids"][0][0])
        price = (best_bid * Decimal("0.99")).quantize(TICK)
        order = self._place("BUY", "0.01", name, price=str(price), post_only=True)
        expect(order["status"] == "NEW", f"its status is {order['status']}")
        return order

    def _place_through_a_crash(self, number: int) -> Order:
        """The final order. Asking again under the same id is safe, and is all a client has to do."""
        side = "SELL" if number % 2 else "BUY"

        def ask() -> Order | None:
            try:
                order = self._place(side, "0.01", f"crash-{number}")
            except ServerUnreachable:
                return None
            except Problem as problem:
                if problem.status == 503:
                    return None
                # It never reached the engine, was given up for ever, and each repetition is told so.
                expect(problem.code == "VOIDED", str(problem))
                order = self._trader.order(problem.document["order_id"])
            return order if order["status"] in FINAL_STATUSES else None

        return wait_for(ask, within_s=SETTLED_WITHIN_S, otherwise=f"order {number} did not become final")

    def _engine_is_back(self) -> bool | None:
        try:
            return self._web.get(f"{self._endpoints['engine_url']}/health/ready").is_success or None
        except httpx.TransportError:
            return None

    def _book(self) -> Json:
        params = {"symbol": SYMBOL, "depth": "10"}
        book: Json = self._web.get(f"{self._endpoints['engine_url']}/market/book", params=params).json()
        expect(bool(book.get("bids")) and bool(book.get("asks")), "the market is empty")
        return book

    def _trades_of(self, order: Order) -> list[Json]:
        """Its fills, once they are projected: no two with the same id, together exactly what was filled."""

        def look() -> list[Json] | None:
            latest = islice(every(self._trader.trades, account_id=self._account_id), TRADES_READ_MAX)
            found = [trade for trade in latest if trade["order_id"] == order["order_id"]]
            filled = sum(Decimal(trade["last_qty"]) for trade in found)
            expect(filled <= Decimal(order["cum_qty"]), f"trades say {filled}, the order {order['cum_qty']}")
            return found if filled == Decimal(order["cum_qty"]) else None

        found = wait_for(look, within_s=PROJECTED_WITHIN_S, otherwise="its trades are not there")
        expect(len({trade["trade_id"] for trade in found}) == len(found), "a trade is there twice")
        self._traded_notional += sum(Decimal(trade["last_qty"]) * Decimal(trade["last_px"]) for trade in found)
        return found

    def _position(self) -> Json:
        held = self._trader.positions(account_id=self._account_id)["items"]
        flat = {"symbol": SYMBOL, "quantity": "0", "realised_pnl": "0"}
        return next((position for position in held if position["symbol"] == SYMBOL), flat)

    def _position_when(self, quantity: Decimal) -> Json:
        def look() -> Json | None:
            position = self._position()
            return position if Decimal(position["quantity"]) == quantity else None

        return wait_for(look, within_s=PROJECTED_WITHIN_S, otherwise=f"the position did not become {quantity}")

    def _usage(self) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
        """(used, reserved) of every limit that counts, on the account and on its trader, by node, type, instrument."""
        usage = {}
        for node_id in self._ladder():
            for limit in self._risk.limits_usage(node_id)["items"]:
                if limit["used"] is not None:
                    key = (node_id, limit["limit_type"], limit["instrument"])
                    usage[key] = (Decimal(limit["used"]), Decimal(limit["reserved"]))
        return usage

    def _ladder(self) -> list[str]:
        """Node ids of the account and its trader: nobody else trades under them."""

        def find(node: Json, parent_id: str) -> list[str] | None:
            if node["account_id"] == self._account_id:
                return [node["node_id"], parent_id]
            return next(filter(None, (find(child, node["node_id"]) for child in node["children"])), None)

        ladder = next(filter(None, (find(root, "") for root in self._risk.limits_tree()["items"])), None)
        expect(ladder is not None, "the account is not in the limit tree")
        return ladder or []


def main() -> int:
    console = Console() if sys.stdout.isatty() else Console(width=160)
    try:
        with closing(Tour()) as tour, closing(AlertTour()) as alert_tour:
            return 0 if run_steps([*tour.steps(), *alert_tour.steps()], console) else 1
    except (SetupError, Problem, ServerUnreachable) as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error:[/] {escape(str(error))}", highlight=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
