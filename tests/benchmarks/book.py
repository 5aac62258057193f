"""The core in C++ on the common workload, beside the probe that shows what this machine can do, in the same minute."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import workload
from tests.benchmarks.figures import Figure

CORE = workload.ROOT / "fargate_engine" / "core"
# One run of each program in turn, so that a slow moment of the machine, which may last seconds, falls on all of them:
# a ratio is of one round, and the median of all rounds counts.
ROUNDS = 15
RUNS = 1
SPARSE_RUNS = 7
CLIFF_NS = 1_000  # A search that grew with the levels would take tens of microseconds among so many.
RUN_TIMEOUT_S = 300
P99_GOAL_NS = 250
P999_GOAL_NS = 1_000
LEASED_GOAL_NS = 1_000
LEASED_RATE_GOAL = 1e6


def run() -> list[Figure]:
    if not workload.SHARED.exists():
        told = "skipped: ../shared/bench is not here"
        return [Figure("core in C++, common workload", ">= 0.55 of the probe", None, None, told, None)]
    probe = workload.compiled("probe", workload.SHARED / "probe.cpp", "-O3", "-march=native", "-DEVENTS=1")
    core, checked, leased, sparse = _programs()
    common = _measured(workload.generated("w1"), probe, core, checked, leased)
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
        _leased_figure(common[leased], common[checked]),
        _figure(
            "core in C++, 100,000 live orders",
            ">= 0.55 of the probe",
            deep[core],
            deep[probe],
            lambda ratio, _told: ratio >= 0.55,
        ),
        _sparse_figure(sparse),
    ]


def _programs() -> tuple[Path, Path, Path, Path]:
    """The core on the common workload: without the pre-trade checks, with them, and with every order leased, too; and
    the core among sparse prices.

    Its build folder stays.
    """
    build = workload.BUILD / "core"
    cmake, ninja = (str(Path(sys.executable).parent / tool) for tool in ("cmake", "ninja"))
    configure = [cmake, "-S", str(CORE), "-B", str(build), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    for command in ([*configure, f"-DBOOK_BENCH_HARNESS={workload.SHARED}"], [cmake, "--build", str(build)]):
        subprocess.run(command, check=True, timeout=workload.BUILD_TIMEOUT_S, stdout=subprocess.DEVNULL)
    names = (*(f"common_workload_{name}" for name in ("checks0", "checks1", "leases")), "sparse_prices")
    checks0, checks1, leases, sparse = (build / name for name in names)
    return checks0, checks1, leases, sparse


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
    medians = _medians(measured, "Mops_median", "p50", "p99", "p999")
    probe_rate = statistics.median(told["Mops_median"] for told in probe)
    ratio = statistics.median(
        own["Mops_median"] / other["Mops_median"] for own, other in zip(measured, probe, strict=True)
    )
    other = (
        f"{medians['Mops_median']:.1f} M operations/s, {ratio:.2f} of the probe's {probe_rate:.1f} M, "
        f"p99.9 {medians['p999']:.0f} ns"
    )
    return Figure(name, goal, medians["p50"] / 1e6, medians["p99"] / 1e6, other, is_good(ratio, medians))


def _leased_figure(leased: list[dict[str, Any]], checked: list[dict[str, Any]]) -> Figure:
    """A submit whose lease is asked beside all other checks: the whole of it, and what is more than without one."""
    whole = _medians(leased, "Mops_median", "add_p50", "add_p99")
    less = _medians(checked, "add_p50", "add_p99")
    more_ns = statistics.median(
        1000 / own["Mops_median"] - 1000 / other["Mops_median"] for own, other in zip(leased, checked, strict=True)
    )
    rate = whole["Mops_median"] * 1e6 * workload.submit_share("w1")
    other = (
        f"{rate / 1e6:.1f} M checks/s in {whole['Mops_median']:.1f} M operations/s, cancels and fills with them; "
        f"the lease is {whole['add_p50'] - less['add_p50']:.0f} ns of the p50, "
        f"{whole['add_p99'] - less['add_p99']:.0f} ns of the p99 and {more_ns:.0f} ns of an operation"
    )
    return Figure(
        "check in the engine with leases",
        "< 1 µs, >= 1 M checks/s",
        whole["add_p50"] / 1e6,
        whole["add_p99"] / 1e6,
        other,
        whole["add_p99"] < LEASED_GOAL_NS and rate >= LEASED_RATE_GOAL,
    )


def _sparse_figure(program: Path) -> Figure:
    """Each run has a line for each kind of prices."""
    runs: list[list[dict[str, Any]]] = []
    for _ in range(SPARSE_RUNS):
        done = subprocess.run([str(program)], check=True, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
        runs.append([json.loads(line) for line in done.stdout.splitlines()])
    kinds = [
        (told[0]["prices"], _medians(list(told), "ns_per_operation", "bytes_per_order"))
        for told in zip(*runs, strict=True)
    ]
    costs_ns = [medians["ns_per_operation"] for _, medians in kinds]
    other = ", ".join(
        f"{prices}: {medians['ns_per_operation']:.0f} ns, {medians['bytes_per_order']:.0f} bytes an order"
        for prices, medians in kinds
    )
    return Figure(
        "core in C++, 100,000 live orders: the oldest is cancelled and another added",
        f"no cliff: each < {CLIFF_NS / 1_000:.0f} µs",
        None,
        None,
        f"{other}; median of {SPARSE_RUNS} runs",
        max(costs_ns) < CLIFF_NS,
    )


def _medians(measured: list[dict[str, Any]], *keys: str) -> dict[str, float]:
    return {key: statistics.median(told[key] for told in measured) for key in keys}
