"""How ministack is corrected: one exact piece of its source at a time, and loudly when that piece is not there."""

import inspect
import textwrap
from importlib.metadata import version
from types import ModuleType
from typing import Any

SUPPORTED_VERSION = "1.5.33"


class EmulatorChanged(RuntimeError):
    """ministack is not the one these corrections were written for."""


def require_supported_version() -> None:
    """Raises EmulatorChanged unless exactly the ministack we corrected is installed."""
    installed = version("ministack")
    if installed != SUPPORTED_VERSION:
        raise EmulatorChanged(
            f"ministack {installed} is installed, but {SUPPORTED_VERSION} is corrected here: re-check every correction"
        )


def replace_once(text: str, old: str, new: str, where: str) -> str:
    """`text` with its single occurrence of `old` replaced. Raises EmulatorChanged if it is not there exactly once."""
    found = text.count(old)
    if found != 1:
        raise EmulatorChanged(f"{where}: expected this exactly once, found it {found} times:\n{old}")
    return text.replace(old, new)


def rewrite_function(owner: ModuleType | type, name: str, *replacements: tuple[str, str], **names: Any) -> None:
    """Recompile `owner.name` with each (old, new) piece of its source replaced.

    `names` are added to the function's module, for the new source to use. Raises EmulatorChanged.
    """
    original = getattr(owner, name)
    module = inspect.getmodule(original)
    if module is None:
        raise EmulatorChanged(f"{owner.__name__}.{name} has no module")
    source = textwrap.dedent(inspect.getsource(original))
    for old, new in replacements:
        source = replace_once(source, old, new, f"{owner.__name__}.{name}")
    vars(module).update(names)
    compiled: dict[str, Any] = {}
    exec(compile(source, f"<{module.__name__}.{name}, corrected>", "exec"), vars(module), compiled)  # noqa: S102 - its own source
    setattr(owner, name, compiled[name])
