"""What a matrix is made of: rows, which are points of an order's walk, and columns, which are what goes wrong there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.simulation.fault_matrix.scenarios import Scenario
from tests.simulation.fault_matrix.trial import Phase, Variant


class Column(StrEnum):
    KILLED = "killed"
    LOST = "lost"
    DOUBLED = "doubled"
    DELAYED = "delayed"
    REORDERED = "reordered"
    DATABASE = "no database"
    ENGINE = "no engine"
    GARBAGE = "garbage"


# The ways in which it is brought about, or why it cannot be.
type Cell = Sequence[Variant] | str


@dataclass(frozen=True)
class Row:
    part: str
    name: str
    phase: Phase
    scenarios: Sequence[Scenario]
    cells: Mapping[Column, Cell]

    def scenarios_of(self, variant: Variant) -> Sequence[Scenario]:
        return variant.only or self.scenarios

    def __post_init__(self) -> None:
        assert set(self.cells) == set(Column), f"{self.name}: {set(Column) - set(self.cells)}"


# Why a cell is empty.
ONE_ANSWER = "A call has one answer: a second one, or one that comes after another, would have nobody to go to."
LATE_ANSWER = "Whoever waited has given up and drops the answer when it comes: the same as lost."
NOTHING_ANSWERED = "Nothing has been answered yet."
NOT_THE_ENGINE = "The engine is not asked here."
ENGINE_HAS_ANSWERED = "The engine has answered already."
NO_MESSAGE = "It is a step within one process: no message is under way."
NO_STATEMENT = "No statement is under way: the database is asked at the points before and after."
NOBODY_WAITS = "Nobody waits for its answer."
CLIENT_ASKS_AGAIN = "A client that cannot read its answer asks again: the same as lost."
ONE_WRITE = "One journal write is under way at a time, and the next one follows its digest."
DRIVER = "What Postgres answers is read by its driver, which gives up a connection that it cannot read: no database."
ROW_STAYS = "It is a committed row: it cannot be lost, or be there twice."
IN_ORDER = "The relay takes an account's events in the order in which they were committed."
WRITTEN_AS_JSON = "An event is JSON by the type of its column, and of its shape by the contract test."
