"""What is measured, how it is told, and on which machine."""

import os
import platform
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.table import Column, Table


@dataclass(frozen=True)
class Figure:
    """One line of the table; times in milliseconds. `ok` is None where there is no goal."""

    name: str
    goal: str
    p50_ms: float | None
    p99_ms: float | None
    other: str
    ok: bool | None


def percentile(sorted_values: list[float], share: float) -> float:
    """The nearest rank: a value that was measured, never one between two."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def machine(postgres_version: str | None) -> str:
    memory_gib = psutil.virtual_memory().total / 2**30
    told = [
        _cpu_model(),
        f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores",
        f"{memory_gib:.1f} GiB",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}{_how_it_was_built()}",
    ]
    if postgres_version:
        told.append(f"Postgres {postgres_version}")
    return ", ".join(told)


def drawn(figures: list[Figure]) -> Table:
    right = [Column(heading, justify="right") for heading in ("p50", "p99")]
    table = Table("figure", "goal", *right, "other", "ok", box=None, header_style="bold")
    for figure in figures:
        table.add_row(*_cells(figure))
    return table


def markdown(machine_line: str, figures: list[Figure]) -> str:
    rows = [("figure", "goal", "p50", "p99", "other", "ok"), ("---", "---", "---:", "---:", "---", "---")]
    rows += [_cells(figure) for figure in figures]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    origin = f"As `make bench` prints them; written by `python -m tests.benchmarks --write-docs`. {machine_line}."
    return f"# Figures\n\n{origin}\n\n" + "\n".join(lines) + "\n"


def _cells(figure: Figure) -> tuple[str, str, str, str, str, str]:
    verdict = {True: "yes", False: "NO", None: ""}[figure.ok]
    return figure.name, figure.goal, _ms(figure.p50_ms), _ms(figure.p99_ms), figure.other, verdict


def _ms(value_ms: float | None) -> str:
    """In the unit that leaves a number to read."""
    if value_ms is None:
        return ""
    if value_ms < 0.001:
        return f"{value_ms * 1e6:.0f} ns"
    return f"{value_ms * 1000:.1f} µs" if value_ms < 1 else f"{value_ms:.1f} ms"


def _how_it_was_built() -> str:
    """Said where it costs: an interpreter that was built with its profile was seen to run the engine a tenth faster."""
    is_optimized = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return "" if is_optimized else " built without profile-guided optimisation"


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
