"""One order at the router: what it has done so far, and what it does next.

What is true stands in the state of the shard. What stands here a restart may forget, but for the note.
"""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import orjson

from breakwater.domain.executions import Oco, PercentageOfVolume, Vwap
from breakwater.domain.ids import named_uuid
from breakwater.domain.money import parse_amount
from breakwater.domain.orders import OrderType, OrdStatus, SubmitOrder, TimeInForce
from events.envelope import EnvelopeDocument
from fargate_engine import risk
from fargate_engine.inbox import Answer
from fargate_engine.messages import CancelOrder, VenueCanceled, VenueReport, WorkNoted
from fargate_engine.orders import EngineOrder, FinalOrder, ForgottenOrder
from fargate_engine.routing.algorithms import algorithm_of
from fargate_engine.routing.measure import Arrival, Volume, arrival, measured
from fargate_engine.routing.moves import Child, Entry, Moves, Refused, Send, VenueView, View
from fargate_engine.routing.venue_views import VenueViews
from fargate_engine.shard_state import ShardState
from fargate_engine.terms import Reason

_LOG = logging.getLogger(__name__)

CHILDREN_MAX = 10_000  # Of one order: four digits of their client order ids.
NOTE_CHARS_MAX = 500
VOLUME_NOTED_NS = 5_000_000_000
CANCEL_AGAIN_NS = 1_000_000_000
TRY_AGAIN_NS = 100_000_000
FRUITLESS_MAX = 3
ALGORITHM_FAILED = Reason("ALGORITHM_FAILED", "its algorithm stopped on an error; its children were cancelled")
TOO_MANY_CHILDREN = Reason("TOO_MANY_CHILDREN", f"an order has {CHILDREN_MAX} children at most")
NEVER_NS = 2**63


class Asks(Protocol):
    """The ways to the sequencer."""

    def command(self, message: SubmitOrder | CancelOrder) -> asyncio.Future[Answer] | None:
        """None when there is no room now, or the shard takes no orders."""
        ...

    def report(self, report: VenueReport) -> None: ...

    def on_their_way_lots(self, order_id: uuid.UUID) -> int:
        """Of children of this order that the sequencer has not taken yet."""
        ...

    def publish(self, event: EnvelopeDocument) -> None: ...


@dataclass(slots=True)
class _Note:
    """What the journal keeps: when it began, how the market stood then, and what algorithm and meter must know."""

    began_at_ns: int
    arrived: Arrival
    market_lots: int
    text: str

    def written(self) -> str:
        return orjson.dumps(
            [self.began_at_ns, self.arrived.px, self.arrived.cost_px, self.market_lots, self.text]
        ).decode()

    @classmethod
    def read(cls, written: str) -> "_Note":
        began_at_ns, px, cost_px, market_lots, text = orjson.loads(written)
        return cls(began_at_ns, Arrival(px, cost_px), market_lots, text)


class _Open(NamedTuple):
    venue: str
    takes: bool


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    """A child that the sequencer has not taken yet."""

    send: Send
    answer: asyncio.Future[Answer]


class Working:
    """`venues`: where its children may go. `look` may raise nothing: an algorithm that fails ends its order."""

    def __init__(
        self, order: EngineOrder, state: ShardState, views: VenueViews, venues: tuple[str, ...], asks: Asks
    ) -> None:
        self.order = order
        self.is_due = True
        self._state = state
        self._views = views
        self._venues = venues
        self._asks = asks
        self._execution = order.submitted.execution
        terms = order.terms
        # Within its price; but the half of an OCO that stops goes beyond the one at which the other half rests.
        self._low_ticks, self._high_ticks = (
            risk.reserved_band(order.submitted, order.instrument)
            if isinstance(self._execution, Oco)
            else (terms.low_ticks, terms.high_ticks)
        )
        self._look_at_ns = NEVER_NS
        self._ends: Reason | None = None
        self._has_told_end = False
        self._refused: dict[str, Refused] = {}
        self._fruitless: dict[str, int] = {}  # Children in a row that found nothing, by venue.
        self._shown_before: dict[str, object] = {}  # A venue's book when a child that took was last heard to end.
        self._volume = Volume()
        self._note = _Note.read(order.note) if order.note else None
        self._volume_before = self._note.market_lots if self._note else 0  # In an earlier process.
        self._noted_at_ns = 0
        self._mark: tuple[object, ...] = ()
        self._open: dict[uuid.UUID, _Open] = {}  # The children that were open at the last look.
        self._sent_at_ns: dict[uuid.UUID, int] = {}
        self._on_their_way: dict[uuid.UUID, _OnItsWay] = {}
        self._cancels_ns: dict[uuid.UUID, int] = {}  # When each was last asked for.
        self._children = 0  # So far.
        while state.knows(self._child_id(self._children)):
            self._children += 1

    @property
    def is_over(self) -> bool:
        return self.order.status.is_final

    def wants_look(self, now_ns: int) -> bool:
        """Something has happened to it, its time has come, or a market has moved."""
        symbol = self.order.terms.symbol
        for name in self._venues:
            market = self._views.market(name, symbol)
            if market is not None:
                self._volume.take(name, market)
        mark = self._views.mark(self._venues, symbol)
        if mark != self._mark:
            self._mark, self.is_due = mark, True
        return self.is_due or now_ns >= self._look_at_ns

    def look(self, now_ns: int) -> None:
        """Take what has happened, and do what comes next."""
        self.is_due, self._look_at_ns = False, NEVER_NS
        self._take_what_ended(now_ns)
        if self.is_over:
            return
        if self.order.is_being_canceled or self._ends is not None:
            self._end(now_ns)
            return
        view, moves = self._decide(now_ns)
        self._take_note(moves.note, now_ns)
        self._cancel(moves.cancel, now_ns)
        for send in moves.send:
            assert view is not None  # noqa: S101 - who saw nothing sends nothing
            view = self._send(send, view)
        if moves.look_at_ns is not None:
            self._look_again(moves.look_at_ns)
        if moves.ends is not None:
            self._ends, self.is_due = moves.ends, True

    def tell_end(self, now_ns: int) -> None:
        """What the market was while it was worked."""
        if self._note is None:
            return
        event = measured(
            self.order.submitted,
            self._venues,
            self._note.began_at_ns,
            self._note.arrived,
            ended_at_ns=now_ns,
            vwap_px=self._volume.average_px(self.order.instrument),
            vwap_since_ns=self._volume.since_ns,
        )
        self._asks.publish(event)

    # What it sees ---------------------------------------------------------------------------------------------------

    def _view(self, now_ns: int) -> View:
        order, terms = self.order, self.order.terms
        venues = [
            self._fresh(each)
            for each in self._views.views(self._venues, order.instrument, terms.side, terms.account_id)
        ]
        if self._note is None:
            arrived = arrival(venues, terms.side, terms.quantity_lots, order.instrument)
            self._note = _Note(now_ns, arrived, 0, "")
            self._write(now_ns)
            self._asks.publish(measured(order.submitted, self._venues, now_ns, arrived))
        children = [self._child(each) for each in self._state.registry.children_of(order.order_id)]
        children += [self._child_to_be(child_id, each) for child_id, each in self._on_their_way.items()]
        self._note.market_lots = self._volume_before + self._volume.lots
        if isinstance(self._execution, PercentageOfVolume) and now_ns - self._noted_at_ns >= VOLUME_NOTED_NS:
            self._write(now_ns)
        return View(
            now_ns=now_ns,
            began_at_ns=self._note.began_at_ns,
            side=terms.side,
            quantity_lots=terms.quantity_lots,
            leaves_lots=order.leaves_lots,
            unsent_lots=order.leaves_lots - sum(each.leaves_lots for each in children),
            limit_ticks=terms.limit_ticks,
            low_ticks=self._low_ticks,
            high_ticks=self._high_ticks,
            tick_size=order.instrument.tick_size,
            lot_size=order.instrument.lot_size,
            is_market=terms.is_market,
            time_in_force=terms.time_in_force,
            post_only=terms.post_only,
            children=children,
            venues=venues,
            refused=self._refused,
            market_lots=self._note.market_lots,
            volume_profile=(
                self._views.volume_profile(self._venues, terms.symbol) if isinstance(self._execution, Vwap) else ()
            ),
            note=self._note.text,
            entry=self._entry(),
        )

    def _child(self, child: EngineOrder) -> Child:
        return Child(
            order_id=child.order_id,
            venue=child.submitted.venue,
            leaves_lots=child.leaves_lots,
            cum_lots=child.cum_lots,
            limit_ticks=child.terms.limit_ticks,
            rests=child.submitted.time_in_force is TimeInForce.GTC,
            is_working=child.status is not OrdStatus.PENDING_NEW,
            is_being_canceled=child.is_being_canceled or child.order_id in self._cancels_ns,
            sent_at_ns=self._sent_at_ns.get(child.order_id, child.transact_time_ns),
        )

    def _child_to_be(self, child_id: uuid.UUID, sent: _OnItsWay) -> Child:
        send = sent.send
        return Child(
            order_id=child_id,
            venue=send.venue,
            leaves_lots=send.lots,
            cum_lots=0,
            limit_ticks=send.limit_ticks,
            rests=send.time_in_force is TimeInForce.GTC,
            is_working=False,
            is_being_canceled=False,
            sent_at_ns=self._sent_at_ns[child_id],
        )

    def _entry(self) -> Entry | None:
        after = self.order.entry_id
        if after is None:
            return None
        entry = self._state.find(after, self.order.tenant_id)
        if isinstance(entry, ForgottenOrder) and not entry.is_rejected:
            # An engine from before such exits were refused (encoding.py) took this one, and let it work all it is.
            return Entry(self.order.terms.quantity_lots, is_final=True)
        if not isinstance(entry, EngineOrder | FinalOrder):
            return Entry(0, is_final=True)
        registry = self._state.registry
        others = registry.other_exits(self.order)
        exited = registry.exited.get(after, 0) + sum(each.cum_lots for each in others)
        under_way = sum(
            self._asks.on_their_way_lots(each.order_id)
            + sum(child.leaves_lots for child in registry.children_of(each.order_id))
            for each in others
        )
        if isinstance(entry, EngineOrder):
            return Entry(entry.cum_lots, False, exited, under_way)
        filled = parse_amount(orjson.loads(entry.last_words)["cum_qty"])
        filled_lots = self.order.instrument.quantity_lots(filled) if filled else 0
        return Entry(filled_lots, True, exited, under_way)

    @property
    def on_their_way_lots(self) -> int:
        waiting = (each.send.lots for child_id, each in self._on_their_way.items() if not self._state.knows(child_id))
        return sum(waiting)

    def _take_what_ended(self, now_ns: int) -> None:
        """Which children have ended since the last look, and whether their venue takes more."""
        for child_id, sent in list(self._on_their_way.items()):
            if self._state.knows(child_id):
                self._open[child_id] = _Open(sent.send.venue, takes=sent.send.time_in_force is not TimeInForce.GTC)
            if self._state.knows(child_id) or sent.answer.done():
                del self._on_their_way[child_id]
        for child in self._state.registry.children_of(self.order.order_id):
            takes = child.submitted.time_in_force is not TimeInForce.GTC
            self._open.setdefault(child.order_id, _Open(child.submitted.venue, takes=takes))
        ended = [each for each in self._open if isinstance(self._state.order(each), FinalOrder | ForgottenOrder)]
        for child_id in ended:
            venue, takes = self._open.pop(child_id)
            was_asked = self._cancels_ns.pop(child_id, None) is not None
            self._sent_at_ns.pop(child_id, None)
            if takes:
                self._shown_before[venue] = self._views.shown(venue, self.order.terms.symbol)
            last = self._state.order(child_id)
            if isinstance(last, ForgottenOrder):
                continue  # The clock was set forward by hours: what it met is not known any more.
            said = orjson.loads(last.answer())
            if said["cum_qty"] != "0":
                self._refused.pop(venue, None)
                self._fruitless.pop(venue, None)
            elif not was_asked:
                self._note_refusal(venue, said, now_ns)

    def _note_refusal(self, venue: str, said: dict[str, Any], now_ns: int) -> None:
        """One that found nothing any more is no refusal; several in a row say that what is shown is not to be had."""
        self._fruitless[venue] = self._fruitless.get(venue, 0) + 1
        if said["status"] == OrdStatus.REJECTED or self._fruitless[venue] > FRUITLESS_MAX:
            before = self._refused.get(venue)
            self._refused[venue] = Refused(said["reject_code"] or "", now_ns, before.count + 1 if before else 1)

    def _fresh(self, view: VenueView) -> VenueView:
        """Without a book that has not changed since a child took of it."""
        before = self._shown_before.get(view.venue)
        is_old = before is not None and before == self._views.shown(view.venue, self.order.terms.symbol)
        return replace(view, opposite=()) if is_old else view

    # What it does ---------------------------------------------------------------------------------------------------

    def _decide(self, now_ns: int) -> tuple[View | None, Moves]:
        """What it sees, and what follows from that."""
        if self._children >= CHILDREN_MAX:
            return None, Moves(ends=TOO_MANY_CHILDREN)
        assert self._execution is not None  # noqa: S101 - the router takes no order without
        try:
            view = self._view(now_ns)
            return view, algorithm_of(self._execution)(view)
        except Exception:  # noqa: BLE001 - what one order meets must not end the engine, and so everybody's orders
            _LOG.critical("the algorithm of order %s failed", self.order.order_id, exc_info=True)
            return None, Moves(ends=ALGORITHM_FAILED)

    def _send(self, send: Send, view: View) -> View:
        """One child, and the view without its lots. The risk stage judges it, too: it has the last word."""
        if not 0 < send.lots <= view.unsent_lots or not view.low_ticks <= send.limit_ticks <= view.high_ticks:
            _LOG.error("order %s: %s is beyond what it may send", self.order.order_id, send)
            return view
        child_id, parent, instrument = self._child_id(self._children), self.order.submitted, self.order.instrument
        child = parent.model_copy(
            update={
                "order_id": child_id,
                "client_order_id": f"{parent.order_id.hex}{self._children:04d}",
                "type": OrderType.LIMIT,
                "time_in_force": send.time_in_force,
                "post_only": send.post_only,
                "quantity": instrument.quantity(send.lots),
                "price": instrument.price(send.limit_ticks),
                "venue": send.venue,
                "valid_until_ns": None,
                "expire_at_ns": None,  # It ends with its parent.
                "execution": None,
                "parent_id": parent.order_id,
            }
        )
        answer = self._asks.command(child)
        if answer is None:
            self._look_again(view.now_ns + TRY_AGAIN_NS)
            return view
        self._children += 1
        self._sent_at_ns[child_id] = view.now_ns
        self._on_their_way[child_id] = _OnItsWay(send, answer)
        return view.less(send.lots)

    def _cancel(self, child_ids: Sequence[uuid.UUID], now_ns: int) -> None:
        for child_id in child_ids:
            if child_id not in self._open or now_ns - self._cancels_ns.get(child_id, 0) < CANCEL_AGAIN_NS:
                continue
            if self._asks.command(CancelOrder(order_id=child_id, tenant_id=self.order.tenant_id)) is None:
                self._look_again(now_ns + TRY_AGAIN_NS)
            else:
                self._cancels_ns[child_id] = now_ns

    def _end(self, now_ns: int) -> None:
        """Its children first; then it is over itself."""
        if self._on_their_way or self._open:
            self._cancel(list(self._open), now_ns)
            self._look_again(now_ns + TRY_AGAIN_NS)
            return
        if not self._has_told_end:
            self._has_told_end = True
            reason = None if self.order.is_being_canceled else self._ends
            code, text = (reason.code, reason.text) if reason else (None, None)
            self._asks.report(VenueCanceled(order_id=self.order.order_id, code=code, reason=text))

    def _take_note(self, text: str | None, now_ns: int) -> None:
        if text is not None and self._note is not None and text != self._note.text:
            self._note.text = text[:NOTE_CHARS_MAX]
            self._write(now_ns)

    def _write(self, now_ns: int) -> None:
        if self._note is not None:
            self._noted_at_ns = now_ns
            self._asks.report(WorkNoted(order_id=self.order.order_id, note=self._note.written()))

    def _look_again(self, at_ns: int) -> None:
        self._look_at_ns = min(self._look_at_ns, at_ns)

    def _child_id(self, number: int) -> uuid.UUID:
        return child_id_of(self.order.order_id, number)


def child_id_of(order_id: uuid.UUID, number: int) -> uuid.UUID:
    """Of the order's child of this number, from 0."""
    return named_uuid(order_id, f"child/{number}")
