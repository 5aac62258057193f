"""The rows of an order that is replaced, from `PATCH /orders` to the word that decides which terms it has."""

from collections.abc import Sequence

from tests.simulation.fault_matrix import arms
from tests.simulation.fault_matrix.engine_rows import events_delivered, garbled
from tests.simulation.fault_matrix.fire import When
from tests.simulation.fault_matrix.function_rows import AFTER, BEFORE, NEXT
from tests.simulation.fault_matrix.functions import RECONCILER, REPLACE
from tests.simulation.fault_matrix.other_rows import ON_ITS_WAY
from tests.simulation.fault_matrix.scenarios import REPLACED, REPLACED_AT_THE_ENGINE
from tests.simulation.fault_matrix.stages import Stage
from tests.simulation.fault_matrix.table import (
    CLIENT_ASKS_AGAIN,
    DRIVER,
    ENGINE_HAS_ANSWERED,
    LATE_ANSWER,
    NOT_THE_ENGINE,
    NOTHING_ANSWERED,
    ONE_ANSWER,
    ONE_WRITE,
    Cell,
    Column,
    Row,
)
from tests.simulation.fault_matrix.trial import Phase, Variant
from tests.simulation.fault_matrix.wire import Call
from tests.support.engine_database import WriteFault

_RESERVING = 1  # The transaction that holds the larger of both; the engine is asked after it.
# What the reconciler finds: a replace that never arrived, one that is decided and unheard of, one that is late.
_NEVER_ARRIVED = arms.request_lost(Call.REPLACE)
_UNHEARD = arms.answer_lost(Call.REPLACE)
_LATE = arms.request_late(Call.REPLACE)


def replace_rows() -> list[Row]:
    replacing, engine = Phase.REPLACING, REPLACED_AT_THE_ENGINE
    return [
        Row("replace", "before its limits are reserved", replacing, REPLACED, _called()),
        Row("replace", "reserved, before the engine is asked", replacing, engine, _reserved()),
        Row("replace", "at the engine, not journalled", replacing, engine, _applied()),
        Row("replace", "journalled, not answered", replacing, engine, _journalled()),
        Row("replace", "the engine has answered, not booked", replacing, engine, _not_booked()),
        Row("replace", "booked, not answered", replacing, engine, _not_answered()),
        Row("replace", "its events are delivered", Phase.EVENTS, REPLACED, events_delivered()),
        Row("replace", "before the reconciler asks what became of it", Phase.RECONCILING, engine, _before_it_asks()),
        Row("replace", "the reconciler has its answer, not booked", Phase.RECONCILING, engine, _before_it_books()),
    ]


def _called() -> dict[Column, Cell]:
    called = f"{REPLACE}: called"
    return {
        Column.KILLED: [Variant("the function", arms.function_dies(called))],
        Column.LOST: [Variant("the request", arms.no_answer(called))],
        Column.DOUBLED: [Variant("the request", arms.called_twice(REPLACE))],
        Column.DELAYED: [
            Variant("sent again before it arrives", arms.called_late(REPLACE, BEFORE)),
            Variant("it arrives alone", arms.called_late(REPLACE, BEFORE), gives_up=True),
            Variant("after the reconciler", arms.called_late(REPLACE, AFTER), gives_up=True, leaves_room=True),
        ],
        Column.REORDERED: [
            Variant("it overtakes the order", arms.meanwhile(called, lambda _: None), given=ON_ITS_WAY, late=NEXT),
            Variant("the order's cancel overtakes it", arms.called_late(REPLACE, NEXT), gives_up=True, cancels=True),
        ],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(called)),
            Variant("until the client gives up", arms.database_down(called)),
        ],
        Column.ENGINE: NOT_THE_ENGINE,
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _reserved() -> dict[Column, Cell]:
    asks = f"{REPLACE}: asks the engine"
    return {
        Column.KILLED: [
            Variant("the function", arms.function_dies(asks)),
            Variant("and the client gives up", arms.function_dies(asks), gives_up=True),
        ],
        Column.LOST: [
            Variant("the request to the engine", arms.request_lost(Call.REPLACE)),
            Variant("and the client gives up", arms.request_lost(Call.REPLACE), gives_up=True),
        ],
        Column.DOUBLED: [Variant("the request to the engine", arms.request_doubled(Call.REPLACE))],
        Column.DELAYED: [
            Variant("sent again before it arrives", arms.request_late(Call.REPLACE, 1), late=BEFORE),
            Variant("it arrives alone", _LATE, gives_up=True, late=BEFORE),
            Variant("it arrives after the reconciler has voided it", _LATE, gives_up=True, late=AFTER),
        ],
        Column.REORDERED: [Variant("the order's cancel overtakes it", _LATE, gives_up=True, late=NEXT, cancels=True)],
        Column.DATABASE: [
            Variant("its commit's answer", arms.commit_unheard(REPLACE)),
            Variant("and the client gives up", arms.commit_unheard(REPLACE), gives_up=True),
        ],
        Column.ENGINE: [
            Variant("for a call", arms.engine_refuses_once(REPLACE)),
            Variant("until the client gives up", arms.engine_refuses(REPLACE)),
        ],
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _dies(stage: Stage) -> list[Variant]:
    return [
        Variant(f"the engine, {stage}", arms.engine_dies(stage)),
        Variant(f"{stage}, until the client gives up", arms.engine_dies(stage, stays_dead=True)),
    ]


def _applied() -> dict[Column, Cell]:
    late = arms.journal_write(WriteFault.LATE)
    return {
        Column.KILLED: [*_dies(Stage.RECEIVED), *_dies(Stage.APPLIED)],
        Column.LOST: [Variant("its write", arms.journal_write(WriteFault.LOST))],
        Column.DOUBLED: [Variant("its write", arms.journal_write(WriteFault.DOUBLED))],
        Column.DELAYED: [
            Variant("its write, until after everything", late, late=BEFORE),
            Variant("its write, until after the reconciler", late, late=AFTER),
        ],
        Column.REORDERED: ONE_WRITE,
        Column.DATABASE: [Variant("for its write", arms.engine_loses_database(Stage.APPLIED))],
        Column.ENGINE: [
            Variant("the connection breaks before it", arms.connection_breaks(Stage.RECEIVED)),
            Variant("after it", arms.connection_breaks(Stage.APPLIED)),
        ],
        Column.GARBAGE: DRIVER,
    }


def _journalled() -> dict[Column, Cell]:
    return {
        Column.KILLED: [*_dies(Stage.JOURNALLED), *_dies(Stage.ANSWERED)],
        Column.LOST: [Variant("the answer to its write", arms.journal_write(WriteFault.UNHEARD))],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: [Variant("from then on", arms.engine_loses_database(Stage.JOURNALLED))],
        Column.ENGINE: [Variant("the connection breaks", arms.connection_breaks(Stage.JOURNALLED))],
        Column.GARBAGE: DRIVER,
    }


def _not_booked() -> dict[Column, Cell]:
    books = f"{REPLACE}: books"
    return {
        Column.KILLED: [
            Variant("the function", arms.function_dies(books)),
            Variant("and the client gives up", arms.function_dies(books), gives_up=True),
        ],
        Column.LOST: [
            Variant("the engine's answer", arms.answer_lost(Call.REPLACE)),
            Variant("and the client gives up", arms.answer_lost(Call.REPLACE), gives_up=True),
        ],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: [Variant("everything else happens first", arms.meanwhile(books, arms.everything_else))],
        Column.REORDERED: [Variant("the events overtake it", arms.meanwhile(books, lambda trial: trial.pump()))],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(books)),
            Variant("until the client gives up", arms.database_down(books)),
        ],
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: garbled(Call.REPLACE),
    }


def _not_answered() -> dict[Column, Cell]:
    done = f"{REPLACE}: done"
    return {
        Column.KILLED: [Variant("the function", arms.function_dies(done))],
        Column.LOST: [Variant("its answer", arms.no_answer(done))],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: [Variant("its commit's answer", arms.commit_unheard(REPLACE, spared=_RESERVING))],
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: CLIENT_ASKS_AGAIN,
    }


def _found(words: str, arm: arms.Arm) -> list[Variant]:
    """By a reconciler that finds replaces which never reached the engine, and by one whose replaces are decided."""
    return [
        Variant(f"{words} (never arrived)", arm, given=_NEVER_ARRIVED, gives_up=True),
        Variant(f"{words} (decided)", arm, given=_UNHEARD, gives_up=True),
    ]


def _before_it_asks() -> dict[Column, Cell]:
    begins, asks = f"{RECONCILER}: begins", f"{RECONCILER}: asks the engine"
    late = arms.request_late(Call.VOID_REPLACE)
    return {
        Column.KILLED: [
            *_found("at once", arms.function_dies(begins)),
            *_found("as it asks", arms.function_dies(asks)),
        ],
        Column.LOST: _found("its question", arms.request_lost(Call.VOID_REPLACE)),
        Column.DOUBLED: [
            *_found("its question", arms.request_doubled(Call.VOID_REPLACE)),
            *_found("the run", arms.meanwhile(asks, lambda trial: trial.functions.reconcile())),
        ],
        Column.DELAYED: [
            Variant("until after the next run (never arrived)", late, given=_NEVER_ARRIVED, gives_up=True, late=AFTER),
            Variant("until after the next run (decided)", late, given=_UNHEARD, gives_up=True, late=AFTER),
        ],
        Column.REORDERED: [_overtaken(BEFORE), _overtaken(AFTER)],
        Column.DATABASE: _found("for the run", arms.database_down_for_a_call(begins)),
        Column.ENGINE: _found("for the run", arms.engine_refuses_once(RECONCILER)),
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _overtaken(late: When) -> Variant:
    asks = arms.meanwhile(f"{RECONCILER}: asks the engine", lambda _: None)
    return Variant(f"it overtakes the replace, which comes {late.value}", asks, given=_LATE, gives_up=True, late=late)


def _before_it_books() -> dict[Column, Cell]:
    books = f"{RECONCILER}: books"
    return {
        Column.KILLED: _found("the function", arms.function_dies(books)),
        Column.LOST: _found("the engine's answer", arms.answer_lost(Call.VOID_REPLACE)),
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: _found("everything else happens first", arms.meanwhile(books, arms.everything_else_of_all)),
        Column.REORDERED: _found("the events overtake it", arms.meanwhile(books, lambda trial: trial.pump())),
        Column.DATABASE: _found("as it books", arms.database_down_for_a_call(books)),
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: [
            *_garbled(_NEVER_ARRIVED, " (never arrived)"),
            *_garbled(_UNHEARD, " (decided)"),
        ],
    }


def _garbled(given: arms.Arm, words: str) -> Sequence[Variant]:
    return garbled(Call.VOID_REPLACE, given, words, gives_up=True)
