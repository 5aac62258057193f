"""One promise of the code broken at a time: the simulation has to notice each, and by which of its checks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from breakwater.db.portfolio import PortfolioRows
from fargate_engine import aws, relay
from fargate_engine.packing import Entry, Packer
from tests.conftest import fresh_database
from tests.simulation.delivery.hops import Message
from tests.simulation.delivery.processes import Consumer, RelayProcess
from tests.simulation.delivery.world import World

SEEDS = range(40)


@pytest.fixture
def world(postgres_server: str) -> Iterator[World]:
    with fresh_database(postgres_server) as urls:
        world = World(urls)
        yield world
        world.close()


def _an_account_has_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event leaves when it can."""
    by_account = relay._by_account
    monkeypatch.setattr(relay, "_by_account", lambda *told: [[entry] for lane in by_account(*told) for entry in lane])


def _refused_entries_are_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused is tried again, and what comes after it goes on meanwhile."""
    go_on = Packer._go_on

    def try_again(self: Packer, lane: object) -> None:
        refused: Entry = lane.entries[0]  # type: ignore[attr-defined]  # It is private, as the rest of it.
        lane.entries.append(refused)  # type: ignore[attr-defined]
        go_on(self, lane)  # type: ignore[arg-type]

    monkeypatch.setattr(Packer, "_try_again", try_again)


def _it_is_forgotten_before_it_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = RelayProcess.wire

    def wire_wrongly(self: RelayProcess, patches: pytest.MonkeyPatch) -> None:
        wire(self, patches)
        take, forget = relay.take_due, relay.forget  # type: ignore[attr-defined]  # As they are wired.

        async def take_and_forget(*asked: Any) -> Any:
            due = await take(*asked)
            await forget(asked[0], [event.outbox_id for event in due])
            return due

        patches.setattr(relay, "take_due", take_and_forget)

    monkeypatch.setattr(RelayProcess, "wire", wire_wrongly)


def _refusals_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(self: relay.Relay, entries: list[Entry]) -> list[int]:
        numbered = [{**entry, "Id": str(number)} for number, entry in enumerate(entries)]
        await aws.call(self._sqs.send_message_batch, QueueUrl=self._queue_url, Entries=numbered)
        return []

    monkeypatch.setattr(relay.Relay, "_send_to_queue", send)


def _refusals_of_the_bus_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    async def put(self: relay.Relay, entries: list[Entry]) -> list[int]:
        await aws.call(self._eventbridge.put_events, Entries=list(entries))
        return []

    monkeypatch.setattr(relay.Relay, "_put_on_bus", put)


def _there_is_no_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    first_time = PortfolioRows.first_time
    monkeypatch.setattr(PortfolioRows, "first_time", lambda *told: first_time(*told) or True)


def _messages_are_deleted_before_they_are_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    receive = Consumer.receive

    def receive_and_delete(self: Consumer) -> list[Message]:
        messages = receive(self)
        self.queue.delete(messages)
        return messages

    monkeypatch.setattr(Consumer, "receive", receive_and_delete)
    monkeypatch.setattr(Consumer, "delete", lambda _self, _messages: None)


@pytest.mark.timeout(300)  # Seconds, where nobody else needs the machine.
@pytest.mark.parametrize(
    ("break_it", "noticed"),
    [
        (_an_account_has_no_order, "queue: the events of account"),
        (_refused_entries_are_overtaken, "queue: the events of account"),
        (_it_is_forgotten_before_it_is_published, "queue: the events of account"),
        (_refusals_are_not_looked_at, "queue: the events of account"),
        (_refusals_of_the_bus_are_not_looked_at, "hooks: "),
        (_there_is_no_inbox, "hooks: "),
        (_messages_are_deleted_before_they_are_processed, "projections: the events of account"),
    ],
)
def test_what_is_broken_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], None], noticed: str
) -> None:
    break_it(monkeypatch)
    found: list[str] = []
    for seed in SEEDS:
        found += world.play(seed)[0]
        if any(problem.startswith(noticed) for problem in found):
            return
    pytest.fail(f"it noticed only {found}")
