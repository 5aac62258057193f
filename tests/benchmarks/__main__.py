"""`make bench`: the figures of the running platform, on this machine. It prints, and judges nothing.

It fails only when something could not be measured at all. `--write-docs` keeps the table in docs/figures.md.
"""

import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
from rich.console import Console

from breakwater.client import Problem, ServerUnreachable
from breakwater.client.session import SetupError, local_endpoints
from tests.benchmarks import order_path, reservations
from tests.benchmarks.figures import Figure, drawn, machine, markdown

DOCUMENT = Path("docs/figures.md")


def main(arguments: list[str]) -> int:
    console = Console(width=160)
    try:
        endpoints = local_endpoints()
        with psycopg.connect(endpoints["database_url"], connect_timeout=3) as connection:
            version = connection.execute("SHOW server_version").fetchone()
        machine_line = machine(str(version[0]) if version else "?")
        console.print(machine_line, highlight=False)
        figures = [*order_path.run(endpoints), _reservations(reservations.run())]
    except (SetupError, ServerUnreachable, Problem) as error:
        return _failed(str(error))
    except (psycopg.OperationalError, httpx.TransportError) as error:
        return _failed(f"the platform is not running: {str(error).strip().splitlines()[0]}")
    console.print(drawn(figures))
    if "--write-docs" in arguments:
        DOCUMENT.write_text(markdown(machine_line, figures))
        console.print(f"written to {DOCUMENT}")
    return 0


def _reservations(measured: dict[str, Any]) -> Figure:
    rate = float(measured["per_s"])
    return Figure(
        "reservations on one hot node, 16 connections",
        ">= 500/s, never over",
        measured["p50_ms"],
        measured["p99_ms"],
        f"{rate:.0f}/s, {'never over the limit' if measured['within_limit'] else 'OVER THE LIMIT'}",
        rate >= 500 and bool(measured["within_limit"]),
    )


def _failed(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
