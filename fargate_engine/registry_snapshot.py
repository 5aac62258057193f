"""The registry as bytes: a JSON document of what lives, then the orders that are forgotten, eight bytes each, then
every final order as its ids, from when it is kept, and its last words.

Nobody else reads it; `ShardState.snapshot` says the version and guards it with a digest.
"""

import struct
import uuid
from dataclasses import astuple
from decimal import Decimal
from operator import itemgetter
from typing import Any

import orjson

from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import SetLease
from breakwater.domain.orders import OrdStatus, ReplaceOrder, SubmitOrder
from fargate_engine.forgotten import ForgottenOrders
from fargate_engine.orders import EngineOrder, FinalOrder, Replacing
from fargate_engine.registry import Registry
from fargate_engine.terms import Reason, WorkingTerms

_LENGTH = struct.Struct("<Q")
_FINAL = struct.Struct("<16s16sq?I")  # order_id, tenant_id, kept_from_ns, is_rejected, bytes of its last words.
_FINAL_UNTIMED = struct.Struct("<16s16sI")  # Of snapshots from before orders were forgotten.


def write(registry: Registry) -> bytes:
    """Between batches, when no order is half refused."""
    document = orjson.dumps(
        {
            "instruments": [_instrument_fields(instrument) for instrument in registry.instruments.values()],
            "accounts": [(account_id, registry.owners[account_id]) for account_id in registry.accounts],
            "leases": [orjson.Fragment(lease.model_dump_json()) for lease in registry.leases.values()],
            "live": [_live_fields(order, registry.instruments) for order in registry.live.values()],
            "exited": list(registry.exited.items()),
        }
    )
    forgotten = registry.forgotten.to_bytes()
    parts = [_LENGTH.pack(len(document)), document, _LENGTH.pack(len(forgotten)), forgotten]
    for final in registry.finals:
        ids = final.order_id.bytes, final.tenant_id.bytes
        parts.append(_FINAL.pack(*ids, final.kept_from_ns, final.is_rejected, len(final.last_words)))
        parts.append(final.last_words)
    return b"".join(parts)


def read(snapshot: memoryview) -> Registry:
    """LookupError, TypeError, ValueError or struct.error when `write` did not make it.

    Of a view: to copy hundreds of megabytes stops the whole process.
    """
    registry, at = _read_document(snapshot)
    (length,) = _LENGTH.unpack_from(snapshot, at)
    at += _LENGTH.size + length
    registry.forgotten = ForgottenOrders.of_bytes(bytes(snapshot[at - length : at]))
    while at < len(snapshot):
        order_id, tenant_id, kept_from_ns, is_rejected, length = _FINAL.unpack_from(snapshot, at)
        at += _FINAL.size + length
        ids = uuid.UUID(bytes=order_id), uuid.UUID(bytes=tenant_id)
        registry.remember(FinalOrder(*ids, kept_from_ns, is_rejected, bytes(snapshot[at - length : at])))
    return registry


def read_untimed(snapshot: memoryview, at_ns: int) -> Registry:
    """One from before orders were forgotten, of every final order that there was: each says itself when it ended.

    What a replay would have forgotten by `at_ns` is not taken into memory first: of years of orders these are nearly
    all, and a million at once stop the whole process when they are sorted, or looked through for garbage.
    """
    registry, at = _read_document(snapshot)
    kept: list[tuple[int, int, FinalOrder]] = []
    while at < len(snapshot):
        order_id, tenant_id, length = _FINAL_UNTIMED.unpack_from(snapshot, at)
        at += _FINAL_UNTIMED.size + length
        last_words = bytes(snapshot[at - length : at])
        said = orjson.loads(last_words)
        ids, ended_ns = (uuid.UUID(bytes=order_id), uuid.UUID(bytes=tenant_id)), said["transact_time_ns"]
        final = FinalOrder(*ids, ended_ns, said["status"] == OrdStatus.REJECTED, last_words)
        if registry.is_due(final, at_ns) and not registry.is_needed(final):
            registry.forgotten.add(final.order_id, was_rejected=final.is_rejected)
        else:
            kept.append((ended_ns, said["engine_seq"], final))
    for _, _, final in sorted(kept, key=itemgetter(0, 1)):
        registry.remember(final)
    return registry


def _read_document(snapshot: memoryview) -> tuple[Registry, int]:
    """What lives, and where the document ends."""
    registry = Registry()
    (length,) = _LENGTH.unpack_from(snapshot)
    at = _LENGTH.size + length
    document = orjson.loads(snapshot[_LENGTH.size : at])
    for fields in document["instruments"]:
        registry.list(_instrument(fields))
    for account_id, tenant_id in document["accounts"]:
        registry.account_number(uuid.UUID(account_id), uuid.UUID(tenant_id))
    for lease in document["leases"]:
        registry.take_lease(SetLease.model_validate(lease))
    for fields in document["live"]:
        registry.add(_live(fields, registry.instruments))
    for entry_id, lots in document.get("exited", ()):  # Snapshots from before have none.
        registry.exited[uuid.UUID(entry_id)] = lots
    return registry, at


def _instrument_fields(instrument: Instrument) -> list[str]:
    return [str(each) for each in astuple(instrument)]


def _instrument(fields: list[str]) -> Instrument:
    symbol, base_asset, quote_asset, tick_size, lot_size, notional_min, asset_class = fields
    steps = Decimal(tick_size), Decimal(lot_size), Decimal(notional_min)
    return Instrument(symbol, base_asset, quote_asset, *steps, asset_class)


def _live_fields(order: EngineOrder, instruments: dict[str, Instrument]) -> list[Any]:
    """The ids of a venue's fills, the router's note, the replaces and that its time has come stand last, and only where
    there are some: snapshots from before them read as well.
    """
    terms = order.terms
    # Almost always the symbol's present terms; an order that is older than a change of them keeps its own.
    listed = instruments[terms.symbol]
    fields = [
        order.number,
        orjson.Fragment(order.document),
        None if order.instrument is listed else _instrument_fields(order.instrument),
        terms.quantity_lots,
        terms.limit_ticks,
        terms.bound_ticks,
        order.leaves_lots,
        order.status.value,
        order.engine_seq,
        order.transact_time_ns,
        order.cum_lots,
        str(order.cum_notional_steps),  # It may be wider than JSON's numbers are here.
    ]
    if order.is_expiring:
        return [*fields, sorted(order.venue_trade_ids), order.note, _replace_fields(order), True]
    if order.replace_no or order.replacing is not None:
        return [*fields, sorted(order.venue_trade_ids), order.note, _replace_fields(order)]
    if order.note:
        return [*fields, sorted(order.venue_trade_ids), order.note]
    return [*fields, sorted(order.venue_trade_ids)] if order.venue_trade_ids else fields


def _live(fields: list[Any], instruments: dict[str, Instrument]) -> EngineOrder:
    number, told, instrument, quantity_lots, limit_ticks, bound_ticks, leaves_lots, status, engine_seq = fields[:9]
    transact_time_ns, cum_lots, cum_notional_steps, *later = fields[9:]
    trade_ids: list[str] = later[0] if later else []
    note: str = later[1] if len(later) > 1 else ""
    submitted = SubmitOrder.model_validate(told)
    # What was filled and what is left are all of it; in a snapshot from before restatements it may say more.
    quantity_lots = min(quantity_lots, cum_lots + leaves_lots)
    terms = WorkingTerms.of(submitted, quantity_lots=quantity_lots, limit_ticks=limit_ticks, bound_ticks=bound_ticks)
    return EngineOrder(
        number=number,
        submitted=submitted,
        document=orjson.dumps(told).decode(),
        instrument=_instrument(instrument) if instrument else instruments[submitted.symbol],
        terms=terms,
        leaves_lots=leaves_lots,
        status=OrdStatus(status),
        engine_seq=engine_seq,
        transact_time_ns=transact_time_ns,
        cum_lots=cum_lots,
        cum_notional_steps=int(cum_notional_steps),
        venue_trade_ids=set(trade_ids),
        note=note,
        is_expiring=len(later) > 3,
        **(_replaces(later[2], terms) if len(later) > 2 else {}),
    )


def _replace_fields(order: EngineOrder) -> list[Any]:
    reason, replacing = order.replace_reason, order.replacing
    return [
        order.replace_no,
        None if reason is None else [reason.code, reason.text],
        None if order.replaced is None else orjson.Fragment(order.replaced.model_dump_json()),
        None if replacing is None else _replacing_fields(replacing),
    ]


def _replacing_fields(replacing: Replacing) -> list[Any]:
    """Between batches it is on its way to a venue: what was refused is decided in its own batch."""
    if replacing.terms is None:
        raise ValueError("a refused replace is not decided")
    terms = replacing.terms
    asked = orjson.Fragment(replacing.asked.model_dump_json())
    return [asked, terms.quantity_lots, terms.limit_ticks, terms.bound_ticks]


def _replaces(fields: list[Any], terms: WorkingTerms) -> dict[str, Any]:
    replace_no, reason, replaced, replacing = fields
    return {
        "replace_no": replace_no,
        "replace_reason": None if reason is None else Reason(*reason),
        "replaced": None if replaced is None else ReplaceOrder.model_validate(replaced),
        "replacing": None if replacing is None else _replacing(replacing, terms),
    }


def _replacing(fields: list[Any], terms: WorkingTerms) -> Replacing:
    asked, quantity_lots, limit_ticks, bound_ticks = fields
    wanted = terms.replaced(quantity_lots=quantity_lots, limit_ticks=limit_ticks, bound_ticks=bound_ticks)
    return Replacing(ReplaceOrder.model_validate(asked), terms=wanted)
