"""The models of docs/limits-model.md hold in every state they have, and their rules are such as can fail."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.simulation.model import degraded_broken, explorer, leases_broken, reservations_broken
from tests.simulation.model.explorer import Model, Step, explore
from tests.simulation.model.report import DOCUMENT, PROTOCOLS, Protocol, explored, page_with, rules_of, written

MODELS = [model for protocol in PROTOCOLS for model in protocol.models]
MUTATIONS = [mutation for protocol in PROTOCOLS for mutation in protocol.mutations]

# No counterexample ends with these, because another rule is broken earlier on the way there.
HIDDEN: dict[str, Model[Any]] = {
    "nothing is used that the engine did not fill": reservations_broken.AddFills(),
    "all that the engine filled is within the limit": reservations_broken.HoldAfterSubmit(),
    "all that was filled and what is reserved beside it is within the limit": leases_broken.HoldOnlyWhatIsAsked(),
    "people are told which mode it is": degraded_broken.TellFromMemory(),
}


def name_of(model: Model[Any]) -> str:
    return f"{type(model).__name__}-{model.bounds}"


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_rule_holds_in_every_state(model: Model[Any]) -> None:
    assert str(explored(model).counterexample) == "None"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: type(mutation).__name__)
def test_a_broken_rule_of_the_code_is_found(mutation: Model[Any]) -> None:
    assert explored(mutation).counterexample is not None


@pytest.mark.parametrize(("rule", "mutation"), HIDDEN.items())
def test_a_rule_that_others_hide_is_broken_when_it_is_asked_for_alone(rule: str, mutation: Model[Any]) -> None:
    found = explore(mutation, only=rule).counterexample
    assert found is not None
    assert found.rule == rule


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_each_rule_is_broken_by_some_mutation(protocol: Protocol) -> None:
    met = {found.rule for mutation in protocol.mutations if (found := explored(mutation).counterexample)}
    assert set(rules_of(protocol.models[0])) <= met | HIDDEN.keys()


def test_the_page_says_what_the_run_says() -> None:
    page = DOCUMENT.read_text()
    assert page == page_with(written(), page), "run `python -m tests.simulation.model`"


class Lamp:
    """It is switched up to `brightest` and down again; someone may unscrew it at 2."""

    name, bounds = "lamp", "three steps"

    def __init__(self, brightest: int = 3, *, is_owed: bool = True) -> None:
        self._brightest = brightest
        self._is_owed = is_owed

    def start(self) -> int:
        return 0

    def steps(self, state: int) -> Iterator[Step[int]]:
        if 0 <= state < 3:
            yield Step("up", state + 1)
        if state > 0:
            yield Step("down", state - 1, self._is_owed)
        if state == 2:
            yield Step("unscrewed", -1)

    def rules(self) -> Mapping[str, Callable[[int], bool]]:
        return {"not too bright": lambda state: state <= self._brightest}

    def step_rules(self) -> Mapping[str, Callable[[int, Step[int]], bool]]:
        return {"no more than one at a time": lambda state, step: step.after <= state + 1}

    def goals(self) -> Mapping[str, Callable[[int], bool]]:
        return {"dark again": lambda state: state <= 0}


class Jump(Lamp):
    def steps(self, state: int) -> Iterator[Step[int]]:
        yield from super().steps(state)
        if state == 1:
            yield Step("jumps", 3)


class Clock(Lamp):
    def steps(self, state: int) -> Iterator[Step[int]]:
        yield Step("tick", state + 1)


def test_all_states_and_steps_are_counted_when_everything_holds() -> None:
    seen = explore(Lamp())
    assert (seen.state_count, seen.step_count, seen.counterexample) == (5, 7, None)


def test_a_counterexample_is_a_shortest_way_in_words() -> None:
    assert str(explore(Lamp(2)).counterexample) == "1. up\n2. up\n3. up\nThen this does not hold: not too bright."


def test_a_wrong_first_state_needs_no_step() -> None:
    assert str(explore(Lamp(-1)).counterexample) == "Then this does not hold: not too bright."


def test_a_step_can_break_a_rule_between_states_that_are_well() -> None:
    found = explore(Jump()).counterexample
    assert found is not None
    assert (found.rule, found.steps) == ("no more than one at a time", ("up", "jumps"))


def test_a_goal_that_only_luck_can_reach_is_a_counterexample() -> None:
    found = explore(Lamp(is_owed=False)).counterexample
    assert found is not None
    assert (found.rule, found.steps) == ("dark again", ("up",))


def test_only_the_rule_that_is_asked_for_is_looked_at() -> None:
    assert explore(Jump(2), only="dark again").counterexample is None


def test_a_model_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "STATES_MAX", 100)
    with pytest.raises(RuntimeError, match="lamp has more than 100 states"):
        explore(Clock(1_000))
