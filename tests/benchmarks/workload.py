"""The common workload of `../shared/bench`: operations that every engine is timed on, with the fills they must give."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matching_core import COMMAND, EVENT, INSTRUMENT_COMMAND, EventKind, Kind, Side, TimeInForce, Type
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "bench"
BUILD = ROOT / ".build" / "bench"
BUILD_TIMEOUT_S = 300
SYMBOL = 1

# Name to what the generator is told besides the file: seed, operations, live orders, how far prices reach.
ARGUMENTS = {"w1": (), "w1_deep": ("20240611", "2000000", "100000", "1000")}

HEADER = np.dtype(
    {
        "names": ["magic", "prefill", "operations", "id_max", "fills", "volume", "hash"],
        "formats": ["S8", "<u4", "<u4", "<u8", "<u8", "<u8", "<u8"],
        "itemsize": 72,
    }
)
OPERATION = np.dtype(
    {
        "names": ["id", "price", "quantity", "type", "side"],
        "formats": ["<u8", "<i8", "<u4", "u1", "u1"],
        "itemsize": 32,
    }
)
CANCEL = 1


@dataclass(frozen=True)
class Workload:
    """`prefill` and `operations` are COMMAND arrays; what all of them must trade is in the rest."""

    prefill: NDArray[np.void]
    operations: NDArray[np.void]
    fills: int
    volume: int
    hash: int


def compiled(program: str, *sources_and_flags: Path | str) -> Path:
    """The program, made anew: what it is made of may have changed."""
    BUILD.mkdir(parents=True, exist_ok=True)
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or "clang++"
    command = [compiler, "-std=c++17", f"-I{SHARED}", *map(str, sources_and_flags), "-o", str(BUILD / program)]
    subprocess.run(command, check=True, timeout=BUILD_TIMEOUT_S)
    return BUILD / program


def generated(name: str) -> Path:
    """The workload's file; made once."""
    file = BUILD / f"{name}.bin"
    if not file.exists():
        generator = compiled("workload", SHARED / "workload.cpp", "-O2")
        unfinished = file.with_suffix(".part")
        command = [str(generator), str(unfinished), *ARGUMENTS[name]]
        subprocess.run(command, check=True, timeout=BUILD_TIMEOUT_S, capture_output=True)
        unfinished.rename(file)
    return file


def load(name: str) -> Workload:
    content = generated(name).read_bytes()
    header = np.frombuffer(content, HEADER, count=1)[0]
    operations = np.frombuffer(content, OPERATION, offset=HEADER.itemsize)
    commands = np.zeros(len(operations), COMMAND)
    commands["kind"] = np.where(operations["type"] == CANCEL, Kind.CANCEL, Kind.SUBMIT)
    commands["order_id"] = operations["id"]
    commands["symbol"] = SYMBOL
    commands["type"] = Type.LIMIT
    commands["time_in_force"] = TimeInForce.GTC
    commands["side"] = np.where(operations["side"] == 0, Side.BUY, Side.SELL)
    commands["price"] = operations["price"]
    commands["quantity"] = operations["quantity"]
    prefill = int(header["prefill"])
    return Workload(
        commands[:prefill], commands[prefill:], int(header["fills"]), int(header["volume"]), int(header["hash"])
    )


def submit_share(name: str) -> float:
    """How many of its operations are orders, the others cancels: 0 to 1."""
    content = generated(name).read_bytes()
    prefill = int(np.frombuffer(content, HEADER, count=1)[0]["prefill"])
    types = np.frombuffer(content, OPERATION, offset=HEADER.itemsize)["type"][prefill:]
    return float((types != CANCEL).mean())


def listing() -> NDArray[np.void]:
    command = np.zeros(1, INSTRUMENT_COMMAND)
    command["kind"], command["symbol"], command["tick"], command["lot"] = Kind.LIST_INSTRUMENT, SYMBOL, 1, 1
    return command.view(COMMAND)


def is_as_expected(workload: Workload, events: list[NDArray[np.void]]) -> bool:
    """Whether the trades among the events are the workload's, to the last one and in order."""
    trades = np.concatenate([np.zeros(0, EVENT), *(batch[batch["kind"] == EventKind.TRADED] for batch in events)])
    maker, taker, quantity, price = (
        trades[name].astype(np.uint64) for name in ("maker_id", "order_id", "quantity", "price")
    )
    mixed = 1469598103934665603
    for word in (maker * 31 + taker * 17 + quantity * 7 + price).tolist():
        mixed = ((mixed ^ word) * 0x9E3779B97F4A7C15) % 2**64
    return (len(trades), int(quantity.sum()), mixed) == (workload.fills, workload.volume, workload.hash)
