"""What a tour is made of: steps that say what they saw or raise, and the table of them."""

import time
from collections.abc import Callable, Iterable

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from breakwater.client.transport import Problem, ServerUnreachable

POLL_S = 0.1

type Step = tuple[str, Callable[[], str]]  # Its name, and what does it.


class Unexpected(Exception):
    """The platform did not do what the tour says it does."""


def expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise Unexpected(otherwise)


def wait_for[T](look: Callable[[], T | None], *, within_s: float, otherwise: str) -> T:
    """What `look` finds, asked again and again; Unexpected when time is up."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None:
            return found
        expect(time.monotonic() < deadline, f"{otherwise} within {within_s:g} s")
        time.sleep(POLL_S)


def run_steps(steps: Iterable[Step], console: Console) -> bool:
    """Every step with what it saw and how long it took; whether all was as it should be.

    The first failure ends the tour: later steps look at what it should have left.
    """
    drawn = Table("step", "what was seen", Column("took", justify="right"), "", box=None, header_style="bold")
    failed = False
    for name, step in steps:
        if failed:
            drawn.add_row(name, "not reached", "", "", style="dim")
            continue
        started_at = time.monotonic()
        with console.status(name):
            try:
                seen = step()
            except (Unexpected, Problem, ServerUnreachable, httpx.HTTPError, OSError) as error:
                seen, failed = str(error) or type(error).__name__, True
        took_ms = (time.monotonic() - started_at) * 1000
        drawn.add_row(name, escape(seen), f"{took_ms:,.0f} ms", "[bold red]FAILED[/]" if failed else "[green]ok[/]")
    console.print(drawn)
    return not failed
