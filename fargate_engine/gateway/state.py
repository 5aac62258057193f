"""What the gateway may see of the engine."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from breakwater.errors import EngineUnavailable
from fargate_engine.gateway.tokens import ServiceTokens
from fargate_engine.relay import Relay
from fargate_engine.term import Term

RELAY_LATE_S = 10  # An event that waits longer than this is worth a look.


@dataclass(slots=True)
class EngineState:
    engine_id: str
    tokens: ServiceTokens = field(default_factory=ServiceTokens)
    term: Term | None = None
    relay: Relay | None = None
    waiting_for: str = "its database"  # What keeps it from serving.

    def serving(self) -> Term:
        """The term that takes orders, or EngineUnavailable."""
        if self.tokens.public_key is None or self.term is None or not self.term.is_ready:
            raise EngineUnavailable(f"the engine is waiting for {self.waiting_for}")
        return self.term

    def now(self) -> datetime:
        return datetime.now(UTC)

    def health(self) -> dict[str, Any]:
        """Every dependency with its state and latency; nothing secret."""
        term = self.term
        is_ready = self.tokens.public_key is not None and term is not None and term.is_ready
        dependencies: dict[str, Any] = {
            "service_token_key": {"status": "UP" if self.tokens.public_key else "DOWN"},
            "database": {"status": "DOWN"},
            "lease": {"status": "DOWN"},
            "journal": {"status": "DOWN"},
            "venue": {"status": "DOWN"},
            "relay": self._relay_health(),
        }
        if term is not None:
            dependencies["database"] = {"status": "UP", "latency_ms": round(term.database_latency_s * 1000, 3)}
            dependencies["lease"] = {"status": "UP" if term.lease_left_s > 0 else "DOWN"}
            dependencies["lease"]["left_s"] = round(term.lease_left_s, 3)
            dependencies["journal"] = {
                "status": "UP",
                "last_seq": term.sequencer.last_seq,
                "commit_latency_ms": round(term.sequencer.commit_latency_s * 1000, 3),
                "inbox_depth": term.inbox.depth,
            }
            dependencies["venue"] = {
                "status": "UP" if term.inbox.is_open else "STARTING",
                "market_age_ms": {
                    symbol: round((time.monotonic() - at) * 1000) for symbol, at in term.venue.moved_at.items()
                },
            }
        return {
            "status": "READY" if is_ready else "WAITING",
            "engine_id": self.engine_id,
            "waiting_for": None if is_ready else self.waiting_for,
            "dependencies": dependencies,
        }

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
