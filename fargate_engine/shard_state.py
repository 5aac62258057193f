"""The state of one shard: the matching core and the registry around it, a function of the journal alone.

No clock, no I/O, no randomness: replaying the journal's batches gives the same state and the same answers.
"""

import hashlib
import struct
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

import matching_core
import numpy as np
import orjson
from matching_core import MatchingCore
from matching_core import Side as CoreSide

from breakwater.db.journal import DamagedJournal, JournalRow
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import format_computed
from breakwater.domain.orders import BUILT_IN_VENUES, Side
from breakwater.errors import Rejection
from events.envelope import EnvelopeDocument
from fargate_engine import registry_snapshot
from fargate_engine.decoding import register
from fargate_engine.encoding import REPLACING_VENUES, Encoder, Reports
from fargate_engine.messages import CoreInput, LeaseJson
from fargate_engine.orders import EngineOrder, ForgottenOrder, Order
from fargate_engine.outcomes import Outcomes
from fargate_engine.records import Records, of_registered_orders
from fargate_engine.registry import FORGOTTEN_AT_ONCE, Registry

ENDS_AT_ONCE_MAX = 256  # In one batch: a whole day's orders end at one moment, and others have their turn.
_RESERVED_ORDERS = 1_024  # An idle shard costs little; a busy one grows.
_NO_TRAIL = bytes(32)
_LEASE_LOTS = ("buy_granted", "sell_granted", "buy_filled", "sell_filled", "buy_open", "sell_open")
_LEASE_NOTIONALS = ("buy_notional", "sell_notional")  # In ticks times lots.
_MAGIC = b"BWSHARD4"
_UNTIMED_MAGIC = b"BWSHARD3"  # From before orders were forgotten.
_HEAD = struct.Struct("<8sHQqQQ32s")  # Magic, shard, last_seq, last_at_ns, bytes of the core, of the registry, trail.
_DIGEST_BYTES = 32


class BadSnapshot(Exception):
    """The bytes are no snapshot of this version and shard: truncated, damaged or of another."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A batch that the state has taken and the journal has not. `seq` to `last_seq` is empty when nothing changed.

    `refusals` has one entry for each message, `record_events` one for each input that was records: EVENT records,
    whose `command` counts within that input.
    """

    seq: int
    last_seq: int
    at_ns: int
    commands: bytes
    details: str
    event_seq: int
    state_hash: int | None
    outcomes: Outcomes
    refusals: list[Rejection | None]
    record_events: list[Records]

    @property
    def count(self) -> int:
        return self.last_seq - self.seq + 1

    def row(self, shard: int, epoch: int, previous_digest: bytes) -> JournalRow:
        return JournalRow(
            shard=shard,
            seq=self.seq,
            last_seq=self.last_seq,
            epoch=epoch,
            recorded_at_ns=self.at_ns,
            commands=self.commands,
            details=self.details,
            event_seq=self.event_seq,
            state_hash=self.state_hash,
        ).sealed(previous_digest)


class ShardState:
    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.last_seq = 0
        self.last_at_ns = 0
        # Where orders may go. Not of the journal: what was refused for it is told there as refused.
        self.venues: Collection[str] = BUILT_IN_VENUES
        self.replacing_venues: Collection[str] = REPLACING_VENUES  # Likewise: at which they can be replaced.
        self.registry = Registry()
        self._core = MatchingCore(orders=_RESERVED_ORDERS)
        self._trail = _NO_TRAIL  # A digest of every change of a registered order so far.
        self._unhashed = 0  # Commands since a row last carried the core's hash,
        self._live_when_hashed = 0  # and how many orders lived then.

    @property
    def instruments(self) -> dict[str, Instrument]:
        return self.registry.instruments

    @property
    def live_orders(self) -> int:
        """Those that came as records, too."""
        return self._core.live_orders

    def find(self, order_id: uuid.UUID, tenant_id: uuid.UUID) -> Order | ForgottenOrder | None:
        """None also for an order of another tenant; of one that is forgotten nobody knows whose it was."""
        return self.registry.find(order_id, tenant_id)

    def knows(self, order_id: uuid.UUID) -> bool:
        """Also of one that is forgotten: its id is taken."""
        return self.registry.known(order_id) is not None

    def has_taken(self, order_id: uuid.UUID) -> bool:
        """Whether an order of this id trades, or has traded: it is known, and was not rejected."""
        known = self.registry.known(order_id)
        return known is not None and not known.is_rejected

    def order(self, order_id: uuid.UUID) -> Order | ForgottenOrder:
        """KeyError when nobody ever spoke of it."""
        known = self.registry.known(order_id)
        if known is None:
            raise KeyError(order_id)
        return known

    def open_orders(self) -> list[EngineOrder]:
        """Those of the API and the router's children, oldest first."""
        return list(self.registry.live.values())

    def may_list(self, instrument: Instrument) -> bool:
        """False for another tick or lot than the symbol's while anything is counted in those: it would be worth another
        amount. A lease and its sums are for ever, so the steps of its symbol are, too.
        """
        symbol, registry = instrument.symbol, self.registry
        known = registry.instruments.get(symbol)
        if known is None or instrument.has_steps_of(known):
            return True
        number, live = registry.symbols[symbol], registry.live.values()
        return not (
            any(order.terms.symbol == symbol for order in live)
            or self._core.live_orders > len(live)  # Some came as records: whatever their symbol is.
            or any(of_symbol == symbol for _, of_symbol in registry.leases)
            or any(self._core.position(account, number) for account in registry.accounts.values())
        )

    def lease_words(self, account_id: uuid.UUID, symbol: str) -> LeaseJson | None:
        """The lease as it is now, LeaseWords as JSON; None where the core took none."""
        account, number = self.registry.accounts.get(account_id), self.registry.symbols.get(symbol)
        lease = self._core.lease(account, number) if account and number else None
        if lease is None:
            return None
        instrument = self.registry.instruments[symbol]
        lots = {name: getattr(lease, name) for name in _LEASE_LOTS}
        notionals = {name: getattr(lease, name) for name in _LEASE_NOTIONALS}
        return orjson.dumps(
            {
                "account_id": str(account_id),
                "symbol": symbol,
                "version": lease.version,
                "price_high": format_computed(instrument.price(lease.price_high)),
                "orders_max": lease.orders_max,
                "expires_at_ns": lease.expires_at_ns,
                "live_orders": lease.live_orders,
                **{name: format_computed(instrument.quantity(amount)) for name, amount in lots.items()},
                **{name: format_computed(instrument.notional(amount)) for name, amount in notionals.items()},
            }
        )

    def has_lease_for(self, account_id: uuid.UUID, symbol: str, side: Side, lots: int, at_ns: int) -> bool:
        """Whether an order of so much would pass by what its lease has left now; its other terms are not looked at."""
        account, number = self.registry.accounts.get(account_id), self.registry.symbols.get(symbol)
        lease = self._core.lease(account, number) if account and number else None
        if lease is None or lease.live_orders >= lease.orders_max or lease.expires_at_ns <= at_ns:
            return False
        if side is Side.BUY:
            return lots <= lease.buy_granted - lease.buy_filled - lease.buy_open
        return lots <= lease.sell_granted - lease.sell_filled - lease.sell_open

    def open_orders_of(self, account_id: uuid.UUID) -> list[EngineOrder]:
        """What an account has sent and is open, oldest first: no children."""
        live = self.registry.live.values()
        return [order for order in live if order.submitted.account_id == account_id and order.parent_id is None]

    def depth(self, symbol: str, side: Side, levels_max: int) -> list[tuple[int, int]]:
        """(price_ticks, lots) of the engine's own book, best first. KeyError for a symbol that was never listed."""
        core_side = CoreSide.BUY if side is Side.BUY else CoreSide.SELL
        levels = self._core.depth(self.registry.symbols[symbol], core_side, levels_max)
        return [(price_ticks, lots) for price_ticks, lots, _ in levels]

    @property
    def next_end_ns(self) -> int | None:
        """When an order ends by itself next: a batch is wanted then."""
        return self.registry.next_end_ns

    def apply(
        self,
        inputs: Sequence[CoreInput | Records],
        at_ns: int,
        published: Sequence[EnvelopeDocument] = (),
        *,
        ends_orders: bool = False,
    ) -> Applied:
        """Take a batch, all of it at `at_ns`. Anything raised here is a broken invariant: throw the state away.

        `published`: events that concern no state, and are told with those of the batch. `ends_orders`: first of all
        what has its end by then begins to end, so many in each batch.
        """
        encoder = self._encoder(at_ns)
        if ends_orders:
            for order in islice(self.registry.take_due(at_ns), ENDS_AT_ONCE_MAX):
                encoder.expire(order)
        refusals: list[Rejection | None] = []
        spans: list[tuple[int, int]] = []  # Which commands came as records.
        for each in inputs:
            if isinstance(each, np.ndarray):
                spans.append((encoder.count, encoder.count + len(each)))
                encoder.add_records(each)
            else:
                refusals.append(encoder.add(each))
        if published and encoder.count == 0:
            encoder.advance_time()  # Events need a row that they are committed with.
        applied = self._applied(encoder, refusals, spans, hash_now=False)
        applied.outcomes.envelopes.extend(published)
        return applied

    def checkpoint(self, at_ns: int) -> Applied | None:
        """A batch of its own that changes nothing and carries the core's hash; None if the newest one has it."""
        if self._unhashed == 0:
            return None
        encoder = self._encoder(at_ns)
        encoder.advance_time()
        return self._applied(encoder, [], [], hash_now=True)

    def replay(self, row: JournalRow) -> Records:
        """Take a batch of the journal again; its EVENT records. DamagedJournal when it does not lead where it led."""
        if row.seq != self.last_seq + 1 or row.shard != self.shard:
            raise DamagedJournal(row.shard, row.seq, f"this state of shard {self.shard} ends at {self.last_seq}")
        commands = np.frombuffer(row.commands, matching_core.COMMAND)
        try:
            reports = register(self.registry, commands, row.details)
            outcomes, events = self._take(commands, reports, row.recorded_at_ns, publishes=False)
        except (LookupError, TypeError, ValueError, AssertionError) as error:
            raise DamagedJournal(row.shard, row.seq, f"it cannot be replayed: {error}") from error
        self._moved(row.last_seq, row.recorded_at_ns, outcomes)
        if self._event_seq != row.event_seq:
            problem = f"it ended with event {row.event_seq} and ends with event {self._event_seq} now"
            raise DamagedJournal(row.shard, row.seq, problem)
        if row.state_hash is None:
            self._unhashed += len(commands)
        elif row.state_hash != self._core_hash():
            problem = f"it ended in state {row.state_hash:x} and ends in state {self._core_hash():x} now"
            raise DamagedJournal(row.shard, row.seq, problem)
        else:
            self._hashed()
        return events

    def state_hash(self) -> int:
        """64 bits: of the core's state, and of every change of a registered order that led to the registry's."""
        core_hash = self._core.state_hash().to_bytes(8, "little")
        return int.from_bytes(hashlib.sha256(core_hash + self._trail).digest()[:8], "little")

    def snapshot(self) -> bytes:
        """The whole state, versioned, with its SHA-256 at the end. Call it between batches."""
        core, registry = self._core.snapshot(), registry_snapshot.write(self.registry)
        head = _HEAD.pack(_MAGIC, self.shard, self.last_seq, self.last_at_ns, len(core), len(registry), self._trail)
        hashed = hashlib.sha256(head)
        hashed.update(core)
        hashed.update(registry)
        return b"".join((head, core, registry, hashed.digest()))

    @classmethod
    def restore(cls, snapshot: bytes, *, shard: int) -> "ShardState":
        """BadSnapshot for anything that `snapshot` of this version did not write for this shard."""
        body, digest = memoryview(snapshot)[:-_DIGEST_BYTES], snapshot[-_DIGEST_BYTES:]
        if len(body) < _HEAD.size or hashlib.sha256(body).digest() != digest:
            raise BadSnapshot("it is truncated or damaged")
        magic, of_shard, last_seq, last_at_ns, core_bytes, registry_bytes, trail = _HEAD.unpack_from(body)
        if magic not in {_MAGIC, _UNTIMED_MAGIC} or of_shard != shard:
            raise BadSnapshot(f"it is of another version or of shard {of_shard}, not of shard {shard}")
        if len(body) != _HEAD.size + core_bytes + registry_bytes:
            raise BadSnapshot("its parts are not as long as it says")
        state = cls(shard)
        registry_at = _HEAD.size + core_bytes
        try:
            state._core = MatchingCore.restore(bytes(body[_HEAD.size : registry_at]), orders=_RESERVED_ORDERS)
            told = body[registry_at:]
            if magic == _MAGIC:
                state.registry = registry_snapshot.read(told)
            else:
                state.registry = registry_snapshot.read_untimed(told, last_at_ns)
        except (LookupError, TypeError, ValueError, struct.error) as error:
            raise BadSnapshot(f"it cannot be read: {error}") from error
        state.last_seq, state.last_at_ns, state._trail = last_seq, last_at_ns, trail
        state._hashed()
        return state

    @property
    def _event_seq(self) -> int:
        return self._core.next_event_seq - 1

    def _encoder(self, at_ns: int) -> Encoder:
        if at_ns < self.last_at_ns:
            raise AssertionError(f"time went back from {self.last_at_ns} to {at_ns}")
        return Encoder(
            self.registry,
            first_seq=self.last_seq + 1,
            at_ns=at_ns,
            may_list=self.may_list,
            venues=self.venues,
            replacing_venues=self.replacing_venues,
        )

    def _applied(
        self, encoder: Encoder, refusals: list[Rejection | None], spans: list[tuple[int, int]], *, hash_now: bool
    ) -> Applied:
        seq, at_ns = self.last_seq + 1, encoder.at_ns
        commands = np.frombuffer(encoder.commands, matching_core.COMMAND)
        outcomes, events = self._take(commands, encoder.reports, at_ns, publishes=True)
        while outcomes.fills_of_parents:
            events = np.concatenate((events, self._fill_parents(encoder, outcomes)))
        self._moved(self.last_seq + encoder.count, at_ns if encoder.count else self.last_at_ns, outcomes)
        return Applied(
            seq=seq,
            last_seq=self.last_seq,
            at_ns=at_ns,
            commands=encoder.commands,
            details=encoder.details,
            event_seq=self._event_seq,
            state_hash=self._due_hash(encoder.count, hash_now=hash_now),
            outcomes=outcomes,
            refusals=refusals,
            record_events=[_events_of(events, *span) for span in spans],
        )

    def _take(self, commands: Records, reports: Reports, at_ns: int, *, publishes: bool) -> tuple[Outcomes, Records]:
        """One crossing into C++ for the batch; then Python looks only at what concerns an order it knows."""
        events = self._core.apply(commands)
        outcomes = Outcomes(self.registry, at_ns, reports, publishes)
        for event in of_registered_orders(events):
            outcomes.take(event)
        return outcomes, events

    def _fill_parents(self, encoder: Encoder, outcomes: Outcomes) -> Records:
        """Commands of the same row, so that a replay meets them as any other: the fills that children had."""
        first = encoder.count
        for fill in outcomes.take_fills_of_parents():
            encoder.add(fill)
        commands = np.frombuffer(encoder.commands, matching_core.COMMAND)[first:]
        events = self._core.apply(commands).copy()
        events["command"] += first
        for event in of_registered_orders(events):
            outcomes.take(event)
        return events

    def _moved(self, last_seq: int, at_ns: int, outcomes: Outcomes) -> None:
        """After a row, or after what leaves none. It is rows alone that forget, so that a replay forgets the same."""
        commands = last_seq - self.last_seq
        if commands:
            self.registry.forget(at_ns, at_most=commands + FORGOTTEN_AT_ONCE)
        self.last_seq, self.last_at_ns = last_seq, at_ns
        self._trail = outcomes.trail_after(self._trail)

    def _due_hash(self, count: int, *, hash_now: bool) -> int | None:
        """The hash walks every live order. Taken once in as many commands as lived then, it costs each a constant."""
        self._unhashed += count
        if count == 0 or not (hash_now or self._unhashed >= self._live_when_hashed):
            return None
        self._hashed()
        return self._core_hash()

    def _hashed(self) -> None:
        self._unhashed, self._live_when_hashed = 0, self._core.live_orders

    def _core_hash(self) -> int:
        """As a signed bigint, which is what the journal keeps."""
        return int.from_bytes(self._core.state_hash().to_bytes(8, "little"), "little", signed=True)


def _events_of(events: Records, first: int, end: int) -> Records:
    """Those of the commands from `first` to before `end`, which then count from 0."""
    bounds = np.searchsorted(events["command"], (first, end))
    own = events[bounds[0] : bounds[1]].copy()
    own["command"] -= first
    return own
