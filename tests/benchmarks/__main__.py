"""`make bench`: the figures of core and engine, then of the running platform, on this machine. It judges nothing.

`python -m tests.benchmarks engine ledger` needs no running platform. A run fails only when something could not be
measured at all. `--write-docs` keeps the table in docs/figures.md.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
from rich.console import Console

from breakwater.client import Problem, ServerUnreachable
from breakwater.client.session import SetupError, local_endpoints
from tests.benchmarks import (
    alert_path,
    alert_storm,
    audit_trail,
    book,
    engine_figures,
    identity,
    lease_state,
    limit_tree,
    market_data,
    matching_core,
    order_path,
    relay,
    reservations,
    router,
    venue_sockets,
    webhooks,
)
from tests.benchmarks.figures import Figure, drawn, machine, markdown

DOCUMENT = Path("docs/figures.md")
GROUPS = ("engine", "ledger", "platform")


def main(arguments: list[str]) -> int:
    console = Console(width=160)
    groups = [name for name in arguments if name != "--write-docs"] or list(GROUPS)
    if not set(groups) <= set(GROUPS):
        return _failed(f"the groups of figures are {' and '.join(GROUPS)}")
    writes = "--write-docs" in arguments
    if writes and set(groups) != set(GROUPS):
        return _failed(f"{DOCUMENT} has all figures: --write-docs goes without a group")
    figures: list[Figure] = []
    try:
        endpoints = local_endpoints() if "platform" in groups else None
        machine_line = machine(_postgres_version(endpoints["database_url"]) if endpoints else None)
        console.print(machine_line, highlight=False)
        for measured in _measures(groups, endpoints):
            figures += measured()
    except (SetupError, ServerUnreachable, Problem) as error:
        return _failed(str(error))
    except (psycopg.OperationalError, httpx.TransportError) as error:
        return _failed(f"the platform is not running: {str(error).strip().splitlines()[0]}")
    except subprocess.SubprocessError as error:
        return _failed(str(error))
    finally:
        console.print(drawn(figures))  # Also what was measured before something could not be.
    if writes:
        DOCUMENT.write_text(markdown(machine_line, figures))
        console.print(f"written to {DOCUMENT}")
    return 0


def _measures(groups: list[str], endpoints: dict[str, Any] | None) -> Iterator[Callable[[], list[Figure]]]:
    if "engine" in groups:
        yield from (
            book.run,
            matching_core.run,
            engine_figures.run,
            market_data.run,
            router.run,
            relay.run,
            venue_sockets.run,
        )
    if "ledger" in groups:
        yield from (reservations.run, lambda: [limit_tree.run()], lease_state.run, audit_trail.run, identity.run)
        yield webhooks.run
    if endpoints is not None:
        yield from (partial(alert_path.run, endpoints), partial(order_path.run, endpoints))
        yield partial(alert_storm.run, endpoints)


def _postgres_version(database_url: str) -> str:
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else "?"


def _failed(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
