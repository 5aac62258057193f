"""Many orders of a symbol end at an exchange in one request in the place of one for each: a kill, as a rule.

Such a request names no order. It ends whatever the key has open in the symbol when it arrives, so it is sent only where
all of that is to end: every order that is followed here (a symbol is of one shard, and a shard of one engine), and
every order that the exchange lists, which may be of another program or of a hand. Where that is not so, or is not known
in time, each order is cancelled by itself. And no new order of the symbol is sent while the request may still arrive.

What becomes of each order is followed order by order, as after any other cancel.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from breakwater.errors import Rejection, Unavailable
from fargate_engine.venues.client_ids import order_id_of
from fargate_engine.venues.exchange_client import ExchangeClient
from fargate_engine.venues.followed import LOOK_PAUSE_S, Followed
from fargate_engine.venues.protocol import OrderAtVenue

_LOG = logging.getLogger(__name__)

ORDERS_MIN = 10  # For fewer the question what is open costs as much as it saves.
GATHER_S = 0.02  # The cancels of a kill come in several batches, as close to each other as these are committed.
GATHER_MAX_S = 0.3
DONE_WITHIN_S = 1.0  # From then on each order is cancelled by itself.
HELD_LOOK_S = 0.02


@dataclass(slots=True, eq=False)
class CancelAllSent:
    """`never_after` (monotonic): from then on it does not arrive. `orders` are those that it is to end."""

    orders: Sequence[Followed] = ()
    never_after: float = 0.0
    is_answered: bool = False

    def may_arrive(self, now: float) -> bool:
        """An answer alone says little: it may be that it was taken, and not that it was done."""
        is_done = self.is_answered and all(each.order.is_over for each in self.orders)
        return now < self.never_after and not is_done


class ExchangeCancelAll:
    """`followed` are the orders of a shard. `sent` outlives it, by symbol: also what the term before sent arrives.

    `may_send` is false once the shard is another engine's. A request is under way for `arrives_within_s` at most.
    """

    def __init__(
        self,
        client: ExchangeClient,
        followed: Mapping[uuid.UUID, Followed],
        sent: dict[str, CancelAllSent],
        may_send: Callable[[], bool],
        *,
        look_later: Callable[[Followed], None],
        arrives_within_s: Callable[[], float],
    ) -> None:
        self._client = client
        self._followed = followed
        self._sent = sent
        self._may_send = may_send
        self._look_later = look_later
        self._arrives_within_s = arrives_within_s
        self._under_way: set[str] = set()

    def take(self, order_ids: Iterable[uuid.UUID], symbol: str, tasks: asyncio.TaskGroup) -> None:
        """Want the end of those that are there, where they are many; those that it leaves are cancelled one by one.

        It leaves those of which something is being asked: a cancel of their own ends that.
        """
        followed = [self._followed[each] for each in order_ids if each in self._followed]
        there = [each for each in followed if each.may_cancel and each.look is None and not each.order.is_cancel_wanted]
        is_under_way = symbol in self._under_way
        if len(there) < ORDERS_MIN and not is_under_way:
            return
        for each in there:
            each.order.is_cancel_wanted = True
        if not is_under_way:
            self._under_way.add(symbol)
            tasks.create_task(self._run(symbol))

    def holds_back(self, symbol: str) -> bool:
        """Whether a new order would perhaps be ended by a request that was sent before it."""
        sent = self._sent.get(symbol)
        if sent is None:
            return False
        if sent.may_arrive(time.monotonic()):
            return True
        del self._sent[symbol]
        return False

    async def until_free(self, symbol: str, wait_max_s: float) -> None:
        """Or until so long has passed."""
        waits_until = time.monotonic() + wait_max_s
        while self.holds_back(symbol) and time.monotonic() < waits_until:
            await asyncio.sleep(HELD_LOOK_S)

    async def _run(self, symbol: str) -> None:
        """Once for all that are gathered. Whatever is open after it is cancelled by itself."""
        is_answered = False
        try:
            await self._gather(symbol)
            async with asyncio.timeout(DONE_WITHIN_S):
                is_answered = await self._end_all(symbol)
        except (TimeoutError, Rejection, Unavailable) as error:
            _LOG.warning("%s: orders of %s are cancelled one by one: %s", self._client.name, symbol, error)
        finally:
            self._under_way.discard(symbol)
        for followed in self._wanted(symbol):
            if is_answered:
                followed.pause_s = LOOK_PAUSE_S  # However long it was when the venue said nothing.
                self._look_later(followed)  # The private stream may tell in a moment.
            else:
                followed.wants_look.set()

    async def _gather(self, symbol: str) -> None:
        """Until no more come: these are not all perhaps."""
        began, count = time.monotonic(), -1
        while count < (count := len(self._wanted(symbol))) and time.monotonic() - began < GATHER_MAX_S:
            await asyncio.sleep(GATHER_S)

    async def _end_all(self, symbol: str) -> bool:
        """False where it was not asked for: something is to stay, or nobody can say."""
        if not self._are_all_to_end(symbol) or await self._lists_another(symbol):
            return False

        sent = CancelAllSent()

        def may_send() -> bool:
            """At the last moment before it is signed: what came meanwhile is seen, and nothing comes after it."""
            if not self._may_send() or not self._are_all_to_end(symbol):
                return False
            sent.orders, sent.never_after = self._wanted(symbol), time.monotonic() + self._arrives_within_s()
            self._sent[symbol] = sent
            return True

        try:
            words = await self._client.cancel_all(symbol, may_send)
        except Rejection:
            sent.is_answered = True
            raise
        sent.is_answered = True
        self._learn(words)
        return True

    def _are_all_to_end(self, symbol: str) -> bool:
        """Not while a replace is pending, which could bring another order, nor while an earlier request may arrive."""
        orders = [each.order for each in self._of(symbol)]
        are_all = all(order.is_cancel_wanted and order.replacing is None for order in orders)
        return are_all and not self.holds_back(symbol)

    async def _lists_another(self, symbol: str) -> bool:
        ours = {each.order.terms.order_id for each in self._of(symbol)}
        async for orders in self._client.open_before_cancel_all(symbol):
            if any(order_id_of(each.client_id) not in ours for each in orders):
                return True
        return False

    def _learn(self, words: Iterable[OrderAtVenue]) -> None:
        for word in words:
            order_id = order_id_of(word.client_id)
            followed = None if order_id is None else self._followed.get(order_id)
            if followed is not None:
                followed.take(followed.order.learn(word))

    def _of(self, symbol: str) -> list[Followed]:
        """Those that have not ended."""
        orders = self._followed.values()
        return [each for each in orders if each.order.terms.symbol == symbol and not each.order.is_over]

    def _wanted(self, symbol: str) -> list[Followed]:
        """Those that are there, as far as is known, and are to end."""
        return [each for each in self._of(symbol) if each.order.is_cancel_wanted and each.may_cancel]
