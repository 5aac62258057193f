"""Whoever uses the module has types: the wheel brings them along, and mypy believes them."""

import subprocess
import sys
from pathlib import Path

import matching_core

PROGRAM = """
import numpy as np
from matching_core import COMMAND, LEASED, EventKind, LeaseState, MatchingCore, Side

core = MatchingCore(orders=10)
events = core.apply(np.zeros(3, COMMAND))
count: int = core.submit_limit(1, 1, 0, Side.BUY, 100, 5, at_ns=3)
bids: list[tuple[int, int, int]] = core.depth(1, Side.BUY, 5)
order = core.order(1)
price: int | None = order.price if order is not None else None
lease: LeaseState | None = core.lease(1, 1)
left: int = lease.buy_granted - lease.buy_filled - lease.buy_open if lease is not None else LEASED
traded: bool = events["kind"][0] == EventKind.TRADED
again = MatchingCore.restore(core.snapshot())
"""
WRONG = """
from matching_core import MatchingCore

MatchingCore().submit_limit("1", 1, 0, 1, 100)
"""


def _mypy(tmp_path: Path, program: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "program.py"
    file.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}/cache", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path)


def test_the_package_has_a_stub_and_says_that_it_is_typed() -> None:
    package = Path(matching_core.__file__).parent
    assert (package / "py.typed").exists()
    assert "def apply(self, commands: " in (package / "_core.pyi").read_text()


def test_code_that_uses_the_module_passes_mypy_strict(tmp_path: Path) -> None:
    done = _mypy(tmp_path, PROGRAM)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_call_does_not_pass_mypy(tmp_path: Path) -> None:
    assert "[arg-type]" in _mypy(tmp_path, WRONG).stdout
