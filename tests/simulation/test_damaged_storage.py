"""Journal rows that were torn and snapshots that are not true: found, named, and never lived from."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from breakwater.db.journal import DamagedJournal, JournalRow
from fargate_engine.shard import ShardStatus
from fargate_engine.shard_state import BadSnapshot, ShardState
from fargate_engine.snapshots import DIGEST_BYTES
from tests.support.engine_scenario import play
from tests.support.engine_traffic import replayed
from tests.support.mortal_engine import SHARD, World, simulate
from tests.support.virtual_time import Clock

TORN = 60  # Ways at random, of any row.


def flipped(content: bytes, at: int, mask: int = 1) -> bytes:
    return content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]


def flipped_text(text: str, at: int) -> str:
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


DAMAGES: dict[str, Callable[[JournalRow], JournalRow]] = {
    "a bit of the first command": lambda row: replace(row, commands=flipped(row.commands, 24)),
    "a bit of the last byte": lambda row: replace(row, commands=flipped(row.commands, len(row.commands) - 1)),
    "half a command lost": lambda row: replace(row, commands=row.commands[:-64]),
    "a command lost": lambda row: replace(row, commands=row.commands[:-128]),
    "a command more": lambda row: replace(row, commands=row.commands + bytes(128)),
    "no commands": lambda row: replace(row, commands=b""),
    "details cut": lambda row: replace(row, details=row.details[:-1] or "["),
    "details changed": lambda row: replace(row, details=flipped_text(row.details or "@", 0)),
    "another digest": lambda row: replace(row, digest=flipped(row.digest, 0)),
    "half a digest": lambda row: replace(row, digest=row.digest[:16]),
    "no digest": lambda row: replace(row, digest=b""),
    "another time": lambda row: replace(row, recorded_at_ns=row.recorded_at_ns + 1),
    "another epoch": lambda row: replace(row, epoch=row.epoch + 1),
    "another last event": lambda row: replace(row, event_seq=row.event_seq + 1),
    "another end": lambda row: replace(row, last_seq=row.last_seq + 1),
    "another state": lambda row: replace(row, state_hash=(row.state_hash or 0) ^ 1),
    "a state that was not written, or none": lambda row: replace(row, state_hash=None if row.state_hash else 0),
}


@pytest.fixture(scope="module")
def written() -> World:
    """A run without trouble: its journal and its snapshots are there to be damaged."""

    async def peace(_: World) -> None:
        await asyncio.sleep(3)

    world = play(peace, 7).world
    assert len(world.database.journal(SHARD)) > 20
    assert len(world.objects) >= 3
    return world


@pytest.fixture
def world(written: World) -> Iterator[World]:
    """The same, and whole again afterwards."""
    rows = list(written.database.journal(SHARD))

    yield written
    written.database.rows[SHARD] = rows


def recovered(world: World, objects: Mapping[str, bytes] | None = None) -> ShardState:
    found: list[ShardState] = []

    async def recover(_: Clock) -> None:
        found.append(await replayed(world, objects))

    simulate(recover)
    return found[0]


def places(world: World) -> list[int]:
    """The first row, the last, one with details and one without, one with a state hash and one without."""
    rows = world.database.journal(SHARD)
    found = {0, len(rows) - 1}
    for wanted in (bool, lambda value: not value):
        found.add(next(at for at, row in enumerate(rows) if at > 5 and wanted(row.details)))
        found.add(next(at for at, row in enumerate(rows) if at > 8 and wanted(row.state_hash)))
    return sorted(found)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_named_wherever_it_stands(damage: str, world: World) -> None:
    rows = world.database.journal(SHARD)
    for at in places(world):
        whole, rows[at] = rows[at], DAMAGES[damage](rows[at])
        with pytest.raises(DamagedJournal) as found:
            recovered(world)
        assert (found.value.shard, found.value.seq) == (SHARD, whole.seq)
        rows[at] = whole


def test_a_row_torn_in_any_byte_is_named(world: World) -> None:
    chance = random.Random(11)  # noqa: S311 - a simulation, repeatable
    rows = world.database.journal(SHARD)
    for _ in range(TORN):
        at = chance.randrange(len(rows))
        whole = rows[at]
        torn_at, mask = chance.randrange(len(whole.commands)), chance.randrange(1, 256)
        rows[at] = replace(whole, commands=flipped(whole.commands, torn_at, mask))
        with pytest.raises(DamagedJournal, match=f"journal of shard {SHARD}, row {whole.seq}: "):
            recovered(world)
        rows[at] = whole


def test_a_missing_row_is_named_by_the_one_after_it(world: World) -> None:
    rows = world.database.journal(SHARD)
    for at in places(world)[:-1]:
        lost = rows.pop(at)
        with pytest.raises(DamagedJournal, match=f"row {rows[at].seq}: it follows {lost.seq - 1}: "):
            recovered(world)
        rows.insert(at, lost)


def test_rows_of_another_journal_are_not_taken_for_ones_of_this(world: World) -> None:
    rows = world.database.journal(SHARD)
    previous = rows[4].digest
    # Every word in it is right, and its digest is one: it only was written after another row.
    rows[5] = rows[5].sealed(flipped(previous, 3))
    with pytest.raises(DamagedJournal, match=f"row {rows[5].seq}: its digest does not fit"):
        recovered(world)


def test_a_shard_with_a_damaged_row_is_not_served_until_that_is_mended(world: World) -> None:
    rows = world.database.journal(SHARD)
    whole, rows[9] = rows[9], DAMAGES["a bit of the first command"](rows[9])

    async def live(clock: Clock) -> None:
        reborn = World(clock, 0)
        reborn.database.rows[SHARD] = rows
        reborn.hashes = world.hashes
        life = reborn.start()
        await asyncio.sleep(20)
        assert life.shard.status is ShardStatus.BROKEN
        assert life.shard.failure is not None
        assert f"row {whole.seq}: " in life.shard.failure
        assert not reborn.database.leases
        rows[9] = whole
        assert await reborn.leading() is life
        await reborn.end()

    simulate(live)


@pytest.mark.parametrize("spoil", ["truncated", "flipped"])
def test_no_part_of_a_snapshot_can_be_spoilt_unseen(spoil: str, world: World) -> None:
    key = max(world.objects)
    whole = world.objects[key]
    expected = recovered(world).state_hash()
    chance = random.Random(5)  # noqa: S311 - a simulation, repeatable
    for at in [0, 1, DIGEST_BYTES, DIGEST_BYTES + 1, len(whole) - 1, *chance.sample(range(len(whole)), TORN)]:
        spoilt = whole[:at] if spoil == "truncated" else flipped(whole, at, 1 << chance.randrange(8))
        if at > DIGEST_BYTES or spoil == "truncated":
            with pytest.raises(BadSnapshot):
                ShardState.restore(spoilt[DIGEST_BYTES:], shard=SHARD)
        assert recovered(world, {key: spoilt}).state_hash() == expected


SPOILT: dict[str, Callable[[World, bytes], bytes]] = {
    "truncated": lambda _, newest: newest[: len(newest) // 2],
    "empty": lambda _, __: b"",
    "damaged": lambda _, newest: flipped(newest, len(newest) // 2),
    "of another journal row": lambda _, newest: flipped(newest, 0),
    "of another shard": lambda _, newest: newest[:DIGEST_BYTES] + ShardState(SHARD + 1).snapshot(),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_snapshot_that_is_not_true_gives_way_to_the_one_before(
    spoil: str, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = recovered(world).state_hash()
    before, newest = sorted(world.objects)[-2:]
    objects = {before: world.objects[before], newest: SPOILT[spoil](world, world.objects[newest])}
    started_from = rows_replayed(monkeypatch)
    assert recovered(world, objects).state_hash() == expected
    assert f"snapshot {newest} is not used" in caplog.text
    assert started_from[0] == int(before.rpartition("/")[2].partition(".")[0]) + 1


def rows_replayed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first number of every row that is replayed from now on."""
    numbers: list[int] = []
    real = ShardState.replay

    def replay(state: ShardState, row: JournalRow) -> Any:
        numbers.append(row.seq)
        return real(state, row)

    monkeypatch.setattr(ShardState, "replay", replay)
    return numbers


def test_snapshots_of_another_chain_or_beyond_the_journal_are_not_used(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def peace(_: World) -> None:
        await asyncio.sleep(3)

    other = play(peace, 8).world
    rows = world.database.journal(SHARD)
    # The journal ends before the newest snapshot: its last rows were lost with the disk.
    newest = int(max(world.objects).rpartition("/")[2].partition(".")[0])
    world.database.rows[SHARD] = [row for row in rows if row.last_seq < newest]
    expected = recovered(world).state_hash()
    assert recovered(world, world.objects).state_hash() == expected
    assert f"the journal has no row that ends with {newest}" in caplog.text
    assert recovered(world, other.objects).state_hash() == expected
    assert caplog.text.count("is not used") > len(other.objects)


def test_without_any_snapshot_that_is_true_the_whole_journal_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = recovered(world).state_hash()
    started_from = rows_replayed(monkeypatch)
    assert recovered(world, dict.fromkeys(world.objects, b"?")).state_hash() == expected
    assert started_from[0] == 1
