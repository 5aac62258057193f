"""What a run has found, as docs/fault-matrix.md shows it between two markers. Nothing in it changes by itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.simulation.fault_matrix.matrix import Found
from tests.simulation.fault_matrix.scenarios import EVERY, Scenario
from tests.simulation.fault_matrix.table import Column, Row
from tests.simulation.fault_matrix.trial import RUNS_MAX

PAGE = Path(__file__).parents[3] / "docs" / "fault-matrix.md"
BEGINNING = "<!-- Written by the run of tests/simulation/fault_matrix. -->"
END = "<!-- What the run wrote ends here. -->"

type Results = Sequence[Mapping[Column, Found]]


def written_anew(rows: Sequence[Row], results: Results) -> str:
    """The page with what this run found in place of what an earlier one did."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGINNING)
    _, _, after = rest.partition(END)
    assert rest, f"{PAGE.name} has lost its marker"
    parts = [_totals(rows, results), _table(rows, results), _reasons(rows), _done(rows)]
    return "\n\n".join([f"{before}{BEGINNING}", *parts, f"{END}{after}"])


def _orders(row: Row) -> str:
    return "all" if row.scenarios == EVERY else "; ".join(scenario.name for scenario in row.scenarios)


def _totals(rows: Sequence[Row], results: Results) -> str:
    found = [each for row in results for each in row.values()]
    trials, orders = sum(each.trials for each in found), sum(each.orders for each in found)
    scenarios = list(dict.fromkeys(scenario for row in rows for scenario in row.scenarios))
    runs_most, empty = max(each.runs_most for each in found), len(rows) * len(Column) - len(found)
    return (
        f"{len(rows)} rows and {len(Column)} columns: {len(found)} cells, and {empty} that cannot be.\n"
        f"{trials} trials with {orders} orders, each of which {_alternatives(scenarios)}: all books agree.\n"
        f"The reconciler had to run {_times(runs_most)} at the most; the bound is {RUNS_MAX}."
    )


def _alternatives(scenarios: Sequence[Scenario]) -> str:
    *others, last = [scenario.name for scenario in scenarios]
    return f"{', '.join(others)} or {last}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _table(rows: Sequence[Row], results: Results) -> str:
    lines = [_line(["where", *Column]), _line(["---", *(["---"] * len(Column))])]
    letters = _letters(rows)
    for row, found in zip(rows, results, strict=True):
        cells = [
            f"- {letters[cell]}" if isinstance(cell := row.cells[column], str) else _ok(found[column])
            for column in Column
        ]
        lines.append(_line([f"{row.part}: {row.name}", *cells]))
    return "\n".join(lines)


def _ok(found: Found) -> str:
    runs = str(found.runs_most) if found.runs_least == found.runs_most else f"{found.runs_least}-{found.runs_most}"
    return f"ok {runs}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _letters(rows: Sequence[Row]) -> dict[str, str]:
    """One for each reason why a cell is empty, in the order in which they come."""
    reasons = dict.fromkeys(cell for row in rows for cell in map(row.cells.get, Column) if isinstance(cell, str))
    return {reason: chr(ord("a") + number) for number, reason in enumerate(reasons)}


def _reasons(rows: Sequence[Row]) -> str:
    lines = [f"- {letter}: {reason}" for reason, letter in _letters(rows).items()]
    return "\n".join(["Why there is nothing in a cell:", "", *lines])


def _done(rows: Sequence[Row]) -> str:
    """Each variant of each cell."""
    lines = []
    for row in rows:
        lines += ["", f"**{row.part}: {row.name}**", "", f"- orders: {_orders(row)}"]
        for column in Column:
            cell = row.cells[column]
            if not isinstance(cell, str):
                lines.append(f"- {column}: {'; '.join(variant.words for variant in cell)}")
    return "\n".join(["## What was done in each cell", *lines])
