"""`breakwater market record` and `replay`: market data into Parquet files, and back (docs/market-data.md).

Exit code 0: all right. 1: the recording could not go on, or a replay differs. 2: what was asked for makes no sense.
"""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from breakwater.domain.instruments import Instrument
from fargate_engine.market_data import recording
from fargate_engine.market_data.channel_client import RecordingFailed, record_channels
from fargate_engine.market_data.recorded_markets import BrokenParquet, recorded_markets, replay_market
from fargate_engine.market_data.recorder import Recorder
from fargate_engine.replay.binance_depth import FINEST_STEP

QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "EUR", "USD", "BTC", "ETH", "BNB")
API_KEY_VARIABLE = "BREAKWATER_API_KEY"

market_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Market data: record it, and replay it.")

AsJson = Annotated[bool, typer.Option("--json", help="The figures as JSON.")]


@market_app.command("record")
def record(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the files go.")],
    url: Annotated[str, typer.Option(metavar="ENGINE", help="Record an engine's markets until Ctrl-C.")] = "",
    recordings: Annotated[
        list[Path] | None,
        typer.Option("--recording", metavar="FILE", help="Convert a Binance log; several continue each other."),
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbol", help="As ETH/USDT; of an engine several, each with its own option.")
    ] = None,
    venue: Annotated[str, typer.Option(help="The venue to record, or to record as.")] = "",
    *,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so long; 0: not before Ctrl-C.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Books, trades and bars of a minute, as Parquet by venue, symbol, date and hour."""
    if bool(url) == bool(recordings):
        _wrong("name either --url or --recording")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if recordings:
            recorders = [_convert(recordings, symbols or [], venue or "BINANCE", out)]
        else:
            recorders = _record_engine(url, symbols or [], venue or "SIM", out, seconds)
    except (recording.BrokenRecording, ValueError) as error:
        _wrong(str(error))
    except RecordingFailed as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or out}: {error.strerror or error}")
    for recorder in recorders:
        told = {"venue": recorder.market.venue, "symbol": recorder.market.instrument.symbol, "events": recorder.events}
        _tell({**told, "rows": recorder.files.rows}, as_json=as_json)


@market_app.command("replay")
def replay(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="What `record` wrote.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Build each recorded market again; books and bars must be what they were when they were recorded."""
    try:
        reports = [replay_market(folder, venue, symbol) for venue, symbol in recorded_markets(folder)]
    except BrokenParquet as error:
        _wrong(str(error))
    for report in reports:
        _tell(report.document(), as_json=as_json)
    if any(report.wrong for report in reports):
        raise typer.Exit(1)


def _convert(paths: list[Path], symbols: list[str], venue: str, out: Path) -> Recorder:
    for path in paths:
        if not path.is_file():
            _wrong(f"{path}: no such file")
    if len(symbols) > 1:
        _wrong("the files of one market are recorded at a time: name one --symbol")
    recorder = Recorder(out, venue, _instrument(paths[0], symbols), time.time_ns())
    try:
        for timed in recording.events(paths, recorder.market.instrument):
            recorder.record(timed.event, timed.at_ns)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise recording.BrokenRecording(f"{paths[0].name}: a message is not of a depth log: {error!r}") from error
    finally:
        recorder.close()
    return recorder


def _instrument(path: Path, symbols: list[str]) -> Instrument:
    """In the exchange's finest steps: a log does not say what the tick of its market is."""
    name = recording.market_name(path)
    quote = next((asset for asset in QUOTE_ASSETS if name.endswith(asset) and len(name) > len(asset)), None)
    if not symbols and quote is None:
        _wrong(f"{path.name} records {name}: name its --symbol, as ETH/USDT")
    symbol = symbols[0] if symbols else f"{name.removesuffix(quote or '')}/{quote}"
    base, _, quote_asset = symbol.partition("/")
    if base + quote_asset != name:
        _wrong(f"{path.name} records {name}, not {symbol}")
    return Instrument(symbol, base, quote_asset, FINEST_STEP, FINEST_STEP, FINEST_STEP)


def _record_engine(url: str, symbols: list[str], venue: str, out: Path, seconds: float) -> list[Recorder]:
    if not url.startswith(("http://", "https://")):
        _wrong("--url is the engine's address, as http://127.0.0.1:4501")
    if not symbols:
        _wrong("name what to record, as --symbol ETH/USDT")
    if not os.environ.get(API_KEY_VARIABLE):
        _wrong(f"set {API_KEY_VARIABLE}: the engine lets nobody listen without a key of the platform")
    return asyncio.run(_until_told(url, [(venue, symbol) for symbol in symbols], out, seconds))


async def _until_told(url: str, markets: list[tuple[str, str]], out: Path, seconds: float) -> list[Recorder]:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    if seconds:
        asyncio.get_running_loop().call_later(seconds, told_to_stop.set)
    return await record_channels(url, markets, out, os.environ[API_KEY_VARIABLE], told_to_stop)


def _tell(document: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document))
    else:
        typer.echo(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in document.items()))


def _wrong(problem: str) -> NoReturn:
    typer.echo(f"error: {problem}", err=True)
    raise typer.Exit(2)


def _fail(problem: str) -> NoReturn:
    typer.echo(f"error: {problem}", err=True)
    raise typer.Exit(1)
