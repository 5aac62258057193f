"""The orders that are sent into each cell. The market stands still: one is for sale at 2,001, five at 2,002."""

import random
import uuid
from dataclasses import dataclass, replace
from typing import Any

from breakwater.domain.orders import leased_order_id_of, order_id_of
from tests.integration.limits.firm import SYMBOL, Firm


@dataclass(frozen=True)
class Scenario:
    name: str  # What the order does, as in "an order that rests".
    quantity: str
    price: str
    post_only: bool = False
    is_leased: bool = False  # Sent to the engine, within a lease of its account.
    is_canceled: bool = False  # By its client, once it is placed.
    new_quantity: str | None = None  # By its client's replace, likewise.
    new_price: str | None = None
    quantity_range: tuple[int, int] = (1, 1)  # And what else it may be, for the same to become of it.
    price_range: tuple[int, int] = (0, 0)

    @property
    def is_replaced(self) -> bool:
        return self.new_quantity is not None or self.new_price is not None

    def varied(self, chance: random.Random) -> "Scenario":
        quantity, price = chance.randint(*self.quantity_range), chance.randint(*self.price_range)
        return replace(self, quantity=str(quantity), price=str(price))


RESTS = Scenario("rests", "3", "1900", quantity_range=(1, 11), price_range=(1_000, 1_999))
PARTLY_FILLED = Scenario(
    "is partly filled and cancelled",
    "3",
    "2001",
    is_canceled=True,
    quantity_range=(2, 11),
    price_range=(2_001, 2_001),
)
FILLED = Scenario("is filled at once", "2", "2002", quantity_range=(1, 6), price_range=(2_002, 2_100))
REFUSED = Scenario("is refused by limits", "100", "2000", quantity_range=(13, 500), price_range=(1_000, 2_100))
REJECTED = Scenario(
    "is rejected by the engine", "2", "2002", post_only=True, quantity_range=(1, 11), price_range=(2_001, 2_100)
)

EVERY = (RESTS, PARTLY_FILLED, FILLED, REFUSED, REJECTED)
SUBMITTED = (RESTS, PARTLY_FILLED, FILLED, REJECTED)
CONFIRMED = (RESTS, PARTLY_FILLED, FILLED)
OPEN = (RESTS, PARTLY_FILLED)
TRADED = (PARTLY_FILLED, FILLED)


_RESTING: dict[str, Any] = {"quantity_range": (3, 3), "price_range": (1_000, 1_999)}
_SMALL = _RESTING | {"quantity_range": (2, 2)}
_ALONE = _RESTING | {"quantity_range": (1, 1)}
# Together they become more than they were: what arrives late and was given up would be seen.
SMALLER = Scenario("is made smaller", "2", "1900", new_quantity="1", **_SMALL)
LARGER = Scenario("is made larger", "3", "1900", new_quantity="5", **_RESTING)
MADE_TO_TRADE = Scenario("is made to trade", "3", "1900", new_price="2001", **_RESTING)
TOO_LARGE = Scenario("is made larger than its limits let it", "1", "1900", new_quantity="100", **_ALONE)
NOT_TO_TRADE = Scenario("is made to trade and may not", "1", "1900", post_only=True, new_price="2001", **_ALONE)

REPLACED = (SMALLER, LARGER, MADE_TO_TRADE, TOO_LARGE, NOT_TO_TRADE)
REPLACED_AT_THE_ENGINE = (SMALLER, LARGER, MADE_TO_TRADE, NOT_TO_TRADE)


LEASED_OPEN = tuple(replace(each, name=f"{each.name}, in a lease", is_leased=True) for each in OPEN)
LEASED = (
    *LEASED_OPEN,
    replace(FILLED, name="is filled at once, in a lease", is_leased=True),
    replace(REFUSED, name="is larger than its lease", is_leased=True),
)


@dataclass(frozen=True)
class Sent:
    """One order of a client; sent again it is the same one."""

    scenario: Scenario
    tenant_id: uuid.UUID
    order_id: uuid.UUID
    terms: dict[str, Any]

    @property
    def account_id(self) -> uuid.UUID:
        return uuid.UUID(self.terms["account_id"])

    @property
    def replace_terms(self) -> dict[str, Any]:
        return {
            "replace_id": str(self.order_id),
            "quantity": self.scenario.new_quantity,
            "price": self.scenario.new_price,
        }


def sent_of(scenario: Scenario, firm: Firm, account: int) -> Sent:
    account_id, client_order_id = firm.account_ids[account], f"order-{account}"
    terms = {
        "client_order_id": client_order_id,
        "account_id": str(account_id),
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": scenario.quantity,
        "price": scenario.price,
        "post_only": scenario.post_only,
    }
    if scenario.is_leased:
        order_id = leased_order_id_of(firm.tenant_id, account_id, SYMBOL, client_order_id)
    else:
        order_id = order_id_of(firm.tenant_id, account_id, client_order_id)
    return Sent(scenario, firm.tenant_id, order_id, terms)
