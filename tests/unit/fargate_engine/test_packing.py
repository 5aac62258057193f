"""What fills the relay's calls: full ones, in order within a lane whatever is refused, and nothing after a failure."""

import asyncio
from collections.abc import Sequence

import pytest

from breakwater.errors import Unavailable
from fargate_engine import packing
from fargate_engine.packing import CALL_ENTRIES_MAX, Entry, Packer, Refused


def lanes(*lengths: int) -> list[list[Entry]]:
    return [
        [{"lane": str(lane), "place": str(place)} for place in range(length)] for lane, length in enumerate(lengths)
    ]


class Queue:
    """Takes all but what it is told to refuse, and notes what it took in each call."""

    def __init__(self) -> None:
        self.calls: list[list[Entry]] = []
        self.refuses: list[set[int]] = []  # Of each call to come.
        self.fails: set[int] = set()  # Calls, by their number.
        self.under_way = 0
        self.under_way_max = 0

    async def call(self, entries: Sequence[Entry]) -> set[int]:
        self.under_way += 1
        self.under_way_max = max(self.under_way_max, self.under_way)
        refused = self.refuses.pop(0) if self.refuses else set()
        number = len(self.calls)
        self.calls.append([entry for place, entry in enumerate(entries) if place not in refused])
        await asyncio.sleep(0)
        self.under_way -= 1
        if number in self.fails:
            raise Unavailable("the queue does not answer")
        return refused

    def places(self, lane: int) -> list[int]:
        return [int(entry["place"]) for call in self.calls for entry in call if entry["lane"] == str(lane)]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "REFUSED_RETRY_S", (0.0, 0.0, 0.0))


async def test_a_call_has_at_most_one_entry_of_a_lane_and_each_lane_keeps_its_order() -> None:
    queue = Queue()
    await Packer(queue.call, "queue", calls_max=3).send(lanes(*[7] * 25))
    assert all(len({entry["lane"] for entry in call}) == len(call) <= CALL_ENTRIES_MAX for call in queue.calls)
    assert all(queue.places(lane) == list(range(7)) for lane in range(25))
    assert queue.under_way_max == 3


async def test_a_long_lane_is_in_every_call_so_that_the_others_fill_its_calls() -> None:
    queue = Queue()
    await Packer(queue.call, "queue", calls_max=1).send(lanes(*[1] * 90, 10))
    assert len(queue.calls) == 10


async def test_senders_share_calls() -> None:
    queue = Queue()
    packer = Packer(queue.call, "queue", calls_max=1)
    first = asyncio.create_task(packer.send(lanes(3)))
    await asyncio.gather(first, *(packer.send(lanes(1)) for _ in range(9)))
    assert len(queue.calls) == 3


async def test_what_is_refused_is_tried_again_before_what_comes_after_it() -> None:
    queue = Queue()
    queue.refuses = [{0}, set(), {0, 1}]
    await Packer(queue.call, "queue", calls_max=2).send(lanes(4, 4))
    assert [queue.places(lane) for lane in (0, 1)] == [[0, 1, 2, 3]] * 2


async def test_what_is_refused_again_and_again_fails_its_sender_and_holds_the_rest_of_its_lane_back() -> None:
    queue = Queue()
    queue.refuses = [{0}] * 4
    with pytest.raises(Refused, match="the queue refused an event several times"):
        await Packer(queue.call, "queue", calls_max=1).send(lanes(2))
    assert queue.calls == [[], [], [], []]


async def test_a_call_that_fails_fails_those_whose_entries_it_had_and_nobody_else() -> None:
    queue = Queue()
    queue.fails = {0}
    packer = Packer(queue.call, "queue", calls_max=1)
    answers = await asyncio.gather(packer.send(lanes(*[2] * 10)), packer.send(lanes(2)), return_exceptions=True)
    assert isinstance(answers[0], Unavailable)
    assert answers[1] is None
    assert [len(call) for call in queue.calls] == [10, 1, 1]


async def test_nothing_of_a_sender_that_was_cancelled_leaves_any_more() -> None:
    queue = Queue()
    packer = Packer(queue.call, "queue", calls_max=1)
    sending = asyncio.create_task(packer.send(lanes(50)))
    while len(queue.calls) < 3:
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    sent = len(queue.calls)
    await packer.send(lanes(1))
    assert len(queue.calls) <= sent + 2  # One under way, and the other sender's.


async def test_a_defect_in_a_call_reaches_whoever_waits() -> None:
    async def broken(_entries: Sequence[Entry]) -> set[int]:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        await Packer(broken, "queue", calls_max=1).send(lanes(1))
