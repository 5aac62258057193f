"""`breakwater journal` over a real journal in Postgres."""

import asyncio
import json
import re
import socket
import time
import uuid
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from breakwater.db import shard_leases
from breakwater.db.engine_connection import engine_pool
from breakwater.db.journal import Journal, JournalRow
from breakwater.domain.orders import Side
from fargate_engine.journal_cli import journal_app
from fargate_engine.messages import CancelOrder
from tests.conftest import DatabaseUrls
from tests.unit.fargate_engine.driven import Driven
from tests.unit.fargate_engine.orders import TENANT, submit
from tests.unit.fargate_engine.record_batches import SELL, limit_orders


def journalled() -> Driven:
    """1 the listing, 2 the account, 3 and 4 orders, 5 to 7 records of which the first trades with 4, 8 a cancel,
    9 a refusal, 10 the hash."""
    driven = Driven()
    driven.apply(submit(1, quantity=Decimal("0.5")), submit(2, price=Decimal("2000.50")))
    driven.apply(limit_orders([(1, SELL, 200_050), (2, SELL, 300_000), (3, SELL, 300_001)]))
    driven.apply(CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT))
    driven.apply(submit(3, side=Side.SELL, account_id=uuid.UUID(int=3), venue="MOON"))
    driven.checkpoint()
    return driven


async def write(conninfo: str, rows: Sequence[JournalRow]) -> None:
    async with engine_pool(conninfo) as pool:
        await shard_leases.acquire(pool, 0, holder="a", address="", own_epoch=0)
        journal = Journal(pool, 0, epoch=1)
        for row in rows:
            await journal.append(row, [])


@pytest.fixture
async def journal_url(database_urls: DatabaseUrls) -> str:
    await write(database_urls.engine, journalled().rows)
    return database_urls.engine


def run(*arguments: str) -> Result:
    return CliRunner().invoke(journal_app, arguments)


def test_verify_replays_and_says_what_agreed(journal_url: str) -> None:
    result = run("verify", "--database-url", journal_url)
    assert result.exit_code == 0
    assert result.stdout.startswith("shard 0: 10 commands in 6 rows, all right; ")
    assert f"{journalled().state.state_hash():016x}" in result.stdout
    assert result.stdout.splitlines()[1:] == ["15 shards are empty"]
    assert run("verify", "--shard", "5", "--database-url", journal_url).stdout == "shard 5: empty\n"


async def test_one_of_a_kind_is_told_in_the_singular(database_urls: DatabaseUrls) -> None:
    await write(database_urls.engine, Driven().rows)
    result = await asyncio.to_thread(run, "verify", "--database-url", database_urls.engine)
    assert result.stdout.startswith("shard 0: 1 command in 1 row, all right; 1 state hash agrees; ")


def test_verify_speaks_json_to_programs(journal_url: str, database_urls: DatabaseUrls) -> None:
    told = json.loads(run("verify", "--json", "--database-url", journal_url).stdout)
    first, second, *_ = told["shards"]
    assert (told["all_right"], len(told["shards"])) == (True, 16)
    assert {name: first[name] for name in ("verdict", "rows", "commands", "last_seq", "problem")} == {
        "verdict": "all_right",
        "rows": 6,
        "commands": 10,
        "last_seq": 10,
        "problem": None,
    }
    assert (second["shard"], second["verdict"], second["rows"], second["last_seq"]) == (1, "empty", 0, 0)
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE trading.journal SET commands = set_byte(commands, 24, 1) WHERE seq = 5")
    damaged = run("verify", "--json", "--shard", "0", "--database-url", journal_url)
    (shard,) = json.loads(damaged.stdout)["shards"]
    assert (damaged.exit_code, damaged.stderr) == (2, "")
    assert (shard["verdict"], shard["rows"], shard["last_seq"]) == ("damaged", 2, 4)
    assert "row 5: its digest does not fit" in shard["problem"]


def test_show_says_when_there_is_nothing_to_show(journal_url: str) -> None:
    beyond = run("show", "--from", "900", "--database-url", journal_url)
    assert beyond.stdout == ""
    assert beyond.stderr == "nothing from 900 on: shard 0 ends with 10\n15 shards are empty\n"
    empty = run("show", "--shard", "5", "--json", "--database-url", journal_url)
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "shard 5: empty\n")


def test_an_empty_journal_is_not_silence(database_urls: DatabaseUrls) -> None:
    assert run("verify", "--database-url", database_urls.engine).stdout == "16 shards are empty\n"
    assert run("show", "--database-url", database_urls.engine).stderr == "16 shards are empty\n"


def test_verify_names_the_damaged_row_and_fails(journal_url: str, database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE trading.journal SET commands = set_byte(commands, 24, 1) WHERE seq = 5")
    for command in ("verify", "show"):
        result = run(command, "--database-url", journal_url)
        assert result.exit_code == 2
        assert "DAMAGED: journal of shard 0, row 5: its digest does not fit" in result.stderr


@pytest.mark.parametrize(("first_lost", "end"), [(10, 9), (1, 0)])
async def test_verify_misses_rows_that_were_cut_off_the_end(
    journal_url: str, database_urls: DatabaseUrls, first_lost: int, end: int
) -> None:
    async with engine_pool(journal_url) as pool:
        await shard_leases.release(pool, 0, 1, last_seq=10)
    assert (await asyncio.to_thread(run, "verify", "--database-url", journal_url)).exit_code == 0
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("DELETE FROM trading.journal WHERE seq >= %s", (first_lost,))
    result = await asyncio.to_thread(run, "verify", "--database-url", journal_url)
    assert result.exit_code == 2
    assert (
        f"row {end + 1}: the journal ends with {end}, but 10 was written: rows at its end are missing" in result.stderr
    )
    assert "all right" not in result.stdout


async def test_verify_finds_a_row_that_was_sealed_again_after_a_change(database_urls: DatabaseUrls) -> None:
    rows = journalled().rows
    forged = [rows[0]]
    for row in rows[1:]:
        details = row.details.replace("2000.50", "2000.51").replace('"0.5"', '"0.7"')
        changed = JournalRow(
            **{name: getattr(row, name) for name in JournalRow.__slots__} | {"details": details, "event_seq": 50}
        )
        forged.append(changed.sealed(forged[-1].digest))
    await write(database_urls.engine, forged)
    # In a thread of its own, which has no running loop.
    result = await asyncio.to_thread(run, "verify", "--database-url", database_urls.engine)
    assert result.exit_code == 2
    assert "row 2: it ended with event 50 and ends with event 4 now" in result.stderr


def test_show_prints_commands_and_their_events(journal_url: str) -> None:
    lines = run("show", "--from", "4", "--limit", "2", "--database-url", journal_url).stdout.splitlines()
    assert lines[0].endswith(f"order_id={submit(2).order_id} client_order_id=client-2")
    assert "SUBMIT #4 ETH/USDT BUY 1 @ 2000.50 type=LIMIT time_in_force=GTC" in lines[0]
    assert lines[1].strip() == "4 ACCEPTED #4 1 @ 2000.50"
    assert "SUBMIT r1 ETH/USDT SELL 0.001 @ 2000.50" in lines[2]
    assert lines[3].strip() == "5 ACCEPTED r1 0.001 @ 2000.50"
    assert lines[4].strip() == "6 TRADED r1 with #4 0.001 @ 2000.50 leaves=0 maker_leaves=0.999"
    assert len(lines) == 5
    refused = run("show", "--from", "9", "--database-url", journal_url).stdout
    assert "REFUSE #9" in refused
    assert "UNKNOWN_VENUE: MOON is not a venue of this engine" in refused


def test_show_speaks_json_to_programs(journal_url: str) -> None:
    told = [json.loads(line) for line in run("show", "--json", "--database-url", journal_url).stdout.splitlines()]
    assert [line["seq"] for line in told] == list(range(1, 11))
    assert [line["command"]["what"] for line in told[7:]] == ["CANCEL", "REFUSE", "ADVANCE_TIME"]
    assert told[7]["events"] == [{"event": 10, "what": "CANCELED", "order": "#3", "quantity": "0.5"}]
    assert told[8]["events"][0]["reason"] == "see details"
    assert told[8]["command"]["details"]["reason"][0] == "UNKNOWN_VENUE"


def test_no_platform_and_no_database_are_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("BREAKWATER_LOCAL_DIR", str(tmp_path))
    result = run("verify")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "give --database-url" in result.stderr


def test_the_local_run_is_found_by_itself(journal_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("BREAKWATER_LOCAL_DIR", str(tmp_path))
    (tmp_path / "endpoints.json").write_text(json.dumps({"database_url": journal_url}))
    assert run("verify").exit_code == 0


def test_a_database_without_our_journal_is_one_line(postgres_server: str) -> None:
    result = run("verify", "--database-url", postgres_server)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "no journal of this version" in result.stderr


@pytest.mark.parametrize(
    ("database_url", "problem"),
    [
        ("postgresql://a:secret@127.0.0.1:1/x", "no connection to the database: .*Connection refused"),
        ("nonsense", "the database URL is not like postgresql://"),
        ("mysql://a:secret@localhost/x", "the database URL is not like postgresql://"),
        ("postgresql://a:secret@no..host/x", "no host name|no connection"),
    ],
)
def test_a_database_that_cannot_be_had_is_one_line_and_no_log(
    database_url: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    began_at = time.monotonic()
    result = run("verify", "--database-url", database_url)
    assert (result.exit_code, len(result.stderr.splitlines()), caplog.records) == (1, 1, [])
    assert re.search(problem, result.stderr)
    assert "secret" not in result.stderr
    assert time.monotonic() - began_at < 6


def test_a_server_that_says_nothing_is_given_up_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        result = run("show", "--database-url", f"postgresql://a@127.0.0.1:{mute.getsockname()[1]}/x")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
