"""What a trial does with leases: they are granted, renewed and given back, and bots send orders within them."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

from breakwater.domain.lease_messages import LeaseWords
from breakwater.domain.orders import OrderSnapshot, OrderTerms, OrderType, PlaceOrder, Side
from breakwater.errors import NotFound, Unavailable
from tests.integration.limits.firm import SYMBOL, Firm
from tests.simulation.fault_matrix.engine import Engine
from tests.simulation.fault_matrix.fire import NoAnswer
from tests.simulation.fault_matrix.functions import Answer, Functions
from tests.simulation.fault_matrix.scenarios import Sent

BUY_MAX = 24  # An eighth is granted at first: as much as the largest of the orders.
BOT = "bot"  # A client at the engine's own gateway.
ROUNDS_MAX = 4  # Of the watch, until a lease that was stopped is over.


class Leases:
    def __init__(self, functions: Functions, engine: Engine, admin: psycopg.Connection[Any], firm: Firm) -> None:
        self._functions = functions
        self._engine = engine
        self._admin = admin
        self._firm = firm

    def open(self, account_id: uuid.UUID) -> Answer | None:
        request = {
            "account_id": str(account_id),
            "symbol": SYMBOL,
            "venue": "SIM",
            "buy_max": str(BUY_MAX),
            "sell_max": "0",
            "orders_max": 1,
        }
        return self._functions.open_lease(self._firm.tenant_id, request)

    def stop(self, account_id: uuid.UUID) -> Answer | None:
        ((lease_id,),) = self._rows("SELECT lease_id FROM limits.leases WHERE account_id = %s", account_id)
        return self._functions.stop_lease(self._firm.tenant_id, lease_id)

    def renew(self) -> None:
        """The watch's round, two seconds after the last one asked."""
        self._admin.execute(
            "UPDATE limits.leases SET asked_at = asked_at - interval '2 seconds' WHERE tenant_id = %s",
            (self._firm.tenant_id,),
        )
        self._functions.watch()

    def send(self, sent: Sent) -> Answer | None:
        """An order that no function sees: from the bot to the engine."""
        return self._asked(lambda: self._functions.way.client.submit_leased(order_of(sent)))

    def cancel(self, sent: Sent) -> Answer | None:
        client = self._functions.way.client
        return self._asked(lambda: client.cancel(sent.order_id, tenant_id=sent.tenant_id, correlation_id="matrix"))

    def is_at_the_engine(self, account_id: uuid.UUID) -> bool:
        return self._engine.lease_words(account_id) is not None

    def account_ids(self, lease_ids: Sequence[str]) -> set[uuid.UUID]:
        rows = self._rows("SELECT account_id FROM limits.leases WHERE lease_id::text = ANY (%s)", list(lease_ids))
        return {account_id for (account_id,) in rows}

    def free_qty(self) -> Decimal:
        """What the engine may buy within leases beyond the orders that it has."""
        free = Decimal(0)
        for (account_id,) in self._rows("SELECT account_id FROM limits.leases WHERE tenant_id = %s", self._tenant_id):
            words = self._engine.lease_words(account_id)
            if words is not None:
                free += words.buy_granted - words.buy_filled - words.buy_open
        return free

    def what_is_unsettled(self) -> list[str]:
        """In words; empty where the ledger holds for each lease what the engine may use of it, and not a lot more."""
        problems = []
        for account_id, version, answered_version, *held in self._rows(
            "SELECT account_id, version, answered_version, buy_held, buy_taken, buy_filled, orders_held, live_orders"
            " FROM limits.leases WHERE tenant_id = %s",
            self._tenant_id,
        ):
            words = self._engine.lease_words(account_id)
            if words is None or version != answered_version or words.version != version:
                problems.append(f"the lease of {account_id} is not answered: {version}, {answered_version}, {words}")
            elif tuple(held) != _said(words):
                problems.append(f"the lease of {account_id} is {held}, and the engine says {_said(words)}")
        return problems

    def end_all(self) -> None:
        """They are stopped; after it the watch has made sure that none holds anything."""
        for (account_id,) in self._rows("SELECT account_id FROM limits.leases WHERE tenant_id = %s", self._tenant_id):
            self.stop(account_id)

    def assert_all_are_over(self) -> None:
        for _ in range(ROUNDS_MAX):
            self.renew()
            holding = self._rows(
                "SELECT * FROM limits.leases WHERE tenant_id = %s AND (state <> 'STOPPED' OR live_orders > 0"
                " OR version <> answered_version OR buy_held > buy_taken OR orders_held > live_orders)",
                self._tenant_id,
            )
            if not holding:
                return
        raise AssertionError(f"leases that are not over: {holding}")

    def _asked(self, ask: Callable[[], OrderSnapshot]) -> Answer | None:
        try:
            snapshot = self._functions.fire.call(BOT, ask)
        except NotFound as error:
            return Answer(404, error.message)
        except (Unavailable, NoAnswer):
            return None
        finally:
            self._functions.database.engine_was_asked = False  # Not by the function that comes next.
        return Answer(200, snapshot.model_dump(mode="json"))

    @property
    def _tenant_id(self) -> uuid.UUID:
        return self._firm.tenant_id

    def _rows(self, statement: str, *parameters: Any) -> list[Any]:
        return self._admin.execute(statement, parameters).fetchall()


def order_of(sent: Sent) -> PlaceOrder:
    terms = OrderTerms(
        client_order_id=sent.terms["client_order_id"],
        account_id=uuid.UUID(sent.terms["account_id"]),
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        quantity=Decimal(sent.scenario.quantity),
        price=Decimal(sent.scenario.price),
        post_only=sent.scenario.post_only,
        venue="SIM",
    )
    now = datetime.now(UTC)
    order = PlaceOrder.of(terms, tenant_id=sent.tenant_id, placed_by="bot", correlation_id="matrix", at=now)
    return order.of_lease()


def _said(words: LeaseWords) -> tuple[Decimal | int, ...]:
    used = words.buy_filled + words.buy_open
    return words.buy_granted, used, words.buy_filled, words.orders_max, words.live_orders
