"""The rows of the reconciler, of cancels and of a desk that is killed."""

from collections.abc import Sequence

from tests.simulation.fault_matrix import arms
from tests.simulation.fault_matrix.engine_rows import garbled
from tests.simulation.fault_matrix.function_rows import AFTER, ATTEMPTS, BEFORE, NEXT
from tests.simulation.fault_matrix.functions import CANCEL, KILL, RECONCILER
from tests.simulation.fault_matrix.scenarios import OPEN, SUBMITTED, Scenario
from tests.simulation.fault_matrix.table import (
    CLIENT_ASKS_AGAIN,
    ENGINE_HAS_ANSWERED,
    LATE_ANSWER,
    NO_STATEMENT,
    NOBODY_WAITS,
    NOT_THE_ENGINE,
    NOTHING_ANSWERED,
    ONE_ANSWER,
    Cell,
    Column,
    Row,
)
from tests.simulation.fault_matrix.trial import Phase, Variant
from tests.simulation.fault_matrix.wire import Call

# What an order has behind it when the reconciler finds it.
NEVER_SENT = arms.machine_dies("SubmitOrder: called")
NEVER_BOOKED = arms.machine_dies("SubmitOrder: done")
ON_ITS_WAY = arms.request_late(Call.SUBMIT, ATTEMPTS)


def reconciler_rows() -> list[Row]:
    return [
        Row("reconciler", "before it asks the engine", Phase.RECONCILING, SUBMITTED, _before_it_asks()),
        Row("reconciler", "the engine has answered, not booked", Phase.RECONCILING, SUBMITTED, _before_it_books()),
        Row("reconciler", "booked, not at its end", Phase.RECONCILING, SUBMITTED, _before_its_end()),
    ]


def cancel_rows() -> list[Row]:
    return [
        Row("cancel", "before the engine is asked", Phase.CANCELING, OPEN, _cancel_asked()),
        Row("cancel", "the engine has answered, not booked", Phase.CANCELING, OPEN, _cancel_not_booked()),
        Row("cancel", "booked, not answered", Phase.CANCELING, OPEN, _not_answered(CANCEL)),
    ]


def kill_rows() -> list[Row]:
    return [
        Row("kill", "before its node is stopped", Phase.KILLING, OPEN, _kill_asked()),
        Row("kill", "stopped, before the engine is asked", Phase.KILLING, OPEN, _kill_stopped()),
        Row("kill", "the engine has answered, not booked", Phase.KILLING, OPEN, _kill_not_booked()),
        Row("kill", "booked, not answered", Phase.KILLING, OPEN, _not_answered(KILL)),
    ]


def _found(words: str, arm: arms.Arm, only: Sequence[Scenario] = ()) -> list[Variant]:
    """By a reconciler that finds orders which never reached the engine, and by one whose orders are there."""
    return [
        Variant(f"{words} (never sent)", arm, given=NEVER_SENT, only=only),
        Variant(f"{words} (at the engine)", arm, given=NEVER_BOOKED, only=only),
    ]


def _before_it_asks() -> dict[Column, Cell]:
    begins, asks = f"{RECONCILER}: begins", f"{RECONCILER}: asks the engine"
    late = arms.request_late(Call.VOID)
    overtaken = Variant("it overtakes the submit", arms.meanwhile(asks, lambda _: None), given=ON_ITS_WAY, late=AFTER)
    return {
        Column.KILLED: [
            *_found("at once", arms.function_dies(begins)),
            *_found("as it asks", arms.function_dies(asks)),
        ],
        Column.LOST: _found("its question", arms.request_lost(Call.VOID)),
        Column.DOUBLED: [
            *_found("its question", arms.request_doubled(Call.VOID)),
            *_found("the run", arms.meanwhile(asks, lambda trial: trial.functions.reconcile())),
        ],
        Column.DELAYED: [
            Variant("its questions, until after everything (never sent)", late, given=NEVER_SENT, late=BEFORE),
            Variant("until after the next run (never sent)", late, given=NEVER_SENT, late=AFTER),
            Variant("until after the next run (at the engine)", late, given=NEVER_BOOKED, late=AFTER),
        ],
        Column.REORDERED: [overtaken],
        Column.DATABASE: [
            *_found("for the run", arms.database_down_for_a_call(begins)),
            *_found("from its second statement on", arms.database_down_for_a_call(begins, spared=1)),
        ],
        Column.ENGINE: _found("for the run", arms.engine_refuses_once(RECONCILER)),
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _before_it_books() -> dict[Column, Cell]:
    books = f"{RECONCILER}: books"
    return {
        Column.KILLED: _found("the function", arms.function_dies(books)),
        Column.LOST: _found("the engine's answer", arms.answer_lost(Call.VOID)),
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: _found(
            "everything else happens first", arms.meanwhile(books, arms.everything_else_of_all), OPEN
        ),
        Column.REORDERED: _found("the events overtake it", arms.meanwhile(books, lambda trial: trial.pump())),
        Column.DATABASE: _found("as it books", arms.database_down_for_a_call(books)),
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: [
            *garbled(Call.VOID, NEVER_SENT, " (never sent)"),
            *garbled(Call.VOID, NEVER_BOOKED, " (at the engine)"),
        ],
    }


def _before_its_end() -> dict[Column, Cell]:
    committed, listing_and_reading = f"{RECONCILER}: committed", 2
    return {
        Column.KILLED: _found("after the first order", arms.function_dies(committed, spared=listing_and_reading)),
        Column.LOST: NOBODY_WAITS,
        Column.DOUBLED: NOBODY_WAITS,
        Column.DELAYED: NOBODY_WAITS,
        Column.REORDERED: NOBODY_WAITS,
        Column.DATABASE: _found("its commit's answer", arms.commit_unheard(RECONCILER, spared=listing_and_reading)),
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: NOBODY_WAITS,
    }


def _cancel_asked() -> dict[Column, Cell]:
    called, asks = f"{CANCEL}: called", f"{CANCEL}: asks the engine"
    late = arms.request_late(Call.CANCEL)
    goes_on = arms.meanwhile(asks, lambda _: None)
    return {
        Column.KILLED: [
            Variant("at once", arms.function_dies(called)),
            Variant("as it asks", arms.function_dies(asks)),
        ],
        Column.LOST: [
            Variant("the client's request", arms.no_answer(called)),
            Variant("the request to the engine", arms.request_lost(Call.CANCEL)),
        ],
        Column.DOUBLED: [
            Variant("the client's request", arms.called_twice(CANCEL)),
            Variant("the request to the engine", arms.request_doubled(Call.CANCEL)),
        ],
        Column.DELAYED: [
            Variant("the client's, until after everything", arms.called_late(CANCEL, BEFORE), gives_up=True),
            Variant("the client's, until after the reconciler", arms.called_late(CANCEL, AFTER), gives_up=True),
            Variant("the engine's, until after everything", late, gives_up=True, late=BEFORE),
            Variant("the engine's, until after the reconciler", late, gives_up=True, late=AFTER),
        ],
        Column.REORDERED: [
            Variant("it overtakes the order", goes_on, given=ON_ITS_WAY, late=NEXT),
            Variant("the order was never sent", goes_on, given=NEVER_SENT),
        ],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(called)),
            Variant("until the client gives up", arms.database_down(called)),
        ],
        Column.ENGINE: [
            Variant("for a call", arms.engine_refuses_once(CANCEL)),
            Variant("until the client gives up", arms.engine_refuses(CANCEL)),
        ],
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _cancel_not_booked() -> dict[Column, Cell]:
    books = f"{CANCEL}: books"
    return {
        Column.KILLED: [Variant("the function", arms.function_dies(books))],
        Column.LOST: [Variant("the engine's answer", arms.answer_lost(Call.CANCEL))],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: [Variant("the events overtake it", arms.meanwhile(books, lambda trial: trial.pump()))],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(books)),
            Variant("until the client gives up", arms.database_down(books)),
        ],
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: garbled(Call.CANCEL),
    }


def _not_answered(function: str) -> dict[Column, Cell]:
    done, reading_or_stopping = f"{function}: done", 1
    return {
        Column.KILLED: [Variant("the function", arms.function_dies(done))],
        Column.LOST: [Variant("its answer", arms.no_answer(done))],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: [Variant("its commit's answer", arms.commit_unheard(function, spared=reading_or_stopping))],
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: CLIENT_ASKS_AGAIN,
    }


def _kill_asked() -> dict[Column, Cell]:
    called, asks = f"{KILL}: called", f"{KILL}: asks the engine"
    return {
        Column.KILLED: [Variant("the function", arms.function_dies(called))],
        Column.LOST: [Variant("the request", arms.no_answer(called))],
        Column.DOUBLED: [Variant("the request", arms.called_twice(KILL))],
        Column.DELAYED: [
            Variant("until after everything", arms.called_late(KILL, BEFORE), gives_up=True),
            Variant("until after the reconciler", arms.called_late(KILL, AFTER), gives_up=True),
        ],
        Column.REORDERED: [
            Variant("it overtakes the orders", arms.meanwhile(asks, lambda _: None), given=ON_ITS_WAY),
            Variant("the orders were never sent", arms.meanwhile(asks, lambda _: None), given=NEVER_SENT),
        ],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(called)),
            Variant("until the operator gives up", arms.database_down(called)),
        ],
        Column.ENGINE: NOT_THE_ENGINE,
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _kill_stopped() -> dict[Column, Cell]:
    asks, late = f"{KILL}: asks the engine", arms.request_late(Call.CANCEL_ALL)
    arrives = arms.meanwhile(asks, lambda trial: trial.engine.arrive())
    return {
        Column.KILLED: [Variant("the function", arms.function_dies(asks))],
        Column.LOST: [Variant("its request", arms.request_lost(Call.CANCEL_ALL))],
        Column.DOUBLED: [Variant("its request", arms.request_doubled(Call.CANCEL_ALL))],
        Column.DELAYED: [
            Variant("its request, until after everything", late, late=BEFORE),
            Variant("its request, until after the reconciler", late, late=AFTER),
        ],
        Column.REORDERED: [Variant("the orders arrive in between", arrives, given=ON_ITS_WAY)],
        Column.DATABASE: NO_STATEMENT,
        Column.ENGINE: [
            Variant("for a call", arms.engine_refuses_once(KILL)),
            Variant("until the operator gives up", arms.engine_refuses(KILL)),
        ],
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _kill_not_booked() -> dict[Column, Cell]:
    books = f"{KILL}: books"
    return {
        Column.KILLED: [Variant("the function", arms.function_dies(books))],
        Column.LOST: [Variant("the engine's answer", arms.answer_lost(Call.CANCEL_ALL))],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: [Variant("the events overtake it", arms.meanwhile(books, lambda trial: trial.pump()))],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(books)),
            Variant("until the operator gives up", arms.database_down(books)),
        ],
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: garbled(Call.CANCEL_ALL),
    }
