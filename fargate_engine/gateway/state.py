"""What the gateway may see of the engine."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from breakwater.domain.instruments import Instrument
from breakwater.domain.shards import SHARDS
from breakwater.errors import EngineUnavailable
from fargate_engine.account_feed import AccountFeed
from fargate_engine.channels.server import ChannelServer
from fargate_engine.gateway.peers import Peers
from fargate_engine.gateway.tokens import ServiceTokens
from fargate_engine.leases import Leases
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.relay import Relay
from fargate_engine.shard import Shard, ShardStatus
from fargate_engine.snapshots import SnapshotStore
from fargate_engine.term import Term
from fargate_engine.venues.exchange_connection import ExchangeConnection

MARKET_SILENT_S = 10.0
RELAY_LATE_S = 10  # An event that waits longer than this is worth a look.


@dataclass(slots=True)
class EngineState:
    """`leases` and `feed` are there as soon as `shards` are."""

    engine_id: str
    peers: Peers
    tokens: ServiceTokens = field(default_factory=ServiceTokens)
    shards: tuple[Shard, ...] = ()
    leases: Leases | None = None
    relay: Relay | None = None
    feed: AccountFeed | None = None
    snapshots: SnapshotStore | None = None
    hub: MarketHub = field(default_factory=MarketHub)  # Has the markets of the shards that this engine serves.
    instruments: tuple[Instrument, ...] = ()  # Those that were listed when it started.
    exchanges: list[ExchangeConnection] = field(default_factory=list)
    channels: ChannelServer = field(init=False)
    starting_with: str = "its database"  # What it waits for before it has shards.
    is_stopping: bool = False

    def __post_init__(self) -> None:
        self.channels = ChannelServer(self.hub)

    def term(self, shard: int) -> Term | None:
        """None unless this engine takes the shard's orders."""
        return self.shards[shard].serving() if self.shards else None

    def terms(self) -> Iterator[Term]:
        """Of the shards that this engine takes orders for."""
        return (term for shard in self.shards if (term := shard.serving()) is not None)

    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def is_ready(self) -> bool:
        """It serves, and has nothing under way: what it does not serve is elsewhere, or broken."""
        is_settled = all(
            shard.status in {ShardStatus.SERVING, ShardStatus.BROKEN} or self._is_elsewhere(shard.number)
            for shard in self.shards
        )
        return is_settled and not self.is_stopping and any(True for _ in self.terms())

    @property
    def waiting_for(self) -> str:
        """What keeps it from being ready, in the words of the runbook."""
        if self.is_stopping:
            return "its end: it was told to stop"
        if not self.shards or self.leases is None:
            return self.starting_with
        if not self.leases.is_reachable:
            return "its database"
        if any(shard.status is ShardStatus.RECOVERING for shard in self.shards):
            return "its journal, which it reads"
        if any(shard.term is not None for shard in self.shards):
            return "the market to open"
        all_broken = all(shard.status is ShardStatus.BROKEN for shard in self.shards)
        return "its journals, which are damaged" if all_broken else "the lease, which another engine holds"

    def must_be_ready(self) -> None:
        """EngineUnavailable, with what it waits for."""
        if not self.is_ready:
            raise self.unavailable()

    def unavailable(self) -> EngineUnavailable:
        return EngineUnavailable(f"the engine is waiting for {self.waiting_for}")

    def health(self) -> dict[str, Any]:
        """Every dependency and every shard with its state; nothing secret.

        `status` is about the orders that come here, whoever serves their shards: READY when all pass, DEGRADED when
        those of some shards (`unserved`) do not, WAITING when none does.
        """
        unserved = [number for number in range(SHARDS) if not self._is_served(number)]
        return {
            "status": "READY" if not unserved else "DEGRADED" if len(unserved) < SHARDS else "WAITING",
            "engine_id": self.engine_id,
            "waiting_for": self._waiting_for(unserved),
            "unserved": unserved,
            "dependencies": {
                "service_token_key": {"status": "UP" if self.tokens.public_key else "DOWN"},
                "database": self._database_health(),
                "lease": self._lease_health(),
                "journal": self._journal_health(),
                "instruments": self._instruments_health(),
                "venue": self._venue_health(),
                **{f"venue_{each.name}": each.health() for each in self.exchanges},
                "market_data": self._market_data_health(),
                "relay": self._relay_health(),
                "snapshots": self._snapshots_health(),
            },
            "shards": [self.shard(shard.number) for shard in self.shards],
        }

    def shard(self, number: int) -> dict[str, Any]:
        """One shard as this engine sees it: who holds it, and how far this engine has its journal."""
        shard = self.shards[number]
        lease = None if self.leases is None else self.leases.seen.get(number)
        return {
            "shard": number,
            "status": shard.status,
            "last_seq": shard.last_seq if shard.term is None else shard.term.sequencer.last_seq,
            "holder": lease.holder if lease is not None and lease.is_held else None,
            "epoch": 0 if lease is None else lease.epoch,
            "failure": shard.failure,
        }

    def _is_served(self, shard: int) -> bool:
        """By this engine or, as far as the leases tell, by another; they tell nothing while they cannot be read."""
        if self.term(shard) is not None:
            return True
        lease = self.leases.holds_elsewhere(shard) if self.leases is not None and self.leases.is_reachable else None
        return lease is not None and lease.is_held

    def _waiting_for(self, unserved: list[int]) -> str | None:
        if not unserved:
            return None
        if len(unserved) == SHARDS:
            return self.waiting_for
        return "shards that nobody serves: " + ", ".join(f"{each} ({self.shards[each].status})" for each in unserved)

    def _is_elsewhere(self, shard: int) -> bool:
        return self.leases is not None and self.leases.holds_elsewhere(shard) is not None

    def _held(self) -> list[Term]:
        return [shard.term for shard in self.shards if shard.term is not None]

    def _without_a_term(self) -> str:
        """FOLLOWING when nothing is wrong but that others have the shards."""
        is_reachable = self.leases is not None and self.leases.is_reachable
        follows = any(shard.status is ShardStatus.FOLLOWING for shard in self.shards)
        return "FOLLOWING" if is_reachable and follows else "DOWN"

    def _database_health(self) -> dict[str, Any]:
        if self.leases is None or not self.leases.is_reachable:
            return {"status": "DOWN"}
        return {"status": "UP", "latency_ms": round(self.leases.latency_s * 1000, 3)}

    def _lease_health(self) -> dict[str, Any]:
        left_s = [] if self.leases is None else [self.leases.left_s(shard) for shard in self.leases.held]
        status = self._without_a_term() if not left_s else "UP" if min(left_s) > 0 else "DOWN"
        return {"status": status, "left_s": round(min(left_s, default=0), 3), "held": len(left_s)}

    def _journal_health(self) -> dict[str, Any]:
        terms, broken = self._held(), [shard for shard in self.shards if shard.failure is not None]
        return {
            "status": "DOWN" if broken else "UP" if terms else self._without_a_term(),
            "last_seq": sum(term.sequencer.last_seq for term in terms),
            "commit_latency_ms": round(max((term.sequencer.commit_latency_s for term in terms), default=0) * 1000, 3),
            "inbox_depth": sum(term.inbox.depth for term in terms),
        }

    def _instruments_health(self) -> dict[str, Any]:
        """LATE where symbols are not traded with the tick and lot that are listed: they keep those they have."""
        terms, kept = self._held(), [symbol for shard in self.shards if shard.term for symbol in shard.kept_steps]
        failure = f"the listed tick or lot cannot be taken while something is counted in the old: {', '.join(kept)}"
        return {
            "status": "LATE" if kept else "UP" if terms else self._without_a_term(),
            "failure": failure if kept else None,
        }

    def _venue_health(self) -> dict[str, Any]:
        terms = self._held()
        now = time.monotonic()
        is_open = all(term.inbox.is_open for term in terms)
        status = self._without_a_term() if not terms else "UP" if is_open else "STARTING"
        return {
            "status": status,
            "market_age_ms": {
                symbol: round((now - at) * 1000) for term in terms for symbol, at in term.simulated.moved_at.items()
            },
        }

    def _market_data_health(self) -> dict[str, Any]:
        """SILENT when a market has said nothing of its book for long: its prices are old, whatever its socket says.

        Nor do trades help: they come by a stream of their own.
        """
        now = time.monotonic()
        ages_s = {(market.venue, market.instrument.symbol): market.age_s(now) for market in self.hub}
        books_s = {(market.venue, market.instrument.symbol): market.book_age_s(now) for market in self.hub}
        silent = [age_s for age_s in books_s.values() if age_s is None or age_s > MARKET_SILENT_S]
        return {
            "status": "SILENT" if silent else "UP" if ages_s else self._without_a_term(),
            "age_ms": {
                f"{venue} {symbol}": None if age_s is None else round(age_s * 1000)
                for (venue, symbol), age_s in ages_s.items()
            },
            "book_age_ms": {
                f"{venue} {symbol}": None if age_s is None else round(age_s * 1000)
                for (venue, symbol), age_s in books_s.items()
            },
        }

    def _snapshots_health(self) -> dict[str, Any]:
        if self.snapshots is None:
            return {"status": "NOT_CONFIGURED"}
        return {"status": "DOWN" if self.snapshots.failure else "UP", "failure": self.snapshots.failure}

    def _relay_health(self) -> dict[str, Any]:
        if self.relay is None:
            return {"status": "NOT_CONFIGURED"}
        late = self.relay.backlog_age_s > RELAY_LATE_S
        return {
            "status": "DOWN" if self.relay.failure else "LATE" if late else "UP",
            "failure": self.relay.failure,
            "backlog": self.relay.backlog_count,
            "oldest_s": round(self.relay.backlog_age_s, 3),
            "publish_latency_ms": round(self.relay.publish_latency_s * 1000, 3),
        }
