"""The rows of the functions and of the state machine: from `POST /orders` to its answer."""

from collections.abc import Sequence
from typing import Any

from tests.simulation.fault_matrix import arms
from tests.simulation.fault_matrix.fire import When
from tests.simulation.fault_matrix.functions import PLACE
from tests.simulation.fault_matrix.scenarios import CONFIRMED, EVERY, REJECTED, SUBMITTED, Scenario
from tests.simulation.fault_matrix.table import (
    ENGINE_HAS_ANSWERED,
    LATE_ANSWER,
    NOT_THE_ENGINE,
    NOTHING_ANSWERED,
    ONE_ANSWER,
    Cell,
    Column,
    Row,
)
from tests.simulation.fault_matrix.trial import Phase, Trial, Variant
from tests.simulation.fault_matrix.wire import Call

ATTEMPTS = 2  # Of a step that is retried: infra_cdk/constructs/order_saga.py, as tests/infra reads it.
NONSENSE = {"status": "FILLED", "canceled": 7}
BEFORE, AFTER, NEXT = When.BEFORE_THE_RECONCILER, When.AFTER_THE_RECONCILER, When.AFTER_THE_NEXT


def _placed_beside(trial: Trial) -> None:
    """The same request once more, before the first has begun its saga."""
    trial.functions.place(trial.sent.tenant_id, trial.sent.terms)


def place_rows() -> list[Row]:
    called, done = f"{PLACE}: called", f"{PLACE}: done"
    starts = f"{PLACE}: starts the saga"
    return [
        Row(
            "orders function",
            "before it starts the saga",
            Phase.PLACING,
            EVERY,
            {
                Column.KILLED: [
                    Variant("at once", arms.function_dies(called)),
                    Variant("as it starts the saga", arms.function_dies(starts)),
                ],
                Column.LOST: [Variant("the request", arms.no_answer(called))],
                Column.DOUBLED: [
                    Variant("one after the other", arms.called_twice(PLACE)),
                    Variant("before the first has begun its saga", arms.meanwhile(starts, _placed_beside)),
                ],
                Column.DELAYED: [
                    Variant("sent again before it arrives", arms.called_late(PLACE, BEFORE)),
                    Variant("it arrives alone", arms.called_late(PLACE, BEFORE), gives_up=True, leaves_room=True),
                    Variant("after the reconciler", arms.called_late(PLACE, AFTER), gives_up=True, leaves_room=True),
                ],
                Column.REORDERED: [
                    Variant("its cancel overtakes it", arms.called_late(PLACE, NEXT), gives_up=True, cancels=True)
                ],
                Column.DATABASE: [
                    Variant("for a call", arms.database_down_for_a_call(called)),
                    Variant("until the client gives up", arms.database_down(called)),
                ],
                Column.ENGINE: NOT_THE_ENGINE,
                Column.GARBAGE: NOTHING_ANSWERED,
            },
        ),
        Row(
            "orders function",
            "after the saga, before its answer",
            Phase.PLACING,
            EVERY,
            {
                Column.KILLED: [Variant("the function", arms.function_dies(done))],
                Column.LOST: [
                    Variant("its answer", arms.no_answer(done)),
                    Variant("the saga's answer", arms.saga_answer_is_lost()),
                ],
                Column.DOUBLED: ONE_ANSWER,
                Column.DELAYED: LATE_ANSWER,
                Column.REORDERED: ONE_ANSWER,
                Column.DATABASE: [
                    Variant("for a call", arms.database_down_for_a_call(f"{PLACE}: begins", spared=1)),
                    Variant("until the client gives up", arms.database_down(f"{PLACE}: begins", spared=1)),
                ],
                Column.ENGINE: NOT_THE_ENGINE,
                Column.GARBAGE: [Variant("the saga's answer", arms.answers(f"{PLACE}: the saga answers", NONSENSE))],
            },
        ),
    ]


def saga_rows() -> list[Row]:
    lost = arms.answer_lost(Call.SUBMIT, ATTEMPTS)
    return [
        *_step("ReserveLimits", EVERY, commits=1, attempts=ATTEMPTS, notes=1),
        *_step("SubmitOrder", SUBMITTED, commits=2, attempts=ATTEMPTS, asks_the_engine=True),
        *_step("ConfirmOrder", CONFIRMED, commits=1),
        *_step("ReleaseLimits", [REJECTED], commits=1, asks_the_engine=True),
        *_step("MarkUnknown", SUBMITTED, commits=1, given=lost),
    ]


def _step(
    state: str,
    scenarios: Sequence[Scenario],
    *,
    commits: int,
    attempts: int = 1,
    notes: int = 0,
    asks_the_engine: bool = False,
    given: arms.Arm | None = None,
) -> list[Row]:
    """A state before its work, and after its work is committed and before its answer.

    `commits`: of an attempt that goes well; `notes`: after one that heard nothing of its commit.
    """
    called, done = f"{state}: called", f"{state}: done"

    def variant(words: str, arm: arms.Arm, **more: Any) -> Variant:
        return Variant(words, arm, given=given, **more)

    delayed = [
        variant("it arrives after everything", arms.called_late(state, BEFORE)),
        variant("it arrives after the reconciler", arms.called_late(state, AFTER)),
    ]
    if state == "ReserveLimits":  # Only then is there no row yet, and the client sends the order again.
        alone = {"gives_up": True, "leaves_room": True}
        delayed += [
            variant("after everything, and the client gives up", arms.called_late(state, BEFORE), **alone),
            variant("after the reconciler, and the client gives up", arms.called_late(state, AFTER), **alone),
        ]
    no_engine: Cell = NOT_THE_ENGINE
    if asks_the_engine:
        no_engine = [
            variant("for an attempt", arms.engine_refuses_once(state)),
            variant("until the client gives up", arms.engine_refuses(state)),
        ]
    unheard = [
        arms.commit_unheard(state, spared=commits * (attempt + 1) - 1 + notes * attempt) for attempt in range(attempts)
    ]
    both_die = [("the function", arms.function_dies), ("the state machine", arms.machine_dies)]
    before: dict[Column, Cell] = {
        Column.KILLED: [variant(who, dies(called)) for who, dies in both_die],
        Column.LOST: [variant("the call", arms.no_answer(called))],
        Column.DOUBLED: [variant("the call", arms.called_twice(state))],
        Column.DELAYED: delayed,
        Column.REORDERED: [variant("the next call overtakes it", arms.called_late(state, NEXT))],
        Column.DATABASE: [
            variant("for an attempt", arms.database_down_for_a_call(called)),
            variant("until the client gives up", arms.database_down(called)),
        ],
        Column.ENGINE: no_engine,
        Column.GARBAGE: NOTHING_ANSWERED,
    }
    after: dict[Column, Cell] = {
        Column.KILLED: [variant(who, dies(done)) for who, dies in both_die],
        Column.LOST: [variant("its answer", arms.no_answer(done))],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: [variant("its commit's answer", unheard[0])]
        + [variant("each attempt's", arms.all_of(*unheard)) for _ in unheard[1:]],
        Column.ENGINE: ENGINE_HAS_ANSWERED if asks_the_engine else NOT_THE_ENGINE,
        Column.GARBAGE: [
            variant("not JSON", arms.answer_is_no_json(state)),
            variant("of the wrong shape", arms.answers(done, NONSENSE)),
            variant("another order's", arms.answers_with_another_order(done), needs_another_order=True),
        ],
    }
    return [
        Row(state, "before its work", Phase.PLACING, scenarios, before),
        Row(state, "after its commit, before its answer", Phase.PLACING, scenarios, after),
    ]
