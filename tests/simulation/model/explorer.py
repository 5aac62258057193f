"""Looks at every state that a model can come to, nearest first, and tells the shortest way to one that is wrong.

A model is a protocol made small: a state that is a tuple of tuples, and the steps that may come next from it. Nothing
here is random: every order in which steps can come is tried.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

STATES_MAX = 1_000_000  # A minute or two, and 1 GB. A model that has more is not small, and should say less.


class Step[S](NamedTuple):
    """`words`: what happens, for people. `is_owed`: it comes sooner or later, whatever else is lost or dies."""

    words: str
    after: S
    is_owed: bool = False


class Model[S](Protocol):
    """What can be explored. The names of rules are sentences that end in counterexamples and in docs."""

    name: str
    bounds: str

    def __hash__(self) -> int: ...

    def start(self) -> S: ...

    def steps(self, state: S) -> Iterable[Step[S]]: ...

    def rules(self) -> Mapping[str, Callable[[S], bool]]:
        """What holds in each state."""
        ...

    def step_rules(self) -> Mapping[str, Callable[[S, Step[S]], bool]]:
        """What holds of each step from each state."""
        ...

    def goals(self) -> Mapping[str, Callable[[S], bool]]:
        """What can be come to from each state, by owed steps alone."""
        ...


@dataclass(frozen=True, slots=True)
class Counterexample:
    rule: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        told = [f"{number}. {words}" for number, words in enumerate(self.steps, start=1)]
        return "\n".join([*told, f"Then this does not hold: {self.rule}."])


@dataclass(frozen=True, slots=True)
class Exploration:
    """`counterexample` is None when everything holds; otherwise the counts are of what was seen until it was found."""

    state_count: int
    step_count: int
    counterexample: Counterexample | None


class _Seen[S]:
    """The states in the order they were found, each with the step that first led to it."""

    def __init__(self, start: S) -> None:
        self.states = [start]
        self._index_of = {start: 0}
        self._came_by: list[tuple[int, str]] = [(0, "")]
        self._owed_into: list[list[int]] = [[]]

    def add(self, before: int, step: Step[S]) -> bool:
        """Note the step; False when its state is known."""
        index = self._index_of.setdefault(step.after, len(self.states))
        is_new = index == len(self.states)
        if is_new:
            self.states.append(step.after)
            self._came_by.append((before, step.words))
            self._owed_into.append([])
        if step.is_owed and index != before:
            self._owed_into[index].append(before)
        return is_new

    def way_to(self, index: int) -> tuple[str, ...]:
        words: list[str] = []
        while index != 0:
            index, step = self._came_by[index]
            words.append(step)
        return tuple(reversed(words))

    def first_that_cannot_reach(self, goal: Callable[[S], bool]) -> int | None:
        """Walks back from the goal along owed steps: what that never meets is lost."""
        reaches = [goal(state) for state in self.states]
        frontier = [index for index, is_there in enumerate(reaches) if is_there]
        while frontier:
            for before in self._owed_into[frontier.pop()]:
                if not reaches[before]:
                    reaches[before] = True
                    frontier.append(before)
        return None if all(reaches) else reaches.index(False)


def explore[S](model: Model[S], only: str | None = None) -> Exploration:
    """Breadth first, so the first counterexample is a shortest one. RuntimeError beyond STATES_MAX states.

    `only`: the one rule or goal to look at, where others would be broken before it.
    """
    rules, step_rules = _chosen(model.rules(), only), _chosen(model.step_rules(), only)
    seen = _Seen(model.start())
    step_count = 0
    wrong = next(_broken(rules, seen.states[0]), None)
    if wrong is not None:
        return Exploration(1, 0, Counterexample(wrong, ()))
    for index, state in enumerate(seen.states):  # It grows meanwhile.
        for step in model.steps(state):
            step_count += 1
            wrong = next((name for name, holds in step_rules.items() if not holds(state, step)), None)
            if wrong is None and seen.add(index, step):
                wrong = next(_broken(rules, step.after), None)
            if wrong is not None:
                found = Counterexample(wrong, (*seen.way_to(index), step.words))
                return Exploration(len(seen.states), step_count, found)
        if len(seen.states) > STATES_MAX:
            raise RuntimeError(f"{model.name} has more than {STATES_MAX} states")
    return Exploration(len(seen.states), step_count, _unreachable(_chosen(model.goals(), only), seen))


def _chosen[Rule](rules: Mapping[str, Rule], only: str | None) -> dict[str, Rule]:
    return {name: rule for name, rule in rules.items() if only in (None, name)}


def _broken[S](rules: Mapping[str, Callable[[S], bool]], state: S) -> Iterator[str]:
    return (name for name, holds in rules.items() if not holds(state))


def _unreachable[S](goals: Mapping[str, Callable[[S], bool]], seen: _Seen[S]) -> Counterexample | None:
    for name, goal in goals.items():
        lost = seen.first_that_cannot_reach(goal)
        if lost is not None:
            return Counterexample(name, seen.way_to(lost))
    return None
