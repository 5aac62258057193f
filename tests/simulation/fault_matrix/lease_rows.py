"""The rows of leases: granted, renewed and given back between ledger and engine, and the orders sent within them."""

from collections.abc import Callable

from tests.simulation.fault_matrix import arms
from tests.simulation.fault_matrix.engine_rows import events_delivered
from tests.simulation.fault_matrix.function_rows import AFTER, BEFORE, NEXT
from tests.simulation.fault_matrix.functions import KILL, OPEN_LEASE, PROJECTIONS, STOP_LEASE, WATCH
from tests.simulation.fault_matrix.leased import BOT
from tests.simulation.fault_matrix.scenarios import LEASED, LEASED_OPEN
from tests.simulation.fault_matrix.stages import Stage
from tests.simulation.fault_matrix.table import (
    DRIVER,
    ENGINE_HAS_ANSWERED,
    LATE_ANSWER,
    NO_STATEMENT,
    NOTHING_ANSWERED,
    ONE_ANSWER,
    ONE_WRITE,
    Cell,
    Column,
    Row,
)
from tests.simulation.fault_matrix.trial import Phase, Trial, Variant
from tests.simulation.fault_matrix.wire import Call, Garbage
from tests.support.engine_database import WriteFault

_WORDS = {Garbage.ANOTHER_ORDER: "another lease's terms", Garbage.STRANGER: "terms that nobody asked for"}


def lease_rows() -> list[Row]:
    steps = [
        ("granted", OPEN_LEASE, Phase.LEASING),
        ("renewed", WATCH, Phase.RENEWING),
        ("given back", STOP_LEASE, Phase.RETURNING),
    ]
    rows = []
    for words, function, phase in steps:
        rows += [
            Row("lease", f"{words}, before the engine is asked", phase, LEASED_OPEN, _told(function, phase)),
            Row("lease", f"{words}, at the engine, not answered", phase, LEASED_OPEN, _at_the_engine()),
            Row("lease", f"{words}, the engine has answered, not booked", phase, LEASED_OPEN, _not_booked(function)),
        ]
    unheard = Variant("the answer to a commit", arms.commit_unheard(PROJECTIONS))
    return [
        *rows,
        Row("leased order", "request received", Phase.SENDING, LEASED, _received()),
        Row("leased order", "applied, not journalled", Phase.SENDING, LEASED, _applied()),
        Row("leased order", "journalled, not answered", Phase.SENDING, LEASED, _journalled()),
        Row("leased order", "its events are delivered", Phase.EVENTS, LEASED, events_delivered(unheard)),
        Row("leased order", "its desk is killed", Phase.KILLING, LEASED_OPEN, _killed()),
    ]


def _told(function: str, phase: Phase) -> dict[Column, Cell]:
    called, asks = f"{function}: called", f"{function}: asks the engine"
    late = arms.request_late(Call.LEASE)
    alone = phase is not Phase.RENEWING  # The watch does not give up: its next round comes by itself.
    return {
        Column.KILLED: [
            Variant("the function", arms.function_dies(called)),
            Variant("its terms are booked", arms.function_dies(asks)),
        ],
        Column.LOST: [
            Variant("the call", arms.no_answer(called)),
            Variant("its question", arms.request_lost(Call.LEASE)),
        ],
        Column.DOUBLED: [
            Variant("the call", arms.called_twice(function)),
            Variant("its question", arms.request_doubled(Call.LEASE)),
        ],
        Column.DELAYED: [
            Variant("the call, until after everything", arms.called_late(function, BEFORE), gives_up=alone),
            Variant("the call, until after the reconciler", arms.called_late(function, AFTER), gives_up=alone),
            Variant("its question, until after everything", late, late=BEFORE),
            Variant("its question, until after the reconciler", late, late=AFTER),
        ],
        Column.REORDERED: [Variant("newer terms overtake it", arms.request_late(Call.LEASE, 1), late=NEXT)],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(called)),
            Variant("until everybody gives up", arms.database_down(called)),
            Variant("the answer of a commit", arms.commit_unheard(function, spared=_commits_before(phase))),
        ],
        Column.ENGINE: [
            Variant("for a call", arms.engine_refuses_once(function)),
            Variant("until everybody gives up", arms.engine_refuses(function)),
        ],
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _commits_before(phase: Phase) -> int:
    """Of the one that books the new terms: the watch lists organisations and leases first."""
    return 2 if phase is Phase.RENEWING else 0


def _at_the_engine() -> dict[Column, Cell]:
    late = arms.journal_write(WriteFault.LATE)
    return {
        Column.KILLED: [
            *(Variant(f"the engine, {stage}", arms.engine_dies(stage)) for stage in _STAGES),
            Variant("until everybody gives up", arms.engine_dies(Stage.RECEIVED, stays_dead=True)),
            Variant("journalled, until everybody gives up", arms.engine_dies(Stage.JOURNALLED, stays_dead=True)),
        ],
        Column.LOST: [
            Variant("its write", arms.journal_write(WriteFault.LOST)),
            Variant("the answer to its write", arms.journal_write(WriteFault.UNHEARD)),
        ],
        Column.DOUBLED: [Variant("its write", arms.journal_write(WriteFault.DOUBLED))],
        Column.DELAYED: [
            Variant("its write, until after everything", late, late=BEFORE),
            Variant("its write, until after the reconciler", late, late=AFTER),
        ],
        Column.REORDERED: ONE_WRITE,
        Column.DATABASE: [
            Variant("for its write", arms.engine_loses_database(Stage.APPLIED)),
            Variant("from the commit on", arms.engine_loses_database(Stage.JOURNALLED)),
        ],
        Column.ENGINE: [
            Variant("the connection breaks before the write", arms.connection_breaks(Stage.APPLIED)),
            Variant("after it", arms.connection_breaks(Stage.JOURNALLED)),
        ],
        Column.GARBAGE: DRIVER,
    }


_STAGES = (Stage.RECEIVED, Stage.APPLIED, Stage.JOURNALLED, Stage.ANSWERED)


def _not_booked(function: str) -> dict[Column, Cell]:
    books = f"{function}: books"
    return {
        Column.KILLED: [
            Variant("the function", arms.function_dies(books)),
            Variant("as it has booked it", arms.function_dies(f"{function}: done")),
        ],
        Column.LOST: [
            Variant("the engine's answer", arms.answer_lost(Call.LEASE)),
            Variant("its own", arms.no_answer(f"{function}: done")),
        ],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: [Variant("everything else happens first", arms.meanwhile(books, _everything_else, times=1))],
        Column.REORDERED: [
            Variant("an order of it overtakes it", arms.meanwhile(books, _an_order, times=1)),
            Variant("and its events", arms.meanwhile(books, _an_order_and_its_events, times=1)),
        ],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(books)),
            Variant("until everybody gives up", arms.database_down(books)),
        ],
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: [Variant(_WORDS.get(kind, kind), arms.answer_garbled(Call.LEASE, kind)) for kind in Garbage],
    }


def _an_order(trial: Trial) -> None:
    """The bot's: it may go by what the engine has said, whoever has heard of it."""
    trial.leases.send(trial.sent)


def _an_order_and_its_events(trial: Trial) -> None:
    _an_order(trial)
    trial.pump()


def _everything_else(trial: Trial) -> None:
    """What was asked is old when it is booked: an order, its events and newer terms were there before."""
    _an_order_and_its_events(trial)
    trial.leases.renew()
    trial.leases.cancel(trial.sent)
    trial.pump()


def _received() -> dict[Column, Cell]:
    late = arms.request_late(Call.LEASED_ORDER)
    return {
        Column.KILLED: _dies(Stage.RECEIVED),
        Column.LOST: [Variant("the request", arms.request_lost(Call.LEASED_ORDER))],
        Column.DOUBLED: [Variant("the request", arms.request_doubled(Call.LEASED_ORDER))],
        Column.DELAYED: [
            Variant("sent again before it arrives", arms.request_late(Call.LEASED_ORDER, 1)),
            Variant("it arrives alone", late, gives_up=True, late=BEFORE),
            Variant("after the reconciler", late, gives_up=True, late=AFTER),
        ],
        Column.REORDERED: [
            Variant("its cancel overtakes it", late, gives_up=True, late=NEXT, cancels=True),
            Variant("its lease is given back first", arms.all_of(late, _given_back), gives_up=True, late=BEFORE),
        ],
        Column.DATABASE: NO_STATEMENT,
        Column.ENGINE: [
            Variant("for a call", arms.engine_refuses_once(BOT)),
            Variant("the connection breaks", arms.connection_breaks(Stage.RECEIVED)),
        ],
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _given_back(trial: Trial) -> None:
    trial.leases.stop(trial.sent.account_id)


def _dies(stage: Stage) -> list[Variant]:
    return [
        Variant("in the order's batch", arms.engine_dies(stage)),
        Variant("until the client gives up", arms.engine_dies(stage, stays_dead=True)),
        Variant("and its lease is given back", arms.all_of(arms.engine_dies(stage), _when_over(_given_back))),
    ]


def _when_over(does: Callable[[Trial], None]) -> arms.Arm:
    """Before anybody has heard of what the journal says."""
    return lambda trial: trial.when_it_is_over(lambda: does(trial))


def _applied() -> dict[Column, Cell]:
    late = arms.journal_write(WriteFault.LATE)
    return {
        Column.KILLED: _dies(Stage.APPLIED),
        Column.LOST: [Variant("its write", arms.journal_write(WriteFault.LOST))],
        Column.DOUBLED: [Variant("its write", arms.journal_write(WriteFault.DOUBLED))],
        Column.DELAYED: [
            Variant("its write, until after everything", late, late=BEFORE),
            Variant("its write, until after the reconciler", late, late=AFTER),
        ],
        Column.REORDERED: ONE_WRITE,
        Column.DATABASE: [Variant("for its write", arms.engine_loses_database(Stage.APPLIED))],
        Column.ENGINE: [Variant("the connection breaks", arms.connection_breaks(Stage.APPLIED))],
        Column.GARBAGE: DRIVER,
    }


def _journalled() -> dict[Column, Cell]:
    return {
        Column.KILLED: [*_dies(Stage.JOURNALLED), Variant("as it answers", arms.engine_dies(Stage.ANSWERED))],
        Column.LOST: [
            Variant("the answer to its write", arms.journal_write(WriteFault.UNHEARD)),
            Variant("its answer", arms.answer_lost(Call.LEASED_ORDER)),
        ],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: [Variant("from then on", arms.engine_loses_database(Stage.JOURNALLED))],
        Column.ENGINE: [Variant("the connection breaks", arms.connection_breaks(Stage.JOURNALLED))],
        Column.GARBAGE: [
            Variant(kind, arms.answer_garbled(Call.LEASED_ORDER, kind), needs_another_order=True) for kind in Garbage
        ],
    }


def _killed() -> dict[Column, Cell]:
    asks, books = f"{KILL}: asks the engine", f"{KILL}: books"
    return {
        Column.KILLED: [
            Variant("the function, as it asks", arms.function_dies(asks)),
            Variant("the function, as it books", arms.function_dies(books)),
            *(Variant(f"the engine, {stage}", arms.engine_dies(stage)) for stage in _STAGES),
        ],
        Column.LOST: [
            Variant("the end of a lease", arms.request_lost(Call.LEASE)),
            Variant("the engine's answer to it", arms.answer_lost(Call.LEASE)),
            Variant("the cancels", arms.request_lost(Call.CANCEL_ALL)),
        ],
        Column.DOUBLED: [Variant("the end of a lease", arms.request_doubled(Call.LEASE))],
        Column.DELAYED: [
            Variant("the ends of leases, until after everything", arms.request_late(Call.LEASE), late=BEFORE),
            Variant("the ends of leases, until after the reconciler", arms.request_late(Call.LEASE), late=AFTER),
        ],
        Column.REORDERED: [Variant("the events overtake it", arms.meanwhile(books, lambda trial: trial.pump()))],
        Column.DATABASE: [
            Variant("for a call", arms.database_down_for_a_call(books)),
            Variant("until the operator gives up", arms.database_down(books)),
        ],
        Column.ENGINE: [
            Variant("for a call", arms.engine_refuses_once(KILL)),
            Variant("until the operator gives up", arms.engine_refuses(KILL)),
        ],
        Column.GARBAGE: [Variant(_WORDS.get(kind, kind), arms.answer_garbled(Call.LEASE, kind)) for kind in Garbage],
    }
