"""Corrections that do not fit what is installed fail loudly."""

import sys
from types import ModuleType

import pytest

from local_cloud.emulator import patching
from local_cloud.emulator.patching import EmulatorChanged, replace_once, require_supported_version, rewrite_function

THIS_MODULE: ModuleType = sys.modules[__name__]


def _slow() -> str:
    pause = "150 ms"
    return pause


def test_a_function_runs_with_the_corrected_piece_of_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(THIS_MODULE, "_slow", _slow)  # Put back after the test.
    rewrite_function(THIS_MODULE, "_slow", ('"150 ms"', "CORRECTED_PAUSE"), CORRECTED_PAUSE="none")
    assert _slow() == "none"


@pytest.mark.parametrize("source", ["sleep(0.2)", "sleep(0.15); sleep(0.15)"])
def test_a_piece_that_is_not_there_exactly_once_is_an_error(source: str) -> None:
    with pytest.raises(EmulatorChanged, match=r"sleep\(0\.15\)"):
        replace_once(source, "sleep(0.15)", "", "a function")


def test_another_version_of_the_emulator_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patching, "version", lambda _name: "1.5.34")
    with pytest.raises(EmulatorChanged, match=r"1\.5\.34"):
        require_supported_version()
