"""What passes while the limits database does not answer: by what was cached, then by emergency limits, then nothing.

Time goes in steps of five minutes, money in thousands of the quote currency. What the engine knows (mode, since when,
what was spent, which events are to be sent) is in its journal, so a restart changes none of it. The second half of the
state is what really happened: no rule of the engine looks at it, the rules that must hold do.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tests.simulation.model.explorer import Step

STEP_MINUTES = 5
CACHED_MINUTES_MAX = 5
EMERGENCY_MINUTES_MAX = 60
DAY_MAX, ORDER_MAX = 10, 2  # In an emergency.
ORDER_SIZES = (2, 3)
DAY_STEPS = 16  # A short day, so that many an emergency sees midnight.
UNSENT_MAX = 3  # The database goes and comes no faster than people are told.

NORMAL, CACHED, EMERGENCY, CLOSED = "NORMAL", "CACHED", "EMERGENCY", "CLOSED"


class State(NamedTuple):
    mode: str = NORMAL
    silent_minutes: int = 0
    spent_today: int = 0
    unsent: tuple[str, ...] = ()  # Events that say which mode began.

    is_silent: bool = False
    truly_silent_minutes: int = 0
    step_of_day: int = 0
    passed_today: int = 0  # In emergencies.
    passed_largest: int = 0  # In emergencies.
    passed_when_closed: bool = False
    told: str = NORMAL  # The mode that people were told last.


def mode_after(silent_minutes: int) -> str:
    if silent_minutes < CACHED_MINUTES_MAX:
        return CACHED
    return EMERGENCY if silent_minutes < CACHED_MINUTES_MAX + EMERGENCY_MINUTES_MAX else CLOSED


class Degraded:
    """The rules of the engine are the methods."""

    name = "degraded"
    bounds = f"steps of {STEP_MINUTES} minutes, {DAY_STEPS} a day; orders of 2,000 and 3,000"

    def start(self) -> State:
        return State()

    def steps(self, state: State) -> Iterator[Step[State]]:
        for size in ORDER_SIZES:
            if self.passes(state, size):
                yield Step(f"an order of {size},000 passes ({state.mode})", self.passed(state, size))
        if len(state.unsent) < UNSENT_MAX:
            if state.is_silent:
                back = state._replace(is_silent=False, truly_silent_minutes=0)
                yield Step("the database answers again", self.enter(back, NORMAL, 0))
            else:
                yield Step("the database does not answer", self.enter(state._replace(is_silent=True), CACHED, 0))
            yield Step("five minutes pass", self.time_passes(state))
        yield Step("the engine dies and replays its journal", self.restart(state))
        if state.unsent:
            told = state._replace(told=state.unsent[0], unsent=state.unsent[1:])
            yield Step(f"people are told: {told.told}", told, is_owed=True)

    def time_passes(self, state: State) -> State:
        step_of_day = (state.step_of_day + 1) % DAY_STEPS
        later = state._replace(step_of_day=step_of_day)
        if step_of_day == 0:
            later = self.midnight(later)._replace(passed_today=0)
        if not state.is_silent:
            return later
        # Beyond the last threshold a minute more says nothing more.
        silent_most = CACHED_MINUTES_MAX + EMERGENCY_MINUTES_MAX
        truly = min(state.truly_silent_minutes + STEP_MINUTES, silent_most)
        known = min(state.silent_minutes + STEP_MINUTES, silent_most)
        return self.enter(later._replace(truly_silent_minutes=truly), mode_after(known), known)

    def midnight(self, state: State) -> State:
        return state._replace(spent_today=0)

    def enter(self, state: State, mode: str, silent_minutes: int) -> State:
        """The mode and the event that tells it are journalled together."""
        unsent = state.unsent if mode == state.mode else (*state.unsent, mode)
        return state._replace(mode=mode, silent_minutes=silent_minutes, unsent=unsent)

    def passes(self, state: State, size: int) -> bool:
        if state.mode == EMERGENCY:
            return size <= ORDER_MAX and state.spent_today + size <= DAY_MAX
        return state.mode != CLOSED

    def passed(self, state: State, size: int) -> State:
        if state.mode == CLOSED:
            return state._replace(passed_when_closed=True)
        if state.mode != EMERGENCY:
            return state
        return state._replace(
            spent_today=state.spent_today + size,
            passed_today=state.passed_today + size,
            passed_largest=max(state.passed_largest, size),
        )

    def restart(self, state: State) -> State:
        return state

    # What must hold --------------------------------------------------------------------------------------------

    def rules(self) -> Mapping[str, Callable[[State], bool]]:
        return {
            "cached limits are used for 5 minutes at most, emergency limits for an hour at most": _mode_is_due,
            "no order above 2,000 passes in an emergency": lambda state: state.passed_largest <= ORDER_MAX,
            "no more than 10,000 a day pass in emergencies": lambda state: state.passed_today <= DAY_MAX,
            "nothing passes after the emergency's hour": lambda state: not state.passed_when_closed,
        }

    def step_rules(self) -> Mapping[str, Callable[[State, Step[State]], bool]]:
        return {"no change of mode is told twice or left out": _each_is_told_once}

    def goals(self) -> Mapping[str, Callable[[State], bool]]:
        return {"people are told which mode it is": lambda state: state.told == state.mode and not state.unsent}


def _mode_is_due(state: State) -> bool:
    return state.mode == (mode_after(state.truly_silent_minutes) if state.is_silent else NORMAL)


def _each_is_told_once(state: State, step: Step[State]) -> bool:
    """A mode that follows itself was told twice, or the one between was left out."""
    is_told = bool(state.unsent) and step.after == state._replace(told=state.unsent[0], unsent=state.unsent[1:])
    return not is_told or state.told != step.after.told
