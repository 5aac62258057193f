"""`breakwater journal`: check the engine's journal by replaying it, or print it for people.

Exit code 0: all right. 1: the journal cannot be had. 2: a row is damaged; its shard and number are named.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg.conninfo import conninfo_to_dict

from breakwater.db.engine_connection import EnginePool, engine_connection, engine_pool, pooled
from breakwater.db.journal import DamagedJournal, Journal
from breakwater.db.shard_leases import read_leases
from breakwater.domain.shards import SHARDS
from breakwater.errors import DatabaseUnavailable
from fargate_engine.journal_lines import CommandLine, command_lines
from fargate_engine.shard_state import ShardState

journal_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The engine's journal: check it, read it.",
)

DatabaseUrl = Annotated[
    str | None,
    typer.Option(envvar="DATABASE_URL", show_envvar=True, help="By default that of the local run in this folder."),
]
Shard = Annotated[int | None, typer.Option(min=0, max=SHARDS - 1, help="Only this shard.")]

EXIT_UNAVAILABLE = 1
EXIT_DAMAGED = 2
CONNECT_TIMEOUT_S = 5


class Verdict(StrEnum):
    ALL_RIGHT = "all_right"
    EMPTY = "empty"
    DAMAGED = "damaged"


@dataclass(slots=True)
class Verified:
    """What was read of one shard: all of it, or what comes before the damage."""

    shard: int
    verdict: Verdict = Verdict.EMPTY
    rows: int = 0
    commands: int = 0
    last_seq: int = 0
    state_hashes: int = 0  # Those in the journal that agree.
    state: str = ""  # The hash that it ends in, as 16 hex digits; empty unless all is right.
    seconds: float = 0.0
    problem: str | None = None

    def as_text(self) -> str:
        if self.verdict is Verdict.DAMAGED:
            return f"DAMAGED: {self.problem}"
        if self.verdict is Verdict.EMPTY:
            return f"shard {self.shard}: empty"
        agree = "agrees" if self.state_hashes == 1 else "agree"
        return (
            f"shard {self.shard}: {_counted(self.commands, 'command')} in {_counted(self.rows, 'row')}, all right; "
            f"{_counted(self.state_hashes, 'state hash', 'state hashes')} {agree}; "
            f"it ends in state {self.state} ({self.seconds:.1f} s)"
        )


@journal_app.command("verify")
def verify(
    shard: Shard = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Replay the journal and compare: every digest, every event number, every state hash, and its end."""

    async def verify_all(pool: EnginePool) -> None:
        verified: list[Verified] = []
        async with pooled(pool) as connection:
            leases = await read_leases(connection)  # Before the journals, which an engine may be writing.
        for number in _shards(shard):
            verified.append(await _verify(Journal(pool, number), leases[number].last_seq))
            is_told = shard is not None or verified[-1].verdict is not Verdict.EMPTY
            if is_told and not as_json:
                typer.echo(verified[-1].as_text(), err=verified[-1].verdict is Verdict.DAMAGED)
        damaged = any(each.verdict is Verdict.DAMAGED for each in verified)
        if as_json:
            typer.echo(json.dumps({"all_right": not damaged, "shards": [asdict(each) for each in verified]}, indent=2))
        elif shard is None:
            _tell_empty(sum(each.verdict is Verdict.EMPTY for each in verified))
        if damaged:
            raise typer.Exit(EXIT_DAMAGED)

    _run(verify_all, database_url)


@journal_app.command("show")
def show(
    first_seq: Annotated[int, typer.Option("--from", min=1, help="Begin with this command of each shard.")] = 1,
    limit: Annotated[int, typer.Option(min=1, help="At most so many commands of each shard.")] = 100,
    shard: Shard = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON document a line.")] = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Every command with its number and time, and what came of it.

    `#17` is the order that command 17 submitted, `r5` one that came as a record. Replayed from the beginning to tell.
    Shards with nothing to show are told on stderr.
    """

    async def show_all(pool: EnginePool) -> None:
        empty = 0
        for number in _shards(shard):
            shown = 0
            journal = Journal(pool, number)
            async with aclosing(_lines(journal, first_seq)) as lines:
                async for line in lines:
                    typer.echo(json.dumps(line.as_json()) if as_json else line.as_text())
                    shown += 1
                    if shown == limit:
                        break
            if shard is not None and not journal.last_seq:
                typer.echo(f"shard {number}: empty", err=True)
            elif not shown and journal.last_seq:
                typer.echo(f"nothing from {first_seq} on: shard {number} ends with {journal.last_seq}", err=True)
            empty += not journal.last_seq
        if shard is None:
            _tell_empty(empty, err=True)

    _run(show_all, database_url)


async def _verify(journal: Journal, written_seq: int) -> Verified:
    state = ShardState(journal.shard)
    verified = Verified(journal.shard)
    began_at = time.perf_counter()
    try:
        async for row in journal.read():
            state.replay(row)
            verified.rows += 1
            verified.state_hashes += row.state_hash is not None
            verified.last_seq = verified.commands = row.last_seq
        journal.check_end(written_seq)
    except DamagedJournal as error:
        verified.verdict, verified.problem = Verdict.DAMAGED, str(error)
    else:
        if verified.rows:
            verified.verdict, verified.state = Verdict.ALL_RIGHT, f"{state.state_hash():016x}"
    verified.seconds = round(time.perf_counter() - began_at, 3)
    return verified


async def _lines(journal: Journal, first_seq: int) -> AsyncGenerator[CommandLine]:
    state = ShardState(journal.shard)
    async with aclosing(journal.read()) as rows:
        async for row in rows:
            events = state.replay(row)
            if row.last_seq >= first_seq:
                for line in command_lines(row, events, state.registry):
                    if line.seq >= first_seq:
                        yield line


def _shards(chosen: int | None) -> range:
    return range(SHARDS) if chosen is None else range(chosen, chosen + 1)


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _tell_empty(shards: int, *, err: bool = False) -> None:
    if shards:
        typer.echo(f"{_counted(shards, 'shard')} {'is' if shards == 1 else 'are'} empty", err=err)


def _run(command: Callable[[EnginePool], Coroutine[None, None, None]], database_url: str | None) -> None:
    async def run() -> None:
        conninfo = _understood(database_url or _local_database_url())
        await _connect_once(conninfo)
        async with engine_pool(conninfo) as pool:
            await command(pool)

    try:
        asyncio.run(run())
    except DamagedJournal as error:
        typer.echo(f"DAMAGED: {error}", err=True)
        raise typer.Exit(EXIT_DAMAGED) from error
    except DatabaseUnavailable as error:
        raise _unavailable(error.message) from error
    except psycopg.ProgrammingError as error:
        raise _unavailable(f"that database has no journal of this version: {error.diag.message_primary}") from error


def _unavailable(problem: str) -> typer.Exit:
    typer.echo(f"error: {problem}", err=True)
    return typer.Exit(EXIT_UNAVAILABLE)


def _understood(database_url: str) -> str:
    """It may hold a password, so it is not said again."""
    try:
        conninfo_to_dict(database_url)
    except psycopg.ProgrammingError as error:
        raise _unavailable("the database URL is not like postgresql://user:password@host:5432/name") from error
    return database_url


async def _connect_once(conninfo: str) -> None:
    """Says in one line why the database cannot be had; a pool would try on, and log each of its attempts."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S), engine_connection(conninfo):
            pass
    except TimeoutError as error:
        raise _unavailable(f"no database answers there within {CONNECT_TIMEOUT_S} s") from error
    except DatabaseUnavailable as error:
        reason = str(error.__cause__).partition("\n")[0].removeprefix("connection failed: ")
        raise _unavailable(f"no connection to the database: {reason or error.message}") from error
    except UnicodeError as error:  # Of an impossible host name.
        raise _unavailable("the host in the database URL is no host name") from error


def _local_database_url() -> str:
    """Of the platform that `make up` started in this folder."""
    path = Path(os.environ.get("BREAKWATER_LOCAL_DIR", ".local")) / "endpoints.json"
    try:
        url: str = json.loads(path.read_text())["database_url"]
    except (OSError, ValueError, KeyError) as error:
        raise _unavailable(f"no platform runs here, since {path} does not say where: give --database-url") from error
    return url
