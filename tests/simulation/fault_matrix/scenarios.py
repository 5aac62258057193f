"""The orders that are sent into each cell. The market stands still: one is for sale at 2,001, five at 2,002."""

import random
import uuid
from dataclasses import dataclass, replace
from typing import Any

from breakwater.domain.orders import order_id_of
from tests.integration.limits.firm import SYMBOL, Firm


@dataclass(frozen=True)
class Scenario:
    name: str  # What the order does, as in "an order that rests".
    quantity: str
    price: str
    post_only: bool = False
    is_canceled: bool = False  # By its client, once it is placed.
    quantity_range: tuple[int, int] = (1, 1)  # And what else it may be, for the same to become of it.
    price_range: tuple[int, int] = (0, 0)

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


@dataclass(frozen=True)
class Sent:
    """One order of a client; sent again it is the same one."""

    scenario: Scenario
    tenant_id: uuid.UUID
    order_id: uuid.UUID
    terms: dict[str, Any]


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
    return Sent(scenario, firm.tenant_id, order_id_of(firm.tenant_id, account_id, client_order_id), terms)
