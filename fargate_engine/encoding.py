"""Messages in, the core's commands out, and beside them as a JSON text what integers do not say (decoding.py: back).

The text is a list of `[index of the command, kind, document]`, empty for a batch whose commands say everything.
"""

import uuid
from collections.abc import Callable, Collection
from decimal import ROUND_FLOOR, Decimal

import orjson
from matching_core import EXTENDED, FIRM_SELF_TRADE, LEASED, POST_ONLY, PRICE_MAX, Kind, SelfTrade
from matching_core import Side as CoreSide
from matching_core import TimeInForce as CoreTimeInForce
from matching_core import Type as CoreType

from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import SetLease
from breakwater.domain.orders import (
    BUILT_IN_VENUES,
    INTERNAL_VENUE,
    SIMULATED_VENUE,
    VOIDED,
    OrderType,
    ReplaceOrder,
    Side,
    SubmitOrder,
    TimeInForce,
    VoidReplace,
    leased_order_id_of,
    order_id_of,
)
from breakwater.domain.orders import SelfTrade as SelfTradeMode
from breakwater.errors import Conflict, InvalidRequest, NotFound, OrderIdReused, Rejection
from fargate_engine import records, risk
from fargate_engine.messages import (
    CancelOrder,
    CoreInput,
    ListInstrument,
    VenueAccepted,
    VenueCanceled,
    VenueExpired,
    VenueFilled,
    VenueRejected,
    VenueReplaced,
    VenueReplaceRejected,
    VenueReport,
    VoidOrder,
    WorkNoted,
)
from fargate_engine.orders import EngineOrder, ForgottenOrder, RefusedOrder, Replacing
from fargate_engine.reasons import TOLD_BY_CALLER
from fargate_engine.records import Records
from fargate_engine.registry import Registry
from fargate_engine.terms import Reason, WorkingTerms

NEVER_HEARD_OF = Reason(VOIDED, "the order was given up before the engine heard of it")
USED_TWICE = Reason("DUPLICATE_ORDER_ID", "the account has used this client order id")
EXPIRING = "Expiring"  # Of a cancel that nobody asked for: the order's time has come.
INTERNAL, OUTSIDE = 0, 1  # Command::venue
GRANTED_MAX = (1 << 61) - 1
_WITHOUT_END = {"expire_at_ns"}  # So that an engine from before ends reads the orders that have none.
REPLACING_VENUES = (INTERNAL_VENUE, SIMULATED_VENUE)

_SIDES = {Side.BUY: CoreSide.BUY, Side.SELL: CoreSide.SELL}
_TYPES = {OrderType.LIMIT: CoreType.LIMIT, OrderType.MARKET: CoreType.MARKET}
_TIMES_IN_FORCE = {
    TimeInForce.GTC: CoreTimeInForce.GTC,
    TimeInForce.IOC: CoreTimeInForce.IOC,
    TimeInForce.FOK: CoreTimeInForce.FOK,
    TimeInForce.GTD: CoreTimeInForce.GTD,
    TimeInForce.DAY: CoreTimeInForce.GTD,
}
_SELF_TRADES = {
    SelfTradeMode.CANCEL_NEWEST: SelfTrade.CANCEL_NEWEST,
    SelfTradeMode.CANCEL_OLDEST: SelfTrade.CANCEL_OLDEST,
    SelfTradeMode.CANCEL_BOTH: SelfTrade.CANCEL_BOTH,
    SelfTradeMode.DECREMENT: SelfTrade.DECREMENT,
}
_VENUE_KINDS = {
    VenueAccepted: Kind.VENUE_ACCEPTED,
    VenueRejected: Kind.VENUE_REJECTED,
    VenueFilled: Kind.VENUE_FILLED,
    VenueCanceled: Kind.VENUE_CANCELED,
    VenueExpired: Kind.VENUE_EXPIRED,
    VenueReplaceRejected: Kind.REFUSE_REPLACE,
}
WITH_DETAILS: dict[str, type[VenueReport]] = {
    kind.__name__: kind for kind in (VenueRejected, VenueFilled, VenueCanceled, VenueReplaceRejected)
}
# What a venue's report says beyond integers is wanted again when its event is read.
type Reports = dict[int, VenueReport]  # By the index of the command.


class Encoder:
    """Makes the commands of one batch. What they tell of new orders stands in the registry at once.

    So an input may speak of an order that came earlier in its own batch. An input that cannot change anything makes no
    command.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        first_seq: int,
        at_ns: int,
        may_list: Callable[[Instrument], bool],
        venues: Collection[str] = BUILT_IN_VENUES,
        replacing_venues: Collection[str] = REPLACING_VENUES,
    ) -> None:
        self.reports: Reports = {}
        self.count = 0
        self.at_ns = at_ns
        self._may_list = may_list
        self._venues = venues
        self._replacing_venues = replacing_venues
        self._registry = registry
        self._first_seq = first_seq
        self._parts: list[bytes] = []
        self._details: list[str] = []

    @property
    def commands(self) -> bytes:
        return b"".join(self._parts)

    @property
    def details(self) -> str:
        return f"[{','.join(self._details)}]" if self._details else ""

    def add(self, message: CoreInput) -> Rejection | None:
        """The rejection when the question was wrong: then no order is changed."""
        refused: Rejection | None = None
        match message:
            case SubmitOrder():
                refused = self._submit(message)
            case CancelOrder():
                refused = self._cancel(message)
            case ReplaceOrder() | VoidReplace():
                refused = self._replace(message)
            case VoidOrder():
                refused = self._void(message)
            case ListInstrument():
                refused = self._list(message)
            case SetLease():
                refused = self._lease(message)
            case _:
                self._report(message)
        return refused

    def add_records(self, commands: Records) -> None:
        """They passed `records.check_records`."""
        self._parts.append(records.stamped(commands, self._next_seq, self.at_ns).tobytes())
        self.count += len(commands)

    def advance_time(self) -> None:
        """A command that says nothing but the time."""
        self._command(Kind.ADVANCE_TIME)

    def expire(self, order: EngineOrder) -> None:
        """Its time has come. In its own book the core ends it with whatever command comes; a venue is asked to."""
        if order.submitted.venue == INTERNAL_VENUE:
            if self.count == 0:
                self.advance_time()
        elif not order.is_being_canceled:
            order.is_expiring = True
            self._detail(EXPIRING, f'{{"order_id":"{order.order_id}"}}')
            self._command(Kind.CANCEL, order_id=order.number)

    @property
    def _next_seq(self) -> int:
        return self._first_seq + self.count

    def _command(self, kind: Kind, **fields: int) -> None:
        self._parts.append(records.command(self._next_seq, self.at_ns, kind, **fields))
        self.count += 1

    def _detail(self, kind: str, document: str) -> None:
        """Of the command that comes next."""
        self._details.append(f'[{self.count},"{kind}",{document}]')

    def _submit(self, order: SubmitOrder) -> Rejection | None:
        known = self._registry.known(order.order_id)
        if isinstance(known, ForgottenOrder):
            return known.refusal()
        if known is not None:
            return (
                None if known.tenant_id == order.tenant_id else OrderIdReused("the order id belongs to another order")
            )
        lease = self._registry.leases.get((order.account_id, order.symbol)) if order.leased else None
        registry = self._registry
        checked = (
            self._twice(order)
            or risk.came_too_late(order, self.at_ns)
            or self._beyond_parent(order)
            or self._of_forgotten_entry(order)
            or risk.check(order, registry.instruments, self._venues, len(registry.live), lease)
        )
        document = order.model_dump_json(exclude=_WITHOUT_END if order.expire_at_ns is None else None)
        if isinstance(checked, Reason):
            number = self._next_seq
            self._registry.add(RefusedOrder(number, order.order_id, order.tenant_id, order, checked))
            reason = orjson.dumps([checked.code, checked.text]).decode()
            self._detail("Refused", f'{{"order":{document},"reason":{reason}}}')
            self._command(Kind.REFUSE, order_id=number, reason=TOLD_BY_CALLER)
            return None
        terms = checked.terms
        account = self._account(order)
        number = self._next_seq
        self._registry.add(
            EngineOrder(
                number=number,
                submitted=order,
                document=document,
                instrument=checked.instrument,
                terms=terms,
                leaves_lots=terms.quantity_lots,
            )
        )
        self._detail("SubmitOrder", document)
        self._command(
            Kind.SUBMIT,
            order_id=number,
            price=terms.limit_ticks,
            quantity=terms.quantity_lots,
            symbol=self._registry.symbols[order.symbol],
            account=account,
            side=_SIDES[order.side],
            type=_TYPES[order.type],
            time_in_force=_TIMES_IN_FORCE[order.time_in_force],
            flags=_flags(order),
            self_trade=_SELF_TRADES[order.self_trade or SelfTradeMode.CANCEL_NEWEST],
            venue=INTERNAL if order.venue == INTERNAL_VENUE else OUTSIDE,
            expire_at_ns=order.expire_at_ns or 0,
            price_bound=terms.bound_ticks,
        )
        return None

    def _twice(self, order: SubmitOrder) -> Reason | None:
        """A client order id is taken by its account's lease and by an order of its own: only one of the two trades.

        Here, because here both meet, whichever way and whichever engine they came by.
        """
        if order.parent_id is not None:
            return None  # Its id is the router's own.
        account_id, client_order_id = order.account_id, order.client_order_id
        if order.leased is None:
            if (account_id, order.symbol) not in self._registry.leases:
                return None  # Nor was there ever: none of its orders can have come that way.
            twin_id = leased_order_id_of(order.tenant_id, account_id, order.symbol, client_order_id)
        else:
            twin_id = order_id_of(order.tenant_id, account_id, client_order_id)
        twin = self._registry.known(twin_id)
        return None if twin is None or twin.is_rejected else USED_TWICE

    def _beyond_parent(self, order: SubmitOrder) -> Reason | None:
        if order.parent_id is None:
            return None
        parent = self._registry.find(order.parent_id, order.tenant_id)
        if not isinstance(parent, EngineOrder):
            return risk.NO_PARENT
        return risk.beyond_parent(order, parent, self._registry.children_of(order.parent_id))

    def _of_forgotten_entry(self, order: SubmitOrder) -> Reason | None:
        """Nor need the ledger know what that filled: it may not have heard of its end, and have let pass more.

        One that was rejected filled nothing: that is known.
        """
        after = getattr(order.execution, "after", None)
        entry = None if after is None else self._registry.known(after)
        return risk.ENTRY_FORGOTTEN if isinstance(entry, ForgottenOrder) and not entry.is_rejected else None

    def _account(self, order: SubmitOrder) -> int:
        """Its number. At first sight the core is told of it, and whose it is: before any order of it."""
        is_new = order.account_id not in self._registry.accounts
        number = self._registry.account_number(order.account_id, order.tenant_id)
        if is_new:
            self._tell_account(order.account_id)
        return number

    def _tell_account(self, account_id: uuid.UUID) -> None:
        number, firm = self._registry.accounts[account_id], self._registry.firm_of(account_id)
        self._parts.append(records.account_set(self._next_seq, self.at_ns, number, firm))
        self.count += 1

    def _lease(self, message: SetLease) -> Rejection | None:
        instrument = self._registry.instruments.get(message.symbol)
        if instrument is None:
            return NotFound(f"{message.symbol} is not traded here")
        if self._registry.owners.get(message.account_id, message.tenant_id) != message.tenant_id:
            return NotFound("no such account")
        try:
            buy, sell = (_granted_lots(instrument, amount) for amount in (message.buy_granted, message.sell_granted))
        except InvalidRequest as error:
            return error
        if (
            max(buy, sell) > GRANTED_MAX
            or max(message.version, message.orders_max, message.expires_at_ns) > GRANTED_MAX
        ):
            return InvalidRequest("its terms are beyond what the engine can count")
        account = self._registry.account_number(message.account_id, message.tenant_id)
        # Each time: the core takes an account from before accounts were told of once no order of it lives, and only
        # the core knows when that is.
        self._tell_account(message.account_id)
        self._registry.take_lease(message)
        self._detail("SetLease", message.model_dump_json())
        self._parts.append(
            records.lease_set(
                self._next_seq,
                self.at_ns,
                self._registry.symbols[message.symbol],
                account,
                version=message.version,
                buy_granted=buy,
                sell_granted=sell,
                price_high=min(PRICE_MAX, risk.band_ticks(message.price_high, instrument, ROUND_FLOOR)),
                orders_max=message.orders_max,
                expires_at_ns=message.expires_at_ns,
            )
        )
        self.count += 1
        return None

    def _cancel(self, message: CancelOrder) -> Rejection | None:
        order = self._registry.find(message.order_id, message.tenant_id)
        if order is None:
            return NotFound("no such order")
        if isinstance(order, ForgottenOrder):
            return order.refusal()
        if isinstance(order, EngineOrder) and not order.is_being_canceled:
            self._command(Kind.CANCEL, order_id=order.number)
        return None

    def _replace(self, asked: ReplaceOrder | VoidReplace) -> Rejection | None:
        """One that was decided, or is on its way, is not asked again: the order is the answer."""
        order = self._registry.find(asked.order_id, asked.tenant_id)
        if order is None:
            return NotFound("no such order")
        if isinstance(order, ForgottenOrder):
            return order.refusal()
        if not isinstance(order, EngineOrder) or order.replacing is not None or asked.replace_no <= order.replace_no:
            return None
        if isinstance(asked, VoidReplace):
            checked: WorkingTerms | Reason = risk.REPLACE_GIVEN_UP
        else:
            checked = risk.check_replace(order, asked, self._replacing_venues)
        document = asked.model_dump_json()
        if isinstance(checked, Reason):
            order.replacing = Replacing(asked, reason=checked)
            reason = orjson.dumps([checked.code, checked.text]).decode()
            self._detail(f"Refused{type(asked).__name__}", f'{{"asked":{document},"reason":{reason}}}')
            self._command(Kind.REFUSE_REPLACE, order_id=order.number, reason=TOLD_BY_CALLER)
            return None
        order.replacing = Replacing(asked, terms=checked)
        self._detail("ReplaceOrder", document)
        self._command(
            Kind.REPLACE,
            order_id=order.number,
            price=checked.limit_ticks,
            quantity=checked.quantity_lots,
            flags=EXTENDED,
            price_bound=checked.bound_ticks,
        )
        return None

    def _void(self, message: VoidOrder) -> Rejection | None:
        known = self._registry.known(message.order_id)
        if isinstance(known, ForgottenOrder):
            # Never "it had not come": what it had reserved may have traded, unless it was rejected.
            return None if known.is_rejected else known.refusal()
        if known is not None:
            return None if known.tenant_id == message.tenant_id else NotFound("no such order")
        number = self._next_seq
        self._registry.add(RefusedOrder(number, message.order_id, message.tenant_id, None, NEVER_HEARD_OF))
        self._detail("VoidOrder", message.model_dump_json())
        self._command(Kind.REFUSE, order_id=number, reason=TOLD_BY_CALLER)
        return None

    def _list(self, message: ListInstrument) -> Rejection | None:
        instrument = message.instrument()
        if self._registry.instruments.get(instrument.symbol) == instrument:
            return None
        if not self._may_list(instrument):
            return Conflict(
                f"{instrument.symbol} keeps its tick and lot: orders, leases or positions are counted in them"
            )
        symbol = self._registry.list(instrument)
        self._detail("ListInstrument", message.model_dump_json())
        self._parts.append(records.listing(self._next_seq, self.at_ns, symbol))
        self.count += 1
        return None

    def _report(self, report: VenueReport) -> None:
        order = self._registry.orders.get(report.order_id)
        if not isinstance(order, EngineOrder):
            return  # The venue crossed a cancel with its own last word: the order is final and stays as it is.
        if isinstance(report, WorkNoted):
            order.note = report.note
            self._detail(type(report).__name__, report.model_dump_json())
            self.advance_time()
            return
        if order.is_expiring and isinstance(report, VenueCanceled) and report.code is None:
            report = VenueExpired(order_id=report.order_id)
        fields = {"order_id": order.number}
        if isinstance(report, VenueFilled):
            if report.trade_id is not None and report.trade_id in order.venue_trade_ids:
                return  # Told again: a stream and a question may both know it, and a restart asks for all.
            note_trade(order, report)
            fields |= {"price": report.price_ticks, "quantity": report.quantity_lots}
        elif isinstance(report, VenueReplaced):
            if order.replacing is None:
                return  # Told again.
            self._command(
                Kind.VENUE_REPLACED, order_id=order.number, price=report.price_ticks, quantity=report.quantity_lots
            )
            return
        elif isinstance(report, VenueReplaceRejected):
            if order.replacing is None:
                return
            fields["reason"] = TOLD_BY_CALLER
        elif isinstance(report, VenueRejected) or (isinstance(report, VenueCanceled) and report.code is not None):
            fields["reason"] = TOLD_BY_CALLER
        if len(fields) > 1:
            self.reports[self.count] = report
            self._detail(type(report).__name__, report.model_dump_json())
        self._command(_VENUE_KINDS[type(report)], **fields)


def note_trade(order: EngineOrder, report: VenueFilled) -> None:
    if report.trade_id is not None:
        order.venue_trade_ids.add(report.trade_id)


def _granted_lots(instrument: Instrument, granted: Decimal) -> int:
    """InvalidRequest for part of a lot."""
    return instrument.quantity_lots(granted) if granted else 0


def _flags(order: SubmitOrder) -> int:
    """A mode that limits ask for looks at the whole firm; the default only at the account."""
    flags = EXTENDED
    if order.post_only:
        flags |= POST_ONLY
    if order.self_trade is not None:
        flags |= FIRM_SELF_TRADE
    if order.leased is not None:
        flags |= LEASED
    return flags
