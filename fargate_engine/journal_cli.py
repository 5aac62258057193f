"""`breakwater journal`: check the engine's journal by replaying it, or print it for people.

Exit code 0: all right. 1: the journal cannot be had. 2: a row is damaged; its shard and number are named.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from breakwater.db.engine_connection import EnginePool, engine_pool
from breakwater.db.journal import DamagedJournal, Journal
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


@journal_app.command("verify")
def verify(shard: Shard = None, database_url: DatabaseUrl = None) -> None:
    """Replay the journal and compare: every digest, every event number, every state hash."""

    async def verify_all(pool: EnginePool) -> None:
        damaged = False
        for number in _shards(shard):
            try:
                await _verify(Journal(pool, number))
            except DamagedJournal as error:
                damaged = True
                typer.echo(f"DAMAGED: {error}", err=True)
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
    """

    async def show_all(pool: EnginePool) -> None:
        for number in _shards(shard):
            shown = 0
            async with aclosing(_lines(Journal(pool, number), first_seq)) as lines:
                async for line in lines:
                    typer.echo(json.dumps(line.as_json()) if as_json else line.as_text())
                    shown += 1
                    if shown == limit:
                        break

    _run(show_all, database_url)


async def _verify(journal: Journal) -> None:
    state = ShardState(journal.shard)
    began_at = time.perf_counter()
    rows = hashes = 0
    async for row in journal.read():
        state.replay(row)
        rows += 1
        hashes += row.state_hash is not None
    if rows:
        seconds = time.perf_counter() - began_at
        typer.echo(
            f"shard {journal.shard}: {state.last_seq:,} commands in {rows:,} rows, all right; "
            f"{hashes:,} state hashes agree; it ends in state {state.state_hash():016x} ({seconds:.1f} s)"
        )


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


def _run(command: Callable[[EnginePool], Coroutine[None, None, None]], database_url: str | None) -> None:
    async def run() -> None:
        async with engine_pool(database_url or _local_database_url()) as pool:
            await command(pool)

    try:
        asyncio.run(run())
    except DamagedJournal as error:
        typer.echo(f"DAMAGED: {error}", err=True)
        raise typer.Exit(EXIT_DAMAGED) from error
    except DatabaseUnavailable as error:
        typer.echo(f"error: {error.message}", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from error
    except psycopg.ProgrammingError as error:
        typer.echo(f"error: that database has no journal of this version: {error.diag.message_primary}", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from error


def _local_database_url() -> str:
    """Of the platform that `make up` started in this folder."""
    path = Path(os.environ.get("BREAKWATER_LOCAL_DIR", ".local")) / "endpoints.json"
    try:
        url: str = json.loads(path.read_text())["database_url"]
    except (OSError, ValueError, KeyError) as error:
        typer.echo(f"error: no platform runs here, since {path} does not say where: give --database-url", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from error
    return url
