"""One command of the journal and its events, as people or programs read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import matching_core
import numpy as np
import orjson
from matching_core import EventKind, Kind, Reason, Side, TimeInForce, Type

from breakwater.db.journal import JournalRow
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import format_amount, trim
from fargate_engine.reasons import TOLD_BY_CALLER
from fargate_engine.records import FIRST_RECORD_ORDER_ID, CoreEvent, Records
from fargate_engine.registry import Registry

type Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CommandLine:
    shard: int
    seq: int
    at_ns: int
    command: Document
    events: list[Document]

    def as_json(self) -> Document:
        return {
            "shard": self.shard,
            "seq": self.seq,
            "at_ns": self.at_ns,
            "command": self.command,
            "events": self.events,
        }

    def as_text(self) -> str:
        at = datetime.fromtimestamp(self.at_ns // 10**9, UTC)
        head = f"{self.shard:>2} {self.seq:>8}  {at:%Y-%m-%d %H:%M:%S}.{self.at_ns % 10**9:09}"
        return "\n".join([f"{head}  {_words(self.command)}", *(f"{'':>14}{_words(event)}" for event in self.events)])


def command_lines(row: JournalRow, events: Records, registry: Registry) -> Iterator[CommandLine]:
    """The commands of a row that was just replayed, with the `events` that gave. `registry` is the state's after it."""
    amounts, owners = _Amounts(registry), _Owners(registry)
    details = {index: document for index, _, document in orjson.loads(row.details)} if row.details else {}
    told: dict[int, list[Document]] = {}
    for event in map(CoreEvent._make, events.tolist()):
        told.setdefault(event.command, []).append(_event(event, amounts))
    for index, command in enumerate(np.frombuffer(row.commands, matching_core.COMMAND)):
        yield CommandLine(
            shard=row.shard,
            seq=int(command["seq"]),
            at_ns=int(command["at_ns"]),
            command=_command(command, amounts, owners, details.get(index)),
            events=told.get(index, []),
        )


class _Amounts:
    """Ticks and lots as amounts, and numbers as symbols. What has no symbol here stays a number."""

    def __init__(self, registry: Registry) -> None:
        self._instruments = [registry.instruments[symbol] for symbol in registry.symbols]

    def symbol(self, number: int) -> str | None:
        instrument = self._of(number)
        return instrument.symbol if instrument else None

    def quantity(self, symbol: int, lots: int) -> str:
        instrument = self._of(symbol)
        return format_amount(trim(instrument.quantity(lots))) if instrument else f"{lots} lots"

    def price(self, symbol: int, ticks: int) -> str:
        instrument = self._of(symbol)
        return format_amount(instrument.price(ticks)) if instrument else f"{ticks} ticks"

    def _of(self, number: int) -> Instrument | None:
        return self._instruments[number - 1] if 1 <= number <= len(self._instruments) else None


class _Owners:
    """Who is behind the numbers of accounts and firms. What is not known here stays a number alone."""

    def __init__(self, registry: Registry) -> None:
        self._accounts = {number: account_id for account_id, number in registry.accounts.items()}
        self._firms = {number: tenant_id for tenant_id, number in registry.firms.items()}

    def account(self, number: int) -> Document:
        told: Document = {"account": number}
        return told | {"account_id": str(self._accounts[number])} if number in self._accounts else told

    def firm(self, number: int) -> Document:
        told: Document = {"firm": number}
        return told | {"tenant_id": str(self._firms[number])} if number in self._firms else told


def _command(command: Any, amounts: _Amounts, owners: _Owners, detail: Document | None) -> Document:
    """Only what it says: fields that are 0 are left out."""
    symbol, kind = int(command["symbol"]), int(command["kind"])
    told: Document = {"what": _name(Kind, kind)}
    if command["order_id"]:
        told["order"] = _order(int(command["order_id"]))
    if symbol:
        told["symbol"] = amounts.symbol(symbol) or f"symbol {symbol}"
    if kind == Kind.SUBMIT:
        told["side"] = _name(Side, int(command["side"]))
        told["type"] = _name(Type, int(command["type"]))
        told["time_in_force"] = _name(TimeInForce, int(command["time_in_force"]))
        if command["expire_at_ns"]:
            told["expire_at_ns"] = int(command["expire_at_ns"])
        told["venue"] = int(command["venue"])
        told["account"] = int(command["account"])
    if kind == Kind.SET_ACCOUNT:
        (account,) = np.frombuffer(command.tobytes(), matching_core.ACCOUNT_COMMAND)
        told |= owners.account(int(account["account"])) | owners.firm(int(account["firm"]))
    if kind == Kind.SET_LEASE:
        told |= owners.account(int(command["account"])) | _lease_terms(command, amounts)
    if command["quantity"]:
        told["quantity"] = amounts.quantity(symbol, int(command["quantity"]))
    if command["price"]:
        told["price"] = amounts.price(symbol, int(command["price"]))
    if detail is not None:
        told["details"] = detail
    return told


def _lease_terms(command: Any, amounts: _Amounts) -> Document:
    symbol = int(command["symbol"])
    (lease,) = np.frombuffer(command.tobytes(), matching_core.LEASE_COMMAND)
    return {
        "version": int(lease["version"]),
        "buy_granted": amounts.quantity(symbol, int(lease["buy_granted"])),
        "sell_granted": amounts.quantity(symbol, int(lease["sell_granted"])),
        "price_high": amounts.price(symbol, int(lease["price_high"])),
        "orders_max": int(lease["orders_max"]),
        "expires_at_ns": int(lease["expires_at_ns"]),
    }


def _lease_set(event: CoreEvent, amounts: _Amounts) -> Document:
    """It tells by the fields of a trade: docs/matching.md, "Records"."""
    return {
        "version": event.maker_id,
        "buy_granted": amounts.quantity(event.symbol, event.price),
        "sell_granted": amounts.quantity(event.symbol, event.quantity),
        "buy_filled": amounts.quantity(event.symbol, event.leaves),
        "sell_filled": amounts.quantity(event.symbol, event.maker_leaves),
    }


def _event(event: CoreEvent, amounts: _Amounts) -> Document:
    told: Document = {"event": event.seq, "what": _name(EventKind, event.kind)}
    if event.kind == EventKind.LEASE_SET:
        return told | _lease_set(event, amounts)
    if event.order_id:
        told["order"] = _order(event.order_id)
    if event.maker_id:
        told["maker"] = _order(event.maker_id)
    if event.quantity:
        told["quantity"] = amounts.quantity(event.symbol, event.quantity)
    if event.price:
        told["price"] = amounts.price(event.symbol, event.price)
    if event.kind in _WITH_LEAVES:
        told["leaves"] = amounts.quantity(event.symbol, event.leaves)
    if event.maker_id:
        told["maker_leaves"] = amounts.quantity(event.symbol, event.maker_leaves)
    if event.reason:
        told["reason"] = "see details" if event.reason >= TOLD_BY_CALLER else _name(Reason, event.reason)
    return told


_WITH_LEAVES = {EventKind.TRADED, EventKind.VENUE_FILLED, EventKind.REPLACED, EventKind.REDUCED}


def _order(order_id: int) -> str:
    """`#17` was submitted by command 17; `r5` came as a record with number 5."""
    is_record = order_id >= FIRST_RECORD_ORDER_ID
    return f"r{order_id - FIRST_RECORD_ORDER_ID}" if is_record else f"#{order_id}"


def _name(names: type[IntEnum], number: int) -> str:
    return names(number).name if number in names else str(number)


def _words(told: Document) -> str:
    """`SUBMIT #17 ETH/USDT BUY 0.5 @ 2000.00`, then what else it says by name."""
    rest = dict(told)
    words = [str(rest.pop(name)) for name in ("event", "what", "order", "symbol", "side") if name in rest]
    if "maker" in rest:
        words += ["with", rest.pop("maker")]
    words += [rest.pop("quantity")] if "quantity" in rest else []
    words += ["@", rest.pop("price")] if "price" in rest else []
    details = rest.pop("details", {})
    words += [f"{name}={value}" for name, value in rest.items()]
    return _printable(" ".join([*words, *_telling(details)]))


def _telling(details: Any) -> Iterator[str]:
    """What of the details the integers have not said already, and a person asks for. They may lack anything."""
    if not isinstance(details, dict):
        return
    order = details.get("order")
    told = order if isinstance(order, dict) else details
    yield from (f"{name}={told[name]}" for name in ("order_id", "client_order_id", "liquidity", "fee") if name in told)
    reason = details.get("reason")
    words = reason if isinstance(reason, list) else [details.get("code"), reason]
    yield from [": ".join(str(word) for word in words if word)] if any(words) else []


def _printable(text: str) -> str:
    """What could move the cursor or begin a line of its own is escaped: words come from callers and venues."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
