"""The rules of the degraded modes, broken one at a time: the explorer must find out each time."""

from tests.simulation.model.degraded import CACHED, CLOSED, DAY_MAX, EMERGENCY, UNSENT_MAX, Degraded, State


class CountAgainOnRestart(Degraded):
    """the clock of the silence is not journalled: a restart begins to count again"""

    def restart(self, state: State) -> State:
        return self.enter(state, CACHED, 0) if state.is_silent else state


class SpendAgainOnRestart(Degraded):
    """what was spent in the emergency is not journalled"""

    def restart(self, state: State) -> State:
        return state._replace(spent_today=0)


class SpendAgainOnEntry(Degraded):
    """each emergency of a day may spend the whole amount again"""

    def enter(self, state: State, mode: str, silent_minutes: int) -> State:
        after = super().enter(state, mode, silent_minutes)
        return after._replace(spent_today=0) if mode == EMERGENCY != state.mode else after


class StayInEmergency(Degraded):
    """an emergency lasts until the database answers"""

    def enter(self, state: State, mode: str, silent_minutes: int) -> State:
        return super().enter(state, EMERGENCY if mode == CLOSED else mode, silent_minutes)


class PassWhenClosed(Degraded):
    """after the hour the emergency's limits still let orders pass"""

    def passes(self, state: State, size: int) -> bool:
        return super().passes(state._replace(mode=EMERGENCY if state.mode == CLOSED else state.mode), size)


class IgnoreTheSizeOfOrders(Degraded):
    """in an emergency only the day's amount is looked at"""

    def passes(self, state: State, size: int) -> bool:
        if state.mode == EMERGENCY:
            return state.spent_today + size <= DAY_MAX
        return super().passes(state, size)


class TellFromMemory(Degraded):
    """the events of a change are not journalled with it: a restart loses those that were not sent"""

    def restart(self, state: State) -> State:
        return state._replace(unsent=())


class TellOnRestart(Degraded):
    """a restart tells the mode once more, to be sure"""

    def restart(self, state: State) -> State:
        return state._replace(unsent=(*state.unsent, state.mode)) if len(state.unsent) < UNSENT_MAX else state


MUTATIONS: tuple[Degraded, ...] = (
    CountAgainOnRestart(),
    SpendAgainOnRestart(),
    SpendAgainOnEntry(),
    StayInEmergency(),
    PassWhenClosed(),
    IgnoreTheSizeOfOrders(),
    TellFromMemory(),
    TellOnRestart(),
)
