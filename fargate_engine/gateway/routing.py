"""Where a request is answered: at the shard of its symbol, or wherever its order is; here, or by another engine."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus

from aiohttp import web

from breakwater.domain.lease_messages import SetLease
from breakwater.domain.shards import SHARDS, shard_of
from breakwater.errors import EngineUnavailable, NotFound
from events.envelope import EnvelopeDocument
from fargate_engine.gateway.peers import ASKED_SHARDS, PeerAnswer, asked_shards
from fargate_engine.gateway.state import EngineState
from fargate_engine.inbox import Answer, FindOrder, Question
from fargate_engine.messages import Command
from fargate_engine.term import Term

ANSWER_TIMEOUT_S = 5
_OF_NOTHING = FindOrder(uuid.UUID(int=0), uuid.UUID(int=0))  # It waits as any question, and finds none.


class Scope:
    """The shards a request is about: served here, held by another engine (by its address), or by nobody now."""

    def __init__(self, engine: EngineState, request: web.Request, shards: Collection[int]) -> None:
        passed_on_for = asked_shards(request)
        self.here: dict[int, Term] = {}
        self.elsewhere: defaultdict[str, set[int]] = defaultdict(set)
        self.nowhere: set[int] = set()
        self._engine = engine
        self._request = request
        for shard in shards if passed_on_for is None else passed_on_for.intersection(shards):
            term = engine.term(shard)
            if term is not None:
                self.here[shard] = term
                continue
            lease = engine.leases.holds_elsewhere(shard) if engine.leases and passed_on_for is None else None
            if lease is not None and lease.is_held:
                self.elsewhere[lease.address].add(shard)
            else:
                self.nowhere.add(shard)

    async def ask_elsewhere(self) -> list[PeerAnswer]:
        """What the other engines answer, except that they are not available: their shards are then nobody's."""
        peers = self._engine.peers
        asked = [peers.ask(self._request, address, shards) for address, shards in self.elsewhere.items()]
        answers: list[PeerAnswer] = []
        for shards, answer in zip(
            self.elsewhere.values(), await asyncio.gather(*asked, return_exceptions=True), strict=True
        ):
            if isinstance(answer, PeerAnswer) and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                answers.append(answer)
            elif isinstance(answer, PeerAnswer | EngineUnavailable):
                self.nowhere |= shards
            else:
                raise answer
        return answers

    def unavailable(self) -> EngineUnavailable:
        """What to say when a shard that had to be asked is nobody's."""
        if not self._engine.is_ready:
            return self._engine.unavailable()
        return EngineUnavailable("no engine serves this shard at the moment")


async def at_shard(
    engine: EngineState, request: web.Request, symbol: str, here: Callable[[Term], Awaitable[web.Response]]
) -> web.Response:
    """The answer of the one shard that has this symbol: `here` gives it when that is served here."""
    shard = shard_of(symbol)
    term = engine.term(shard)
    if term is not None and ASKED_SHARDS not in request.headers:
        return await here(term)
    scope = Scope(engine, request, [shard])
    if shard in scope.here:
        return await here(scope.here[shard])
    for answer in await scope.ask_elsewhere():
        return answer.response()
    raise scope.unavailable()


async def market_elsewhere(engine: EngineState, request: web.Request, pair: str) -> web.Response | None:
    """The answer of the engine that has this pair's market; None when it is here, or nobody's, or there is none."""
    symbol = next((each.symbol for each in engine.instruments if each.symbol.replace("/", "") == pair), None)
    if symbol is None or engine.term(shard_of(symbol)) is not None or ASKED_SHARDS in request.headers:
        return None
    for answer in await Scope(engine, request, [shard_of(symbol)]).ask_elsewhere():
        return answer.response()
    return None


async def at_order(
    engine: EngineState,
    request: web.Request,
    order_id: uuid.UUID,
    tenant_id: uuid.UUID,
    here: Callable[[Term], Awaitable[web.Response]],
) -> web.Response:
    """The answer of the shard that knows this order. NotFound only when every shard has said that it does not."""
    scope = Scope(engine, request, range(SHARDS))
    for term in scope.here.values():
        if term.state.find(order_id, tenant_id) is not None:
            return await here(term)
    for answer in await scope.ask_elsewhere():
        if answer.status != HTTPStatus.NOT_FOUND:
            return answer.response()
    waiting_at = await _term_with_waiting(scope, FindOrder(order_id, tenant_id))
    if waiting_at is not None:
        return await here(waiting_at)
    if scope.nowhere:
        raise scope.unavailable()
    raise NotFound("no such order")


async def ask(term: Term, message: Command | SetLease | Question, *, telling: EnvelopeDocument | None = None) -> Answer:
    """The answer after its commit, or EngineUnavailable: the outcome is not known yet, ask again.

    `telling`: an event that is committed with it.
    """
    answer = term.inbox.ask(message, telling=telling)
    deadline = asyncio.get_running_loop().call_later(ANSWER_TIMEOUT_S, _give_up, answer)
    try:
        return await answer
    finally:
        deadline.cancel()


async def committed(*terms: Term | None) -> None:
    """What was read of their state before is in the journal after this: nobody hears of it sooner. As `ask` raises."""
    await asyncio.gather(*(ask(term, _OF_NOTHING) for term in terms if term is not None))


def _give_up(answer: asyncio.Future[Answer]) -> None:
    if not answer.done():
        answer.set_exception(EngineUnavailable("the engine did not answer in time"))


async def _term_with_waiting(scope: Scope, question: FindOrder) -> Term | None:
    """Where the order still waited in an inbox. Asked behind everything there, the answer is true.

    Shards that give none in time, or are not ours any more when they do, are then nobody's.
    """
    asked = [ask(term, question) for term in scope.here.values()]
    for (shard, term), answer in zip(
        list(scope.here.items()), await asyncio.gather(*asked, return_exceptions=True), strict=True
    ):
        if isinstance(answer, bytes):
            return term
        if isinstance(answer, EngineUnavailable) or not term.is_ready:
            scope.nowhere.add(shard)
        elif answer is not None:
            raise AssertionError(f"{question} was answered with {answer}")
    return None
