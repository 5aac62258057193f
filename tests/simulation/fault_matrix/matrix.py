"""The whole matrix: every row, what was found in its cells, and what trials need to be played."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from breakwater.db.connection import Database
from tests.conftest import fresh_database
from tests.simulation.fault_matrix.checks import assert_no_order_is_twice_in_the_journal
from tests.simulation.fault_matrix.engine import engine_on
from tests.simulation.fault_matrix.engine_rows import engine_rows
from tests.simulation.fault_matrix.function_rows import place_rows, saga_rows
from tests.simulation.fault_matrix.functions import functions_on
from tests.simulation.fault_matrix.lease_rows import lease_rows
from tests.simulation.fault_matrix.other_rows import cancel_rows, kill_rows, reconciler_rows
from tests.simulation.fault_matrix.replace_rows import replace_rows
from tests.simulation.fault_matrix.scenarios import Scenario
from tests.simulation.fault_matrix.table import Column, Row
from tests.simulation.fault_matrix.trial import Bench, Trial, Variant

ROWS = [
    *place_rows(),
    *saga_rows(),
    *engine_rows(),
    *reconciler_rows(),
    *cancel_rows(),
    *replace_rows(),
    *kill_rows(),
    *lease_rows(),
]
ROWS_A_BENCH = 10  # An engine that is started again reads the journal of all the trials before.


@dataclass(frozen=True)
class Found:
    """Of one cell: how often the reconciler had to run, at the least and at the most, and how much was tried."""

    runs_least: int
    runs_most: int
    trials: int
    orders: int


class Matrix:
    """Rows are played once, however often they are asked for."""

    def __init__(self, postgres_server: str, definition: dict[str, Any]) -> None:
        self._postgres_server = postgres_server
        self._definition = definition
        self._found: dict[int, dict[Column, Found]] = {}
        self._bench: Bench | None = None
        self._rows_on_bench = 0
        self._opened = ExitStack()

    def found(self, number: int) -> dict[Column, Found]:
        """What is in the cells of row `number` that are not empty; AssertionError names the first that fails."""
        if number not in self._found:
            row = ROWS[number]
            self._found[number] = {
                column: self._play(row, column, cell) for column, cell in row.cells.items() if not isinstance(cell, str)
            }
            self._end_of_row()
        return self._found[number]

    def play_cell(self, number: int, column: Column) -> None:
        row = ROWS[number]
        cell = row.cells[column]
        assert not isinstance(cell, str), "there is nothing to play"
        self._play(row, column, cell)

    def play_alone(self, number: int, seed: int) -> None:
        """Each variant of a row with one order of each scenario alone: sizes, prices and minutes follow the seed."""
        row = ROWS[number]
        for column, cell in row.cells.items():
            for variant in () if isinstance(cell, str) else cell:
                for scenario in row.scenarios_of(variant):
                    chance = random.Random(f"{seed} {number} {column} {variant.words} {scenario.name}")  # noqa: S311
                    self._try(row, column, variant, [scenario.varied(chance)], chance)
        self._end_of_row()

    def close(self) -> None:
        self._bench = None
        self._opened.close()

    def _play(self, row: Row, column: Column, variants: Sequence[Variant]) -> Found:
        runs = [self._try(row, column, variant, row.scenarios_of(variant)) for variant in variants]
        orders = sum(len(row.scenarios_of(variant)) for variant in variants)
        return Found(min(runs), max(runs), len(runs), orders)

    def _try(
        self,
        row: Row,
        column: Column,
        variant: Variant,
        scenarios: Sequence[Scenario],
        chance: random.Random | None = None,
    ) -> int:
        """How many runs of the reconciler it took."""
        trial = Trial(self._on_a_bench(), row.phase, variant, scenarios, chance)
        try:
            trial.play()
        except Exception as error:
            self.close()  # What is under way there would befall the next trial.
            names = ", ".join(scenario.name for scenario in scenarios)
            raise AssertionError(f"{row.part}, {row.name} / {column} / {variant.words} / {names}: {error}") from error
        return trial.runs

    def _on_a_bench(self) -> Bench:
        if self._bench is None or self._rows_on_bench == ROWS_A_BENCH:
            self.close()
            self._bench = self._opened.enter_context(_bench(self._postgres_server, self._definition))
            self._rows_on_bench = 0
        return self._bench

    def _end_of_row(self) -> None:
        assert self._bench is not None
        assert_no_order_is_twice_in_the_journal(self._bench.admin)
        self._rows_on_bench += 1


@contextmanager
def _bench(postgres_server: str, definition: dict[str, Any]) -> Iterator[Bench]:
    on_commit: list[Any] = []

    def committed() -> None:
        for told in on_commit:
            told()

    with (
        fresh_database(postgres_server) as urls,
        psycopg.connect(urls.admin, autocommit=True) as admin,
        engine_on(urls.engine) as engine,
        functions_on(urls.functions, engine, definition, committed) as functions,
    ):
        reader = Database(lambda: urls.functions)
        yield Bench(urls, admin, engine, functions, reader, on_commit)
        reader.close()
