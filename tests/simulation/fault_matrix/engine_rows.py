"""The rows of the engine, from the request it receives to the event that is projected."""

from tests.simulation.fault_matrix import arms
from tests.simulation.fault_matrix.function_rows import AFTER, ATTEMPTS, BEFORE, NEXT, NONSENSE
from tests.simulation.fault_matrix.functions import PROJECTIONS
from tests.simulation.fault_matrix.scenarios import CONFIRMED, EVERY, SUBMITTED, TRADED
from tests.simulation.fault_matrix.stages import Stage
from tests.simulation.fault_matrix.table import (
    DRIVER,
    ENGINE_HAS_ANSWERED,
    IN_ORDER,
    LATE_ANSWER,
    NO_MESSAGE,
    NO_STATEMENT,
    NOT_THE_ENGINE,
    NOTHING_ANSWERED,
    ONE_ANSWER,
    ONE_WRITE,
    ROW_STAYS,
    WRITTEN_AS_JSON,
    Cell,
    Column,
    Row,
)
from tests.simulation.fault_matrix.trial import Phase, Trial, Variant
from tests.simulation.fault_matrix.wire import Call, Garbage
from tests.support.engine_database import WriteFault

# The venue answers within the order's commit. Only where older reports of it wait is it asked after that: then the
# order's own batch goes first, and the batch of what its venue reports comes second.
VENUES_BATCH = 1
ITS_ANSWERS = 1  # Within one commit: the order is applied first, what its venue answers second.
_OLDER_WAIT = "where older reports wait"


def engine_rows() -> list[Row]:
    return [
        Row("engine", "request received", Phase.PLACING, SUBMITTED, _received()),
        Row("engine", "applied, not journalled", Phase.PLACING, SUBMITTED, _applied()),
        Row("engine", "journalled, not answered", Phase.PLACING, SUBMITTED, _journalled()),
        Row("engine", "journalled, not at its venue", Phase.PLACING, SUBMITTED, _before_the_venue()),
        Row("engine", "answered", Phase.PLACING, SUBMITTED, _answered()),
        Row("engine", "event in the outbox", Phase.EVENTS, EVERY, _in_the_outbox()),
        Row("engine", "event relayed, not forgotten", Phase.EVENTS, EVERY, _relayed()),
        Row("projections", "event delivered", Phase.EVENTS, SUBMITTED, _delivered()),
        Row("projections", "event projected, not acknowledged", Phase.EVENTS, SUBMITTED, _projected()),
    ]


def _dies(stage: Stage) -> list[Variant]:
    return [
        Variant("in the order's batch", arms.engine_dies(stage)),
        _where_older_wait("in the batch of its venue's reports", arms.engine_dies(stage, spared=VENUES_BATCH)),
        Variant("until the client gives up", arms.engine_dies(stage, stays_dead=True)),
    ]


def _where_older_wait(words: str, arm: arms.Arm) -> Variant:
    return Variant(f"{words}, {_OLDER_WAIT}", arms.all_of(arms.older_reports_wait, arm))


def _received() -> dict[Column, Cell]:
    late = arms.request_late(Call.SUBMIT)
    return {
        Column.KILLED: _dies(Stage.RECEIVED),
        Column.LOST: [
            Variant("one request", arms.request_lost(Call.SUBMIT)),
            Variant("each attempt's", arms.request_lost(Call.SUBMIT, ATTEMPTS)),
        ],
        Column.DOUBLED: [Variant("the request", arms.request_doubled(Call.SUBMIT))],
        Column.DELAYED: [
            Variant("one attempt", arms.request_late(Call.SUBMIT, 1)),
            Variant("it arrives after everything", late, late=BEFORE),
            Variant("it arrives after the reconciler has voided it", late, late=AFTER),
        ],
        Column.REORDERED: [Variant("its cancel overtakes it", late, late=NEXT, cancels=True)],
        Column.DATABASE: NO_STATEMENT,
        Column.ENGINE: [Variant("the connection breaks", arms.connection_breaks(Stage.RECEIVED))],
        Column.GARBAGE: NOTHING_ANSWERED,
    }


def _applied() -> dict[Column, Cell]:
    lost, late = WriteFault.LOST, arms.journal_write(WriteFault.LATE)
    return {
        Column.KILLED: [
            *_dies(Stage.APPLIED),
            Variant("with its venue's answers", arms.engine_dies(Stage.APPLIED, spared=ITS_ANSWERS)),
        ],
        Column.LOST: [
            Variant("the order's write", arms.journal_write(lost)),
            _where_older_wait("the write of its venue's reports", arms.journal_write(lost, spared=VENUES_BATCH)),
        ],
        Column.DOUBLED: [Variant("the write", arms.journal_write(WriteFault.DOUBLED))],
        Column.DELAYED: [
            Variant("the write, until after everything", late, late=BEFORE),
            Variant("the write, until after the reconciler", late, late=AFTER),
        ],
        Column.REORDERED: ONE_WRITE,
        Column.DATABASE: [
            Variant("for the order's write", arms.engine_loses_database(Stage.APPLIED)),
            _where_older_wait(
                "for its venue's reports", arms.engine_loses_database(Stage.APPLIED, spared=VENUES_BATCH)
            ),
        ],
        Column.ENGINE: [Variant("the connection breaks", arms.connection_breaks(Stage.APPLIED))],
        Column.GARBAGE: DRIVER,
    }


def _journalled() -> dict[Column, Cell]:
    unheard = WriteFault.UNHEARD
    return {
        Column.KILLED: _dies(Stage.JOURNALLED),
        Column.LOST: [
            Variant("the answer to the order's write", arms.journal_write(unheard)),
            _where_older_wait("the answer to its venue's", arms.journal_write(unheard, spared=VENUES_BATCH)),
        ],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: [Variant("from then on", arms.engine_loses_database(Stage.JOURNALLED))],
        Column.ENGINE: [Variant("the connection breaks", arms.connection_breaks(Stage.JOURNALLED))],
        Column.GARBAGE: DRIVER,
    }


def _before_the_venue() -> dict[Column, Cell]:
    """Nowhere else than where older reports wait: otherwise there is nothing between the commit and the venue."""
    stage = Stage.AT_THE_VENUE
    return {
        Column.KILLED: [
            _where_older_wait("at once", arms.engine_dies(stage)),
            _where_older_wait("until the client gives up", arms.engine_dies(stage, stays_dead=True)),
        ],
        Column.LOST: NO_MESSAGE,
        Column.DOUBLED: NO_MESSAGE,
        Column.DELAYED: NO_MESSAGE,
        Column.REORDERED: NO_MESSAGE,
        Column.DATABASE: [_where_older_wait("from then on", arms.engine_loses_database(stage))],
        Column.ENGINE: [_where_older_wait("the connection breaks", arms.connection_breaks(stage))],
        Column.GARBAGE: NO_MESSAGE,
    }


def _answered() -> dict[Column, Cell]:
    return {
        Column.KILLED: [
            Variant("its answer is heard", arms.engine_dies_after_its_answer(Call.SUBMIT)),
            Variant("its answer is not sent", arms.engine_dies(Stage.ANSWERED)),
            _where_older_wait("its answer is not sent", arms.engine_dies(Stage.ANSWERED, spared=VENUES_BATCH)),
        ],
        Column.LOST: [
            Variant("one answer", arms.answer_lost(Call.SUBMIT)),
            Variant("each attempt's", arms.answer_lost(Call.SUBMIT, ATTEMPTS)),
        ],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: NO_STATEMENT,
        Column.ENGINE: ENGINE_HAS_ANSWERED,
        Column.GARBAGE: [
            *garbled(Call.SUBMIT),
            Variant("not JSON, once", arms.answer_garbled(Call.SUBMIT, Garbage.NOT_JSON, 1)),
        ],
    }


def garbled(call: Call, given: arms.Arm | None = None, words: str = "", *, gives_up: bool = False) -> list[Variant]:
    """Every kind, for as long as the client asks."""
    return [
        Variant(
            f"{kind}{words}",
            arms.answer_garbled(call, kind),
            given=given,
            gives_up=gives_up,
            needs_another_order=True,
        )
        for kind in Garbage
    ]


def _in_the_outbox() -> dict[Column, Cell]:
    return {
        Column.KILLED: [
            Variant("before it looks", arms.relay_dies("looks for events")),
            Variant("with the events in its hand", arms.relay_dies("has taken events")),
        ],
        Column.LOST: ROW_STAYS,
        Column.DOUBLED: ROW_STAYS,
        Column.DELAYED: [Variant("until after the reconciler", lambda _: None, holds_events=True)],
        Column.REORDERED: IN_ORDER,
        Column.DATABASE: [Variant("as it looks", arms.relay_loses_database("looks for events"))],
        Column.ENGINE: NOT_THE_ENGINE,
        Column.GARBAGE: WRITTEN_AS_JSON,
    }


def _relayed() -> dict[Column, Cell]:
    published = "has published events"
    return {
        Column.KILLED: [
            Variant("the queue remembers", arms.relay_dies(published)),
            Variant("the queue has forgotten", arms.relay_dies(published, queue_forgets=True)),
        ],
        Column.LOST: [Variant("the queue's answer", arms.queue_loses_its_answer)],
        Column.DOUBLED: [Variant("every event", arms.everything_is_there_twice)],
        Column.DELAYED: [Variant("in the queue until after the reconciler", Trial.relay_once, holds_events=True)],
        Column.REORDERED: [Variant("from the last to the first", arms.events_are_turned_round)],
        Column.DATABASE: [Variant("as it forgets them", arms.relay_loses_database(published))],
        Column.ENGINE: NOT_THE_ENGINE,
        Column.GARBAGE: [Variant("the queue says that it took a part", arms.queue_takes_half)],
    }


def _delivered() -> dict[Column, Cell]:
    begins = f"{PROJECTIONS}: begins"
    return {
        Column.KILLED: [
            Variant("at the first event", arms.function_dies(begins)),
            Variant("at the second", arms.function_dies(begins, spared=1), only=TRADED),
        ],
        Column.LOST: [Variant("the delivery", arms.no_answer(f"{PROJECTIONS}: called"))],
        Column.DOUBLED: [Variant("the delivery", arms.called_twice(PROJECTIONS))],
        Column.DELAYED: [
            Variant("delivered again meanwhile", arms.called_late(PROJECTIONS, BEFORE)),
            Variant("until after the reconciler", arms.called_late(PROJECTIONS, AFTER)),
        ],
        Column.REORDERED: [Variant("the next delivery overtakes it", arms.called_late(PROJECTIONS, NEXT))],
        Column.DATABASE: [
            Variant("for a delivery", arms.database_down_for_a_call(begins)),
            Variant("for all", arms.database_down(begins)),
        ],
        Column.ENGINE: NOT_THE_ENGINE,
        Column.GARBAGE: [
            Variant("not JSON comes first", arms.poison("{")),
            Variant("of the wrong shape", arms.poison('{"topic": 7}')),
            Variant("of an order that nobody knows", arms.poison_of_an_unknown_order, only=CONFIRMED),
        ],
    }


def events_delivered(*without_database: Variant) -> dict[Column, Cell]:
    """Those of an order that has come another way than its saga, or has other terms by now."""
    begins = f"{PROJECTIONS}: begins"
    return {
        Column.KILLED: [
            Variant("at the first event", arms.function_dies(begins)),
            Variant("after the first event", arms.function_dies(f"{PROJECTIONS}: committed")),
        ],
        Column.LOST: [
            Variant("the delivery", arms.no_answer(f"{PROJECTIONS}: called")),
            Variant("the acknowledgement", arms.no_answer(f"{PROJECTIONS}: done")),
        ],
        Column.DOUBLED: [Variant("every event", arms.everything_is_there_twice)],
        Column.DELAYED: [
            Variant("until after the reconciler", arms.called_late(PROJECTIONS, AFTER)),
            Variant("in the outbox, until after the reconciler", lambda _: None, holds_events=True),
        ],
        Column.REORDERED: [Variant("from the last to the first", arms.events_are_turned_round)],
        Column.DATABASE: [Variant("for all", arms.database_down(begins)), *without_database],
        Column.ENGINE: NOT_THE_ENGINE,
        Column.GARBAGE: [Variant("not JSON comes first", arms.poison("{"))],
    }


def _projected() -> dict[Column, Cell]:
    committed, done = f"{PROJECTIONS}: committed", f"{PROJECTIONS}: done"
    return {
        Column.KILLED: [
            Variant("after the first event", arms.function_dies(committed)),
            Variant("after the last", arms.function_dies(done)),
        ],
        Column.LOST: [Variant("the acknowledgement", arms.no_answer(done))],
        Column.DOUBLED: ONE_ANSWER,
        Column.DELAYED: LATE_ANSWER,
        Column.REORDERED: ONE_ANSWER,
        Column.DATABASE: [
            Variant("the answer to a commit", arms.commit_unheard(PROJECTIONS)),
            Variant("to the next one", arms.commit_unheard(PROJECTIONS, spared=1), only=TRADED),
        ],
        Column.ENGINE: NOT_THE_ENGINE,
        Column.GARBAGE: [
            Variant("its answer", arms.projections_answer("nonsense")),
            Variant("its answer of the wrong shape", arms.projections_answer(NONSENSE)),
        ],
    }
