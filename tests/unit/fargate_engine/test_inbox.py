"""The inbox: bounded, reports first, and never silent when it closes."""

import uuid

import pytest

from breakwater.errors import EngineUnavailable
from fargate_engine.inbox import BATCH_SIZE_MAX, COMMANDS_MAX, EngineBusy, Inbox
from fargate_engine.messages import VenueAccepted
from tests.unit.fargate_engine.orders import submit


@pytest.fixture
def inbox() -> Inbox:
    inbox = Inbox()
    inbox.open()
    return inbox


async def test_a_full_inbox_refuses_at_once(inbox: Inbox) -> None:
    for number in range(COMMANDS_MAX):
        inbox.ask(submit(number))
    with pytest.raises(EngineBusy) as refused:
        inbox.ask(submit(COMMANDS_MAX))
    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (503, "ENGINE_BUSY", 1)


async def test_reports_go_before_commands_and_a_batch_has_an_end(inbox: Inbox) -> None:
    for number in range(BATCH_SIZE_MAX):
        inbox.ask(submit(number))
        inbox.report(VenueAccepted(order_id=uuid.UUID(int=number)))
    reports, asked = await inbox.next_batch()
    assert (len(reports), len(asked)) == (BATCH_SIZE_MAX, 0)
    reports, asked = await inbox.next_batch()
    assert (len(reports), len(asked)) == (0, BATCH_SIZE_MAX)


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
