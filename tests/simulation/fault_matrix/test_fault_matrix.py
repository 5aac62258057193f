"""Every cell of the fault matrix, and the page that the run writes of it: docs/fault-matrix.md.

For the complete product (each scenario alone in each cell, with sizes, prices and minutes that follow from a seed):
BREAKWATER_SIMULATION_SEEDS=1, or how many seeds there shall be.
"""

import os
from collections.abc import Iterator

import pytest

from tests.simulation.fault_matrix.matrix import ROWS, Matrix
from tests.simulation.fault_matrix.page import PAGE, written_anew
from tests.simulation.fault_matrix.state_machine import synthesized_definition

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "0")))
NAMES = [f"{row.part}, {row.name}" for row in ROWS]


@pytest.fixture(scope="module")
def matrix(postgres_server: str) -> Iterator[Matrix]:
    """Not longer than its tests: its engine has patched modules that the tests after them use."""
    matrix = Matrix(postgres_server, synthesized_definition())
    yield matrix
    matrix.close()


@pytest.mark.parametrize("number", range(len(ROWS)), ids=NAMES)
def test_whatever_goes_wrong_there_the_books_agree_and_no_limit_is_passed(matrix: Matrix, number: int) -> None:
    matrix.found(number)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("number", range(len(ROWS)), ids=NAMES)
def test_so_they_do_for_each_order_alone(matrix: Matrix, number: int, seed: int) -> None:
    matrix.play_alone(number, seed)


@pytest.mark.timeout(600)
def test_the_page_shows_what_the_run_found(matrix: Matrix) -> None:
    page = written_anew(ROWS, [matrix.found(number) for number in range(len(ROWS))])
    was_the_same = PAGE.read_text() == page
    PAGE.write_text(page)
    assert was_the_same, f"{PAGE.name} was another; it is written anew: look at what changed, and commit it"
