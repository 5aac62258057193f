"""The report on an order that the router worked, as the API shows it."""

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict

from breakwater.db.executions import ChildRow, MeasuredRow, TradedRow, VenueRow
from breakwater.db.orders import OrderRow
from breakwater.domain.benchmarks import Benchmark, share_of, slippage_bps
from breakwater.domain.executions import Execution
from breakwater.domain.money import Amount, trim
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce, average_price
from breakwater.domain.times import Timestamp

ZERO = Decimal(0)


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Fee(_View):
    currency: str
    amount: Amount


class Compared(_View):
    """`slippage_bps`: basis points by which `avg_px` is worse than the benchmark; below zero, better. Null while either
    price is not known.
    """

    benchmark: Benchmark
    price: Amount | None
    slippage_bps: Amount | None

    @classmethod
    def of(cls, benchmark: Benchmark, order: OrderRow, average: Decimal | None, price: Decimal | None) -> Self:
        slippage = None if average is None or price is None else trim(slippage_bps(order.side, average, price))
        return cls(benchmark=benchmark, price=_trimmed(price), slippage_bps=slippage)


class VenueShare(_View):
    """What the children at one venue came to. `share` of all that was filled and `maker_share` are fractions."""

    venue: str
    children: int
    quantity: Amount
    share: Amount | None
    avg_px: Amount | None
    maker_share: Amount | None
    fees: list[Fee]

    @classmethod
    def of(cls, row: VenueRow, traded: Sequence[TradedRow], filled_qty: Decimal) -> Self:
        there = [each for each in traded if each.venue == row.venue]
        quantity, maker = (
            sum((getattr(each, name) for each in there), ZERO) for name in ("quantity", "maker_quantity")
        )
        return cls(
            venue=row.venue,
            children=row.children,
            quantity=trim(row.quantity),
            share=_trimmed(share_of(row.quantity, filled_qty)),
            avg_px=_trimmed(average_price(row.notional, row.quantity)),
            maker_share=_trimmed(share_of(maker, quantity)),
            fees=[Fee(currency=each.fee_currency, amount=trim(each.fee)) for each in there],
        )


class ChildOrder(_View):
    """An order that the router made of this one."""

    order_id: uuid.UUID
    venue: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Amount
    price: Amount | None
    status: OrdStatus
    cum_qty: Amount
    leaves_qty: Amount
    avg_px: Amount | None
    reject_code: str | None
    reject_reason: str | None
    transact_time: Timestamp

    @classmethod
    def of(cls, row: ChildRow) -> Self:
        return cls(
            order_id=row.order_id,
            venue=row.venue,
            side=Side(row.side),
            type=OrderType(row.type),
            time_in_force=TimeInForce(row.time_in_force),
            quantity=row.quantity,
            price=row.price,
            status=OrdStatus(row.status),
            cum_qty=trim(row.cum_qty),
            leaves_qty=trim(row.leaves_qty),
            avg_px=_trimmed(average_price(row.cum_notional, row.cum_qty)),
            reject_code=row.reject_code,
            reject_reason=row.reject_reason,
            transact_time=row.transact_time,
        )


class ExecutionReport(_View):
    """`began_at` and `ended_at` are the router's, null while it has not told. `venues`: whose market was measured.

    `vwap_since`: from when on the VWAP was measured; later than `began_at` where an engine was restarted meanwhile.
    `children`: those that changed last come first; `children_cut` says that there are more of them.
    """

    order_id: uuid.UUID
    symbol: str
    side: Side
    status: OrdStatus
    execution: Execution
    quantity: Amount
    cum_qty: Amount
    avg_px: Amount | None
    began_at: Timestamp | None
    ended_at: Timestamp | None
    venues: list[str]
    benchmarks: list[Compared]
    vwap_since: Timestamp | None
    fees: list[Fee]
    by_venue: list[VenueShare]
    children: list[ChildOrder]
    children_cut: bool

    @classmethod
    def of(
        cls,
        order: OrderRow,
        execution: Execution,
        *,
        measured: MeasuredRow | None,
        fees: Mapping[str, Decimal],
        venues: Sequence[VenueRow],
        traded: Sequence[TradedRow],
        children: Sequence[ChildRow],
        children_max: int,
    ) -> Self:
        average = average_price(order.cum_notional, order.cum_qty)
        prices = (
            (Benchmark.ARRIVAL, measured.arrival_px if measured else None),
            (Benchmark.ARRIVAL_COST, measured.arrival_cost_px if measured else None),
            (Benchmark.VWAP, measured.vwap_px if measured else None),
        )
        filled_qty = sum((row.quantity for row in venues), ZERO)
        return cls(
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            status=order.status,
            execution=execution,
            quantity=order.quantity,
            cum_qty=trim(order.cum_qty),
            avg_px=_trimmed(average),
            began_at=measured.began_at if measured else None,
            ended_at=measured.ended_at if measured else None,
            venues=measured.venues if measured else [],
            benchmarks=[Compared.of(name, order, average, price) for name, price in prices],
            vwap_since=measured.vwap_since if measured else None,
            fees=[Fee(currency=currency, amount=trim(fee)) for currency, fee in fees.items()],
            by_venue=[VenueShare.of(row, traded, filled_qty) for row in venues],
            children=[ChildOrder.of(row) for row in children[:children_max]],
            children_cut=len(children) > children_max,
        )


def _trimmed(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else trim(amount)
