"""A look at how everything is, every second: components of the platform, orders that hang, metrics with rules.

What has to be told although the relay of events does not work, it sends to the alerts' queue itself: the event is in
the outbox as well, and has the same id there, so that nobody hears of it twice.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from breakwater.db.conditions import (
    audit_behind,
    concerned_by_venue,
    forget_told,
    organisations,
)
from breakwater.db.connection import Connection
from breakwater.db.consumers import outbox_backlog
from breakwater.domain import conditions as domain
from breakwater.domain.conditions import Backlog, Condition, Confirming, QueueDepth
from breakwater.domain.metric_readings import (
    Exposition,
    Readings,
    Series,
    merged,
    of_everybody,
    parse_exposition,
    readings_of,
)
from breakwater.domain.metric_rules import labels_of
from breakwater.errors import BreakwaterError, EngineUnavailable
from breakwater.services.business_metrics import read_business
from breakwater.services.conditions import tell_conditions, tell_drift
from breakwater.services.engine_client import EngineClient
from breakwater.services.metric_rules import LOOKED_AT_EVERY, give_defaults, look
from breakwater.services.settlement import TenantTransactions
from breakwater.services.trade_failures import tell_those_that_hang
from events.envelope import Envelope

FORGOTTEN_AFTER = timedelta(days=31)
FORGOTTEN_EVERY = timedelta(minutes=10)
FORGOTTEN_AT_ONCE_MAX = 1_000
_PROCESS: Series = ("process_start_time_seconds", ())


@dataclass(frozen=True, slots=True)
class _Sight:
    """One look at the platform. `engine`: what the engine that answers says, None: none answers."""

    at: datetime
    engine: Mapping[str, Any] | None
    queues: Mapping[str, QueueDepth]
    backlog: Backlog
    behind_s: Mapping[uuid.UUID, float]
    tenants: Sequence[uuid.UUID]

    @property
    def is_relay_silent(self) -> bool:
        """What is told through it would not arrive."""
        if self.engine is None or self.backlog.oldest_s > domain.OUTBOX_OLDEST_S_MAX:
            return True
        # Of an engine of another version what it does not say is not known: the age of the outbox tells then.
        relay = self.engine.get("dependencies", {}).get("relay", {})
        is_down: bool = self.engine.get("status") == "WAITING" or relay.get("status") == "DOWN"
        return is_down


@dataclass(slots=True)
class ConditionWatch:
    """What it remembers between rounds is since when a component is as it is; all that was told is in the database."""

    untenanted: Callable[[], AbstractContextManager[Connection]]
    transactions: TenantTransactions
    engine: EngineClient
    queues: Callable[[], Mapping[str, QueueDepth]]  # Unavailable where they cannot be asked.
    send: Callable[[Envelope], None]  # To the alerts' queue, past the relay.
    tell: Callable[[str], None]  # What went wrong, for the log.
    _confirming: Confirming = field(default_factory=Confirming)
    _engines: dict[str, tuple[datetime, list[Condition]]] = field(default_factory=dict)
    _page: Exposition | None = None
    _told_reports: dict[str, int] = field(default_factory=dict)
    _looked_at: datetime | None = None
    _depths_at: datetime | None = None
    _known_depths: Mapping[str, QueueDepth] = field(default_factory=dict)
    _forgot_at: datetime | None = None

    def run_round(self, at: datetime) -> None:
        """One look. An organisation that cannot be told does not keep the others from it."""
        sight = self._see(at)
        confirmed = self._confirming.confirmed(self._conditions(sight), at)
        concerned = self._concerned(confirmed)
        is_due = self._looked_at is None or at - self._looked_at >= LOOKED_AT_EVERY
        platform = self._measure(sight) if is_due else {}
        self._tell_drift(sight)
        for tenant_id in sight.tenants:
            try:
                mine = [each for each in confirmed if tenant_id in concerned.get(each[0].component, {tenant_id})]
                told = self._tell(tenant_id, mine, sight)
                if is_due:
                    told += self._look(tenant_id, platform, at)
                if sight.is_relay_silent:
                    for envelope in told:
                        self.send(envelope)
            except BreakwaterError as error:
                self.tell(f"conditions of {tenant_id}: {error.message}")
        if is_due:
            self._looked_at = at
        self._forget(at)

    def _see(self, at: datetime) -> _Sight:
        try:
            engine = self.engine.health()
        except EngineUnavailable:
            engine = None
        queues = self._depths(at)
        with self.untenanted() as connection:
            return _Sight(
                at,
                engine,
                queues,
                Backlog(*outbox_backlog(connection)),
                audit_behind(connection, at),
                organisations(connection),
            )

    def _depths(self, at: datetime) -> Mapping[str, QueueDepth]:
        """Of every queue; of a few seconds ago, for each question is paid for. None while SQS is away."""
        if self._depths_at is None or at - self._depths_at >= LOOKED_AT_EVERY:
            try:
                self._known_depths = self.queues()
            except BreakwaterError as error:
                self.tell(f"queues: {error.message}")
                self._known_depths = {}
            self._depths_at = at
        return self._known_depths

    def _conditions(self, sight: _Sight) -> dict[str, Condition]:
        """By component. Engines beside each other have each its own venues; of shards the one that was asked knows all.

        Of an engine that cannot be read, because it is another version, it is known that it answers.
        """
        found = [Condition(domain.ENGINE, domain.UP)]
        if sight.engine is None:
            found = [Condition(domain.ENGINE, domain.DOWN, "no engine answers")]
        elif "engine_id" in sight.engine:
            try:
                said = domain.of_engine(sight.engine)
            except (KeyError, TypeError) as error:
                self.tell(f"the engine's health could not be read: {error!r}")
            else:
                self._engines[sight.engine["engine_id"]] = sight.at, said
        self._engines = {
            engine_id: (heard_at, said)
            for engine_id, (heard_at, said) in self._engines.items()
            if sight.at - heard_at <= domain.ENGINE_HEARD_FOR
        }
        if sight.engine is not None:
            newest = max((heard_at for heard_at, _ in self._engines.values()), default=sight.at)
            for heard_at, said in self._engines.values():
                found += [
                    each
                    for each in said
                    if heard_at == newest or each.component.partition("/")[0] in (domain.VENUE, domain.MARKET_DATA)
                ]
        found += domain.of_queues(sight.queues)
        found.append(domain.of_outbox(sight.backlog))
        return domain.worst(found)

    def _concerned(self, confirmed: Iterable[tuple[Condition, datetime]]) -> dict[str, set[uuid.UUID]]:
        """Of each component that is not everybody's, those whom it concerns."""
        venues: dict[str, set[uuid.UUID]] = {}
        found = {}
        for condition, _ in confirmed:
            kind, _, name = condition.component.partition("/")
            if kind in (domain.VENUE, domain.MARKET_DATA):
                venue = name.partition("/")[0]
                if venue not in venues:
                    venues[venue] = self._of_venue(venue)
                found[condition.component] = venues[venue]
        return found

    def _of_venue(self, venue: str) -> set[uuid.UUID]:
        with self.untenanted() as connection:
            return set(concerned_by_venue(connection, venue))

    def _tell(self, tenant_id: uuid.UUID, mine: list[tuple[Condition, datetime]], sight: _Sight) -> list[Envelope]:
        behind_s = sight.behind_s.get(tenant_id, 0.0)
        trail = domain.of_audit_trail(behind_s)
        since = sight.at - timedelta(seconds=behind_s)  # It has lasted for minutes: that needs no confirming.
        with self.transactions(tenant_id) as tx:
            told = tell_conditions([*mine, (trail, since)], tx, sight.at)
            tell_those_that_hang(tx, sight.at)
        return told

    def _tell_drift(self, sight: _Sight) -> None:
        """Each report once, as far as this process knows; which findings were told the database knows."""
        dependencies = {} if sight.engine is None else sight.engine.get("dependencies", {})
        for dependency, said in dependencies.items():
            report = said.get("reconciliation") if dependency.startswith("venue_") else None
            venue = dependency.removeprefix("venue_")
            if not report or not report["findings"] or self._told_reports.get(venue) == report["at_ms"]:
                continue
            try:
                concerned = self._of_venue(venue)
                for tenant_id in concerned:
                    with self.transactions(tenant_id) as tx:
                        tell_drift(venue, report, tx, sight.at, in_words=len(concerned) == 1)
                self._told_reports[venue] = report["at_ms"]
            except BreakwaterError as error:
                self.tell(f"reconciliation of {venue}: {error.message}")

    def _measure(self, sight: _Sight) -> Readings:
        """What the platform measures; with several organisations on it, nothing that is the sum of their business."""
        found: dict[Series, Decimal] = {
            ("outbox_backlog", ()): Decimal(sight.backlog.count),
            ("outbox_oldest_seconds", ()): Decimal(f"{sight.backlog.oldest_s:.3f}"),
        }
        for name, depth in sight.queues.items():
            labels = labels_of({"queue": name})
            found["queue_waiting", labels] = Decimal(depth.waiting)
            found["queue_in_flight", labels] = Decimal(depth.in_flight)
            if depth.dead is not None:
                found["dead_letters", labels] = Decimal(depth.dead)
        try:
            page = parse_exposition(self.engine.metrics(), sight.at)
        except EngineUnavailable:
            return found
        before, self._page = self._page, page
        if before is not None and before.values.get(_PROCESS) != page.values.get(_PROCESS):
            before = None  # Another engine answered: its counters are not those of before.
        told = merged([found, readings_of(page, before)])
        return told if len(sight.tenants) == 1 else of_everybody(told)

    def _look(self, tenant_id: uuid.UUID, platform: Readings, at: datetime) -> list[Envelope]:
        with self.transactions(tenant_id) as tx:
            give_defaults(tx, at)
            if not tx.metric_rules.begin_look(at, at - LOOKED_AT_EVERY / 2):
                return []  # Another watch has just looked.
            return look(merged([platform, read_business(tx, at)]), tx, at)

    def _forget(self, at: datetime) -> None:
        if self._forgot_at is not None and at - self._forgot_at < FORGOTTEN_EVERY:
            return
        with self.untenanted() as connection:
            forget_told(connection, at - FORGOTTEN_AFTER, at_most=FORGOTTEN_AT_ONCE_MAX)
        self._forgot_at = at
