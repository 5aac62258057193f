"""A journalled batch back into the registry: what its encoder told of orders and instruments (encoding.py)."""

import uuid
from typing import Any

import orjson

from breakwater.domain.lease_messages import SetLease
from breakwater.domain.orders import ReplaceOrder, SubmitOrder, VoidReplace
from fargate_engine import encoding
from fargate_engine.encoding import NEVER_HEARD_OF, WITH_DETAILS, Reports, note_trade
from fargate_engine.messages import ListInstrument, VenueFilled, VoidOrder, WorkNoted
from fargate_engine.orders import EngineOrder, RefusedOrder, Replacing
from fargate_engine.records import Records
from fargate_engine.registry import Registry
from fargate_engine.terms import Reason, WorkingTerms


def register(registry: Registry, commands: Records, details: str) -> Reports:
    """Bring what a journalled batch tells of orders and instruments into the registry, as its encoder did.

    Nothing is judged again: what was taken then is taken now, whatever today's checks would say. Raises LookupError,
    TypeError or ValueError when the details are not what an encoder wrote.
    """
    reports: Reports = {}
    if not details:
        return reports
    for index, kind, document in orjson.loads(details):
        match kind:
            case "SubmitOrder":
                registry.add(_submitted(registry, commands[index], document))
            case "Refused":
                order = SubmitOrder.model_validate(document["order"])
                reason = Reason(*document["reason"])
                number = int(commands[index]["seq"])
                registry.add(RefusedOrder(number, order.order_id, order.tenant_id, order, reason))
            case "VoidOrder":
                void = VoidOrder.model_validate(document)
                number = int(commands[index]["seq"])
                registry.add(RefusedOrder(number, void.order_id, void.tenant_id, None, NEVER_HEARD_OF))
            case "ReplaceOrder" | "RefusedReplaceOrder" | "RefusedVoidReplace":
                _replace(registry, kind, commands[index], document)
            case "SetLease":
                lease = SetLease.model_validate(document)
                number = registry.account_number(lease.account_id, lease.tenant_id)
                _expect(commands[index]["account"] == number, f"command {index} is of another account's lease")
                registry.take_lease(lease)
            case "ListInstrument":
                number = registry.list(ListInstrument.model_validate(document).instrument())
                _expect(commands[index]["symbol"] == number, f"command {index} lists another symbol number")
            case "WorkNoted" | encoding.EXPIRING:
                _mark(registry, kind, document)
            case _:
                report = reports[index] = WITH_DETAILS[kind].model_validate(document)
                filled = registry.orders.get(report.order_id)
                if isinstance(report, VenueFilled) and isinstance(filled, EngineOrder):
                    note_trade(filled, report)
    return reports


def _submitted(registry: Registry, command: Any, document: Any) -> EngineOrder:
    order = SubmitOrder.model_validate(document)
    symbol, account = registry.symbols[order.symbol], registry.account_number(order.account_id, order.tenant_id)
    numbers_fit = (command["symbol"], command["account"], command["order_id"]) == (symbol, account, command["seq"])
    _expect(numbers_fit, f"command {command['seq']} is not of the order that its details tell")
    terms = WorkingTerms.of(
        order,
        quantity_lots=int(command["quantity"]),
        limit_ticks=int(command["price"]),
        bound_ticks=int(command["price_bound"]),
    )
    return EngineOrder(
        number=int(command["seq"]),
        submitted=order,
        document=orjson.dumps(document).decode(),
        instrument=registry.instruments[order.symbol],
        terms=terms,
        leaves_lots=terms.quantity_lots,
    )


def _mark(registry: Registry, kind: str, document: Any) -> None:
    """What the registry alone keeps of an order: the core has no word for it."""
    order = registry.orders.get(uuid.UUID(document["order_id"]))
    if not isinstance(order, EngineOrder):
        return
    if kind == encoding.EXPIRING:
        order.is_expiring = True
    else:
        order.note = WorkNoted.model_validate(document).note


def _replace(registry: Registry, kind: str, command: Any, document: Any) -> None:
    model = VoidReplace if kind == "RefusedVoidReplace" else ReplaceOrder
    asked = model.model_validate(document if kind == "ReplaceOrder" else document["asked"])
    order = registry.orders[asked.order_id]
    if not isinstance(order, EngineOrder):
        raise ValueError(f"order {asked.order_id} is replaced after its end")
    if kind != "ReplaceOrder":
        order.replacing = Replacing(asked, reason=Reason(*document["reason"]))
        return
    terms = order.terms.replaced(
        quantity_lots=int(command["quantity"]),
        limit_ticks=int(command["price"]),
        bound_ticks=int(command["price_bound"]),
    )
    order.replacing = Replacing(asked, terms=terms)


def _expect(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
