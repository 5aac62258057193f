"""The inbox: bounded, reports first, and never silent when it closes."""

import asyncio
import uuid

import pytest

from breakwater.errors import EngineUnavailable
from fargate_engine.inbox import COMMANDS_MAX, EngineBusy, FindOrder, Inbox
from fargate_engine.messages import VenueAccepted
from fargate_engine.records import RECORDS_MAX
from tests.unit.fargate_engine.orders import TENANT, submit
from tests.unit.fargate_engine.record_batches import BUY, limit_orders


@pytest.fixture
def inbox() -> Inbox:
    inbox = Inbox()
    inbox.open()
    return inbox


async def test_a_full_inbox_refuses_at_once(inbox: Inbox) -> None:
    order = submit(1)
    for _ in range(COMMANDS_MAX):
        inbox.ask(order)
    with pytest.raises(EngineBusy) as refused:
        inbox.ask(order)
    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (503, "ENGINE_BUSY", 1)


async def test_the_bound_counts_commands_not_batches_of_them(inbox: Inbox) -> None:
    for _ in range(COMMANDS_MAX // RECORDS_MAX):
        inbox.submit_records(limit_orders([(n, BUY, 100) for n in range(RECORDS_MAX)]))
    assert inbox.depth == COMMANDS_MAX
    with pytest.raises(EngineBusy):
        inbox.submit_records(limit_orders([(1, BUY, 100)]))
    await inbox.next_batch()
    assert inbox.depth == COMMANDS_MAX - RECORDS_MAX
    inbox.submit_records(limit_orders([(1, BUY, 100)]))


@pytest.mark.parametrize(
    ("asked", "reported", "sizes"),
    [
        (0, 300, [(256, 0), (44, 0)]),
        (10, 300, [(246, 10), (54, 0)]),
        (300, 0, [(0, 256), (0, 44)]),
        (300, 300, [(64, 192), (148, 108)]),
    ],
)
async def test_a_batch_has_an_end_and_neither_reports_nor_commands_keep_back_the_others(
    inbox: Inbox, asked: int, reported: int, sizes: list[tuple[int, int]]
) -> None:
    for number in range(asked):
        inbox.ask(submit(number))
    for number in range(reported):
        inbox.report(VenueAccepted(order_id=uuid.UUID(int=number)))
    batches = [await inbox.next_batch() for _ in sizes]
    assert [(len(batch.reports), len(batch.asked)) for batch in batches] == sizes


async def test_reports_stand_before_commands_in_their_batch(inbox: Inbox) -> None:
    inbox.ask(submit(1))
    inbox.report(VenueAccepted(order_id=uuid.UUID(int=9)))
    assert (await inbox.next_batch()).inputs == [VenueAccepted(order_id=uuid.UUID(int=9)), submit(1)]


@pytest.mark.parametrize(("before", "sizes"), [(1, [1, 1]), (2, [2])])
async def test_after_a_batch_of_many_those_who_come_a_moment_later_are_in_it_too(
    inbox: Inbox, before: int, sizes: list[int]
) -> None:
    for number in range(before):
        inbox.ask(submit(number))
    await inbox.next_batch()
    waiting = asyncio.create_task(inbox.next_batch())
    await asyncio.sleep(0)
    inbox.ask(submit(7))
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: loop.call_soon(inbox.ask, submit(8)))
    batches = [await waiting]
    while sum(len(batch.asked) for batch in batches) < 2:
        batches.append(await asyncio.wait_for(inbox.next_batch(), 1))
    assert [len(batch.asked) for batch in batches] == sizes


async def test_a_batch_of_records_is_taken_whole_and_in_its_turn(inbox: Inbox) -> None:
    inbox.ask(submit(1))
    inbox.submit_records(limit_orders([(n, BUY, 100) for n in range(RECORDS_MAX)]))
    inbox.ask(submit(2))
    batches = [(await inbox.next_batch()).inputs for _ in range(3)]
    assert [len(inputs) for inputs in batches] == [1, 1, 1]
    assert (batches[0][0], batches[2][0]) == (submit(1), submit(2))


async def test_questions_are_asked_and_are_no_input(inbox: Inbox) -> None:
    inbox.ask(FindOrder(uuid.UUID(int=1), TENANT))
    batch = await inbox.next_batch()
    assert (len(batch.asked), batch.inputs) == (1, [])


async def test_an_inbox_that_stops_taking_still_gives_what_waits_and_then_nothing(inbox: Inbox) -> None:
    inbox.ask(submit(1))
    inbox.report(VenueAccepted(order_id=uuid.UUID(int=1)))
    inbox.stop_taking()
    with pytest.raises(EngineUnavailable):
        inbox.ask(submit(2))
    assert not inbox.is_drained
    assert len((await inbox.next_batch()).inputs) == 2
    assert inbox.is_drained
    assert (await asyncio.wait_for(inbox.next_batch(), 1)).inputs == []


async def test_stopping_wakes_whoever_waits_for_a_batch(inbox: Inbox) -> None:
    waiting = asyncio.create_task(inbox.next_batch())
    await asyncio.sleep(0)
    inbox.stop_taking()
    assert (await asyncio.wait_for(waiting, 1)).inputs == []


async def test_closing_tells_everyone_who_waits_that_the_outcome_is_unknown(inbox: Inbox) -> None:
    answer = inbox.ask(submit(1))
    inbox.close()
    with pytest.raises(EngineUnavailable):
        await answer
    with pytest.raises(EngineUnavailable):
        inbox.ask(submit(2))


async def test_an_inbox_is_closed_until_it_is_opened() -> None:
    with pytest.raises(EngineUnavailable):
        Inbox().ask(submit(1))
