"""Commands for the tests of the module, as arrays."""

from typing import Any

import numpy as np
from matching_core import (
    ACCOUNT_COMMAND,
    COMMAND,
    INSTRUMENT_COMMAND,
    LEASE_COMMAND,
    Kind,
    MatchingCore,
    Side,
    TimeInForce,
    Type,
)
from numpy.typing import NDArray

SYMBOL = 1
Records = NDArray[np.void]


def listing(symbol: int = SYMBOL, **terms: int) -> Records:
    """One LIST_INSTRUMENT, tick and lot 1 if nothing else is said."""
    command = np.zeros(1, INSTRUMENT_COMMAND)
    for name, value in {"kind": Kind.LIST_INSTRUMENT, "symbol": symbol, "tick": 1, "lot": 1, **terms}.items():
        command[name] = value
    return command.view(COMMAND)


def lease_of(account: int, **terms: int) -> Records:
    """One SET_ACCOUNT and one SET_LEASE."""
    known, lease = np.zeros(1, ACCOUNT_COMMAND), np.zeros(1, LEASE_COMMAND)
    known["kind"], known["account"] = Kind.SET_ACCOUNT, account
    for name, value in {"kind": Kind.SET_LEASE, "symbol": SYMBOL, "account": account, **terms}.items():
        lease[name] = value
    return np.concatenate([known.view(COMMAND), lease.view(COMMAND)])


def submits(**fields: Any) -> Records:
    """Limit orders, GTC, to buy 10 at 100, with ids from 1, but for what is said; as many as the longest field."""
    count = max((len(value) for value in fields.values() if hasattr(value, "__len__")), default=1)
    usual = {
        "kind": Kind.SUBMIT,
        "type": Type.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "order_id": np.arange(1, count + 1),
        "symbol": SYMBOL,
        "side": Side.BUY,
        "price": 100,
        "quantity": 10,
    }
    commands = np.zeros(count, COMMAND)
    for name, value in {**usual, **fields}.items():
        commands[name] = value
    return commands


def random_flow(count: int, seed: int) -> Records:
    """Submits that rest and trade around a price, and a third cancels of ids that may be live, final or unknown."""
    random = np.random.default_rng(seed)
    commands = submits(
        order_id=np.arange(1, count + 1),
        account=random.integers(0, 5, count),
        side=random.integers(1, 3, count),
        price=random.integers(90, 111, count),
        quantity=random.integers(1, 50, count),
        time_in_force=random.choice([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK], count, p=[0.8, 0.1, 0.1]),
        at_ns=np.arange(count),
    )
    cancels = random.random(count) < 1 / 3
    commands["kind"][cancels] = Kind.CANCEL
    commands["order_id"][cancels] = random.integers(1, count, cancels.sum())
    return commands


def listed_core(**capacity: int) -> MatchingCore:
    core = MatchingCore(**capacity)
    core.apply(listing())
    return core
