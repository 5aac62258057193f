"""Whose digest it is, and what is asked for it in his own name."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from breakwater.db.connection import TenantTransaction
from breakwater.db.digest_figures import DigestFigures, PlatformState
from breakwater.domain.digests import Span
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Caller, Role
from breakwater.domain.times import from_nanoseconds
from breakwater.errors import Unavailable
from breakwater.services import limit_tree
from breakwater.services.limit_views import LimitTreeNode
from breakwater.services.orders import visible_accounts


class PlatformProbes(Protocol):
    """What the platform itself is asked, for who operates it. Each raises Unavailable."""

    def state(self) -> PlatformState: ...

    def dead_letters(self) -> Mapping[str, int]:
        """By queue how many messages nobody could process."""
        ...

    def unserved_shards(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class PlatformHealth:
    """`unserved_shards` None: the engine does not answer. `dead_letters` None: the queues could not be asked."""

    state: PlatformState
    unserved_shards: Sequence[int] | None
    dead_letters: Mapping[str, int] | None


@dataclass(frozen=True)
class Scene:
    """Whose digest it is, of which span, as of when. `zone`: whose clock its times are told by.

    `platform`: for who operates it; for all others None.
    """

    caller: Caller
    tx: TenantTransaction
    span: Span
    zone: ZoneInfo
    at: datetime
    platform: PlatformHealth | None

    @cached_property
    def figures(self) -> DigestFigures:
        return DigestFigures(self.tx.connection, self.tx.tenant_id, self.span)

    @cached_property
    def own_accounts(self) -> list[uuid.UUID] | None:
        """None: those of the whole organisation."""
        return None if self.caller.role in ROLES_WITH_ALL_ACCOUNTS else self.account_ids

    @cached_property
    def account_ids(self) -> list[uuid.UUID]:
        return visible_accounts(self.caller, self.tx, None)

    @cached_property
    def nodes(self) -> list[LimitTreeNode]:
        """All that he sees, parents first."""
        found: list[LimitTreeNode] = []
        waiting = list(reversed(limit_tree.tree(self.caller, self.tx, self.at)["items"]))
        while waiting:
            node = waiting.pop()
            found.append(node)
            waiting.extend(reversed(node["children"]))
        return found

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        return self.figures.counts()

    def count(self, topic: str, *changes: str) -> int:
        """Of its events; with changes, of those of these."""
        return sum(
            count
            for (name, change), count in self.counts.items()
            if name == topic and (not changes or change in changes)
        )

    def time(self, at_ns: int) -> str:
        return shown_time(from_nanoseconds(at_ns), self.zone)


def ask_platform(role: str, probes: PlatformProbes) -> PlatformHealth | None:
    """None for a role that hears nothing of it. Asked outside of transactions, which may not be idle for long."""
    if role != Role.SYSTEM_ADMIN:
        return None
    return PlatformHealth(probes.state(), _answer(probes.unserved_shards), _answer(probes.dead_letters))


def _answer[Value](ask: Callable[[], Value]) -> Value | None:
    try:
        return ask()
    except Unavailable:
        return None


def shown_time(at: datetime, zone: ZoneInfo) -> str:
    """With the zone's letters: an hour that comes twice is then told apart."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
