"""`breakwater replay`: recorded order flow through the matching core. docs/replay.md tells what is compared.

Exit code 0: all right. 1: something differs. 2: a file, or a line of it, cannot be read.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from fargate_engine.replay.binance_depth import replay_depth
from fargate_engine.replay.files import Unreadable
from fargate_engine.replay.lobster import replay_lobster
from fargate_engine.replay.lobster_files import LEVELS_MAX
from fargate_engine.replay.quantcup import replay_feed, replay_tests
from fargate_engine.replay.report import Report

replay_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Recorded order flow through the matching core.",
)

_FILE = {"exists": True, "dir_okay": False, "readable": True}
AsJson = Annotated[bool, typer.Option("--json", help="The figures as JSON.")]


@replay_app.command("lobster")
def lobster(
    messages: Annotated[
        Path, typer.Argument(metavar="MESSAGE_FILE", **_FILE, help="time,type,id,size,price,direction")
    ],
    rows: Annotated[
        Path,
        typer.Argument(metavar="ORDERBOOK_FILE", **_FILE, help="ask,size,bid,size of each level; 1 to 1,000 levels"),
    ],
    seed: Annotated[
        Path | None, typer.Option(**_FILE, help="Another order book file whose first row has more levels.")
    ] = None,
    levels: Annotated[
        int | None,
        typer.Option(min=1, max=LEVELS_MAX, help="Of how many levels a side the messages tell; by default as named."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """LOBSTER messages, and after each the book's levels as the order book file has them.

    Best bid, ask and sizes must be equal in every row, and every execution take the first order by price and time.
    """
    _run([lambda: replay_lobster(messages, rows, seed=seed, levels_max=levels)], as_json)


@replay_app.command("quantcup")
def quantcup(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", **_FILE, help="The score feed (.csv), the contest's tests (.json)."),
    ],
    as_json: AsJson = False,
) -> None:
    """The QuantCup score feed against a naive book, and the contest's tests."""
    _run([_quantcup_replay(path) for path in files], as_json)


@replay_app.command("binance-depth")
def binance_depth(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", **_FILE, help="One market's logs in order, .gz or plain: `local_ns JSON` lines."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Recorded depth diffs: the book must have the best levels that the book ticker says, after every one."""
    _run([lambda: replay_depth(files)], as_json)


def _quantcup_replay(path: Path) -> Callable[[], Report]:
    return lambda: replay_tests(path) if path.suffix == ".json" else replay_feed(path)


def _run(replays: list[Callable[[], Report]], as_json: bool) -> None:
    try:
        reports = [replay() for replay in replays]
    except Unreadable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(json.dumps([report.as_json() for report in reports], indent=2))
    else:
        typer.echo("\n\n".join(report.as_text() for report in reports))
    if any(report.differences for report in reports):
        raise typer.Exit(1)
