"""How the parts of the platform are, from what they say of themselves, and since when that may be believed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from breakwater.domain.alerting import Category, Severity

ConditionState = Literal["UP", "DEGRADED", "DOWN"]
UP: ConditionState = "UP"
DEGRADED: ConditionState = "DEGRADED"
DOWN: ConditionState = "DOWN"
_ORDER: Mapping[ConditionState, int] = {"UP": 0, "DEGRADED": 1, "DOWN": 2}

# A state has to last so long before anybody is told: a deploy moves sixteen shards, and nobody shall be woken for it.
CONFIRMED_AFTER = timedelta(seconds=5)
ENGINE_HEARD_FOR = timedelta(seconds=20)  # What one engine of several said counts for so long.
COMMIT_SLOW_MS = 250
MARKET_SILENT_MS = 10_000
BOOK_STALE_MS = 30_000  # Trades are told and the book is not: its stream is lost, whatever its socket says.
BUDGET_USED_MAX = 0.95
QUEUE_WAITING_MAX = 500
OUTBOX_OLDEST_S_MAX = 10.0
AUDIT_UNSEALED_S_MAX = 300.0
NAMED_MAX = 10  # Symbols or shards that are named in a detail.

# What a component is called begins with one of these.
ENGINE = "engine"
VENUE = "venue"
MARKET_DATA = "market_data"
QUEUE = "queue"
DEAD_LETTERS = "dead_letters"
OUTBOX = "outbox"
AUDIT_TRAIL = "audit_trail"
_CATEGORY: Mapping[str, Category] = {
    VENUE: "VENUE",
    MARKET_DATA: "MARKET_DATA",
    AUDIT_TRAIL: "AUTHENTICATION",  # Those who look after security are the ones to know that it does not go on.
}
# Of these DOWN means that orders, or what proves them, do not go on.
_CRITICAL = frozenset({ENGINE, AUDIT_TRAIL, OUTBOX})


@dataclass(frozen=True, slots=True)
class Condition:
    """`detail` is one sentence for people; empty while it is UP."""

    component: str
    state: ConditionState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """As SQS counts: roughly. `dead`: None where the queue has no dead-letter queue."""

    waiting: int
    in_flight: int
    dead: int | None


@dataclass(frozen=True, slots=True)
class Backlog:
    count: int
    oldest_s: float


def category_of(component: str) -> Category:
    return _CATEGORY.get(component.partition("/")[0], "SYSTEM")


def severity_of(component: str, state: ConditionState) -> Severity:
    if state == UP:
        return "INFO"
    if state == DEGRADED:
        return "WARNING"
    return "CRITICAL" if component.partition("/")[0] in _CRITICAL else "ERROR"


def of_engine(health: Mapping[str, Any]) -> list[Condition]:
    """What one engine says of itself, its venues and its markets, in the words of its `GET /health`."""
    dependencies = health["dependencies"]
    unserved: Sequence[int] = health["unserved"]
    return [
        _shards(health["status"], unserved),
        *(
            _plain(name, dependencies[name])
            for name in ("service_token_key", "database", "lease", "relay", "snapshots")
        ),
        # An engine from before it says nothing of it.
        *(_plain(name, dependencies[name]) for name in ("instruments",) if name in dependencies),
        _journal(dependencies["journal"]),
        *_venues(dependencies),
        *_markets(dependencies["market_data"]),
    ]


def of_queues(queues: Mapping[str, QueueDepth]) -> Iterable[Condition]:
    for name, depth in queues.items():
        late = depth.waiting > QUEUE_WAITING_MAX
        detail = f"{depth.waiting} messages wait, {depth.in_flight} are under way"
        yield Condition(f"{QUEUE}/{name}", DEGRADED if late else UP, detail if late else "")
        if depth.dead is not None:
            told = f"{depth.dead} messages could not be processed and wait for somebody to look"
            yield Condition(f"{DEAD_LETTERS}/{name}", DEGRADED if depth.dead else UP, told if depth.dead else "")


def of_outbox(backlog: Backlog) -> Condition:
    late = backlog.oldest_s > OUTBOX_OLDEST_S_MAX
    detail = f"{backlog.count} events wait to be published, the oldest for {backlog.oldest_s:.0f} s"
    return Condition(OUTBOX, DOWN if late else UP, detail if late else "")


def of_audit_trail(unsealed_s: float) -> Condition:
    late = unsealed_s > AUDIT_UNSEALED_S_MAX
    detail = f"nothing was sealed for {unsealed_s:.0f} s: the sealer is down, or the trail is not the one it anchored"
    return Condition(AUDIT_TRAIL, DOWN if late else UP, detail if late else "")


def worst(conditions: Iterable[Condition]) -> dict[str, Condition]:
    """By component, of what several have said of it."""
    found: dict[str, Condition] = {}
    for each in conditions:
        known = found.get(each.component)
        if known is None or _ORDER[each.state] > _ORDER[known.state]:
            found[each.component] = each
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """A state and since when it is so without a break."""

    state: ConditionState
    since: datetime


class Confirming:
    """Remembers how long each component has been as it is. What is not told of any more is forgotten."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def confirmed(self, conditions: Mapping[str, Condition], at: datetime) -> list[tuple[Condition, datetime]]:
        """Those that have lasted long enough, each with since when."""
        seen: dict[str, Seen] = {}
        for component, condition in conditions.items():
            known = self._seen.get(component)
            seen[component] = (
                known if known is not None and known.state == condition.state else Seen(condition.state, at)
            )
        self._seen = seen
        return [
            (conditions[component], each.since)
            for component, each in seen.items()
            if at - each.since >= CONFIRMED_AFTER
        ]


def _shards(status: str, unserved: Sequence[int]) -> Condition:
    if not unserved:
        return Condition(f"{ENGINE}/shards", UP)
    if status == "WAITING":
        return Condition(f"{ENGINE}/shards", DOWN, "no engine serves any shard: no order is taken")
    return Condition(f"{ENGINE}/shards", DEGRADED, f"nobody serves the shards {_named(unserved)}")


def _plain(name: str, said: Mapping[str, Any]) -> Condition:
    """FOLLOWING, STARTING and NOT_CONFIGURED are no trouble; LATE is some."""
    component = f"{ENGINE}/{name}"
    if said["status"] == "DOWN":
        return Condition(component, DOWN, _sentence(said.get("failure"), f"the engine says that its {name} is down"))
    if said["status"] == "LATE":
        return Condition(component, DEGRADED, _sentence(said.get("failure"), f"the engine's {name} is late"))
    return Condition(component, UP)


def _journal(said: Mapping[str, Any]) -> Condition:
    component = f"{ENGINE}/journal"
    if said["status"] == "DOWN":
        return Condition(component, DOWN, "a journal is damaged: its shard is not served")
    if said["commit_latency_ms"] > COMMIT_SLOW_MS:
        return Condition(component, DEGRADED, f"a commit of the journal takes {said['commit_latency_ms']:.0f} ms")
    return Condition(component, UP)


def _venues(dependencies: Mapping[str, Any]) -> Iterable[Condition]:
    for dependency, said in dependencies.items():
        if not dependency.startswith("venue_"):
            continue
        name = dependency.removeprefix("venue_")
        refused = said["key_refused"]
        yield Condition(
            f"{VENUE}/{name}/key", DOWN if refused else UP, _sentence(said["failure"], "") if refused else ""
        )
        yield _venue(f"{VENUE}/{name}", said)
        used, most = said["weight_used"], said["weight_max"]
        is_spent = said["blocked_s"] > 0 or (most > 0 and used >= most * BUDGET_USED_MAX)
        told = f"{used} of {most} of its rate limit are used, and it keeps us back for {said['blocked_s']:.0f} s"
        yield Condition(f"{VENUE}/{name}/rate_limit", DEGRADED if is_spent else UP, told if is_spent else "")


def _venue(component: str, said: Mapping[str, Any]) -> Condition:
    if said["status"] != "UP":
        is_open = said["breaker"] != "CLOSED"
        why = "its circuit breaker is open" if is_open else "it has not been reached"
        return Condition(component, DOWN, _sentence(said["failure"], why, lead=f"{why}: "))
    if said["stream"] != "UP":
        return Condition(component, DEGRADED, "its private stream is down: fills are found by asking, and later")
    return Condition(component, UP)


def _markets(said: Mapping[str, Any]) -> Iterable[Condition]:
    """By venue: DOWN when all of its markets are silent, DEGRADED when some are."""
    ages_ms: dict[str, dict[str, int | None]] = {}
    for market, age_ms in said["age_ms"].items():
        venue, _, symbol = market.partition(" ")
        ages_ms.setdefault(venue, {})[symbol] = age_ms
    for venue, ages in ages_ms.items():
        silent = [symbol for symbol, age_ms in ages.items() if age_ms is None or age_ms > MARKET_SILENT_MS]
        state = UP if not silent else DOWN if len(silent) == len(ages) else DEGRADED
        told = f"nothing was heard for {MARKET_SILENT_MS // 1000} s of {_named(silent)}"
        stale = [symbol for symbol in ages if symbol not in silent and _is_stale(said["book_age_ms"], venue, symbol)]
        if not silent and stale:
            state, told = DEGRADED, f"nothing was told for {BOOK_STALE_MS // 1000} s of the books of {_named(stale)}"
        yield Condition(f"{MARKET_DATA}/{venue}", state, "" if state == UP else told)


def _is_stale(book_ages_ms: Mapping[str, int | None], venue: str, symbol: str) -> bool:
    age_ms = book_ages_ms[f"{venue} {symbol}"]
    return age_ms is None or age_ms > BOOK_STALE_MS


def _sentence(failure: str | None, otherwise: str, *, lead: str = "") -> str:
    return otherwise if failure is None else f"{lead}{failure}"


def _named(each: Sequence[object]) -> str:
    shown = ", ".join(str(one) for one in each[:NAMED_MAX])
    return shown if len(each) <= NAMED_MAX else f"{shown} and {len(each) - NAMED_MAX} more"
