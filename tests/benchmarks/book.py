"""The core in C++ on the common workload, beside the probe that shows what this machine can do, in the same minute."""

import json
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import workload
from tests.benchmarks.figures import Figure

CORE = workload.ROOT / "fargate_engine" / "core"
FLAGS = ("-O3", "-march=native")
ROUNDS = 3  # Of each program in turn, so that a slow moment of the machine falls on all of them.
RUNS = 7
RUN_TIMEOUT_S = 300
P99_GOAL_NS = 250
P999_GOAL_NS = 1_000


def run() -> list[Figure]:
    if not workload.SHARED.exists():
        told = "skipped: ../shared/bench is not here"
        return [Figure("core in C++, common workload", ">= 0.55 of the probe", None, None, told, None)]
    probe = workload.compiled("probe", workload.SHARED / "probe.cpp", *FLAGS, "-DEVENTS=1")
    core, checked = _core("core", "-DCHECKS=0"), _core("core-with-checks", "-DCHECKS=1")
    common = _measured(workload.generated("w1"), probe, core, checked)
    deep = _measured(workload.generated("w1_deep"), probe, core)
    return [
        _figure(
            "core in C++, common workload",
            ">= 0.55 of the probe, p99 < 250 ns, p99.9 < 1 µs",
            common[core],
            common[probe],
            lambda ratio, told: ratio >= 0.55 and told["p99"] < P99_GOAL_NS and told["p999"] < P999_GOAL_NS,
        ),
        _figure(
            "the same, with the pre-trade checks",
            ">= 0.4 of the probe",
            common[checked],
            common[probe],
            lambda ratio, _told: ratio >= 0.4,
        ),
        _figure(
            "core in C++, 100,000 live orders",
            ">= 0.55 of the probe",
            deep[core],
            deep[probe],
            lambda ratio, _told: ratio >= 0.55,
        ),
    ]


def _core(program: str, flag: str) -> Path:
    sources = [CORE / "bench" / "common_workload.cpp", *sorted((CORE / "src").glob("*.cpp"))]
    return workload.compiled(program, *sources, *FLAGS, flag, f"-I{CORE / 'include'}", f"-I{CORE / 'src'}")


def _measured(file: Path, *programs: Path) -> dict[Path, list[dict[str, Any]]]:
    """What each program says of itself, once a round; a program that matches wrongly fails."""
    told: dict[Path, list[dict[str, Any]]] = {program: [] for program in programs}
    for _ in range(ROUNDS):
        for program in programs:
            command = [str(program), str(file), str(RUNS)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
            told[program].append(json.loads(done.stdout.splitlines()[0]))
    return told


def _figure(
    name: str,
    goal: str,
    measured: list[dict[str, Any]],
    probe: list[dict[str, Any]],
    is_good: Callable[[float, dict[str, float]], bool],
) -> Figure:
    medians = {key: statistics.median(told[key] for told in measured) for key in ("Mops_median", "p50", "p99", "p999")}
    probe_rate = statistics.median(told["Mops_median"] for told in probe)
    ratio = statistics.median(
        own["Mops_median"] / other["Mops_median"] for own, other in zip(measured, probe, strict=True)
    )
    other = (
        f"{medians['Mops_median']:.1f} M operations/s, {ratio:.2f} of the probe's {probe_rate:.1f} M, "
        f"p99.9 {medians['p999']:.0f} ns"
    )
    return Figure(name, goal, medians["p50"] / 1e6, medians["p99"] / 1e6, other, is_good(ratio, medians))
