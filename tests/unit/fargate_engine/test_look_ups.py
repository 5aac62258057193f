"""Keys that somebody invents are asked for seldom, and few at once."""

import asyncio

import pytest

from breakwater.errors import DatabaseUnavailable, Unavailable
from fargate_engine import look_ups
from fargate_engine.look_ups import LookUps


class Slow:
    """Answers what it knows, when it is let."""

    def __init__(self, **known: int) -> None:
        self.known = known
        self.asked: list[str] = []
        self.at_once = 0
        self.at_once_most = 0
        self.may_answer = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, key: str) -> int | None:
        self.asked.append(key)
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        await self.may_answer.wait()
        self.at_once -= 1
        if self.failure is not None:
            raise self.failure
        return self.known.get(key)


async def test_all_who_ask_for_a_key_at_once_share_one_look_up_and_later_ones_ask_anew() -> None:
    slow = Slow(known=7)
    keys = LookUps(slow)
    asking = [asyncio.create_task(keys.find("known")) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()  # The others still get their answer.
    slow.may_answer.set()
    assert (await asyncio.gather(*asking[1:]), slow.asked) == ([7] * 19, ["known"])
    assert (await keys.find("known"), slow.asked) == (7, ["known"] * 2)


async def test_an_unknown_key_is_not_asked_for_again_before_some_seconds_and_no_more_are_remembered_than_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(look_ups, "UNKNOWN_MAX", 2)
    slow, now_s = Slow(), 0.0
    slow.may_answer.set()
    keys = LookUps(slow, clock=lambda: now_s)
    for key in ("a", "a", "b", "a"):
        assert await keys.find(key) is None
    assert slow.asked == ["a", "b"]
    slow.known["a"] = 1
    now_s = look_ups.UNKNOWN_S
    assert (await keys.find("a"), slow.asked) == (1, ["a", "b", "a"])
    for key in ("c", "d", "c", "d", "b"):
        assert await keys.find(key) is None
    assert slow.asked == ["a", "b", "a", "c", "d", "b"]


async def test_invented_keys_are_looked_up_few_at_once_and_the_rest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_ups, "WAITING_MAX", 4)
    monkeypatch.setattr(look_ups, "WAIT_S", 0.05)
    slow = Slow()
    keys = LookUps(slow)
    room = look_ups.LOOK_UPS_MAX + 4
    asking = [asyncio.create_task(keys.find(str(number))) for number in range(room)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many"):
        await keys.find("one more")
    await asyncio.wait(asking[look_ups.LOOK_UPS_MAX :], timeout=5)  # Those that waited for a place have given up.
    slow.may_answer.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert (answers[: look_ups.LOOK_UPS_MAX], slow.at_once_most) == ([None] * 8, look_ups.LOOK_UPS_MAX)
    assert [type(answer) for answer in answers[look_ups.LOOK_UPS_MAX :]] == [Unavailable] * 4
    assert await keys.find("one more") is None  # There is room again.


async def test_a_look_up_that_failed_is_not_taken_for_an_unknown_key() -> None:
    slow = Slow(known=7)
    slow.may_answer.set()
    keys = LookUps(slow)
    slow.failure = DatabaseUnavailable("the database did not answer in time")
    with pytest.raises(DatabaseUnavailable):
        await keys.find("known")
    slow.failure = None
    assert await keys.find("known") == 7
