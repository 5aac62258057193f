"""What happens to trading accounts."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Amount, Event


class AccountOpened(Event):
    """A trading account was made, below a node of the tree. `balances`: what a paper account begins with, by asset."""

    topic: ClassVar[str] = "accounts.AccountOpened.v1"
    is_of_account: ClassVar[bool | None] = True
    account_id: uuid.UUID
    name: str
    kind: Literal["PAPER", "LIVE"]
    base_currency: str
    parent_node_id: uuid.UUID | None  # None: an operator made it, with the whole tree.
    balances: dict[str, Amount]
    opened_by: str
