"""Whoever has no compiler is told so in one line, and what was built before stays."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MISSING = "A C++17 compiler is missing: install g++ or clang++, or set CXX"
STAMP = REPOSITORY / ".venv/.matching_core"
# What the recipes call before they look for it, and nothing that compiles.
TOOLS = ("bash", "find", "mkdir", "rm", "touch")
# As if a source were new; the packages are not, so that nothing is installed.
BUILD = ("--old-file=.venv/.installed", "--assume-new=fargate_engine/core/CMakeLists.txt")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    return tmp_path


def make(target: str, path: Path, **environment: str) -> tuple[int, list[str]]:
    """Its exit code, and all it says but that it has failed."""
    program = shutil.which("make")
    assert program is not None
    done = subprocess.run(
        [program, "--no-print-directory", *BUILD, target],
        cwd=REPOSITORY,
        env={"PATH": str(path), "LANG": "C"} | environment,  # Nor what a make around this test hands down.
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if not line.startswith("make: ***")]


@pytest.mark.parametrize("target", ["core", "test-core"])
def test_without_a_compiler_one_line_says_so(path: Path, target: str) -> None:
    built = STAMP.stat()
    assert make(target, path) == (2, [MISSING])
    assert STAMP.stat() == built


def test_so_it_does_where_the_one_that_is_named_does_not_exist(path: Path) -> None:
    assert make("core", path, CXX="no-such-compiler++") == (2, [MISSING])


def test_so_it_does_where_the_one_that_is_there_is_too_old(path: Path) -> None:
    old = path / "c++"
    old.write_text("#!/bin/bash\necho \"error: unrecognized option '-std=c++17'\" >&2\nexit 1\n")
    old.chmod(0o755)
    assert make("core", path) == (2, [MISSING])


def test_the_search_finds_one_that_is_there(path: Path) -> None:
    """Else each of these would pass where the search itself is broken. It is asked only what it would do."""
    real = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    assert real is not None
    find = next(line for line in make_database(path) if line.startswith("FIND_COMPILER := "))
    found = subprocess.run(
        ["bash", "-c", f'{find.removeprefix("FIND_COMPILER := ").replace("$$", "$")}; echo "$CXX"'],
        env={"PATH": f"{path}:{Path(real).parent}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert Path(found.stdout.strip()).exists()


def make_database(path: Path) -> list[str]:
    """What make makes of the Makefile, without doing anything."""
    program = shutil.which("make")
    assert program is not None
    command = [program, "--print-data-base", "--question", "help"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={"PATH": str(path)}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.splitlines()
