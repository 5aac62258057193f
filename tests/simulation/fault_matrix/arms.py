"""How faults are brought about: each of these gives what arms one for a trial."""

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from breakwater.errors import DatabaseUnavailable
from events.orders import OrderAccepted
from tests.simulation.fault_matrix import wire
from tests.simulation.fault_matrix.fire import Answered, Fault, FunctionDied, NoAnswer, When, Work
from tests.simulation.fault_matrix.functions import PLACE, PROJECTIONS
from tests.simulation.fault_matrix.scenarios import Sent
from tests.simulation.fault_matrix.stages import JournalFault, Stage, StageFault
from tests.simulation.fault_matrix.state_machine import MachineDied, TaskFailed
from tests.simulation.fault_matrix.trial import Trial
from tests.simulation.fault_matrix.wire import Call, Garbage, WireFault
from tests.support.engine_database import WriteFault
from tests.support.mortal_engine import Killed

type Arm = Callable[[Trial], None]


def all_of(*arms: Arm) -> Arm:
    def arm(trial: Trial) -> None:
        for each in arms:
            each(trial)

    return arm


# Functions and the state machine -----------------------------------------------------------------------------------


def raises(point: str, error: Callable[[], BaseException], *, spared: int = 0, times: int | None = 1) -> Arm:
    def fail(_: Work) -> None:
        raise error()

    return lambda trial: trial.arm(Fault(point, fail, spared, times))


def function_dies(point: str, *, spared: int = 0) -> Arm:
    return raises(point, FunctionDied, spared=spared)


def machine_dies(point: str) -> Arm:
    return raises(point, MachineDied)


def no_answer(point: str) -> Arm:
    """Where the point is "called" the call is lost, where it is "done" the answer."""
    return raises(point, NoAnswer)


def called_twice(function: str) -> Arm:
    def again(work: Work) -> None:
        work()

    return lambda trial: trial.arm(Fault(f"{function}: called", again))


def called_late(function: str, when: When) -> Arm:
    """Whoever called has given up when the function is at last at work."""

    def arm(trial: Trial) -> None:
        def keep(work: Work) -> None:
            trial.functions.fire.late[when].append(work)
            raise NoAnswer

        trial.arm(Fault(f"{function}: called", keep))

    return arm


def answers(point: str, value: Any) -> Arm:
    return lambda trial: trial.arm(Fault(point, lambda _: Answered(value)))


def answers_with_another_order(point: str) -> Arm:
    return lambda trial: trial.arm(Fault(point, lambda _: Answered(json.loads(trial.engine.wire.other_order))))


def answer_is_no_json(state: str) -> Arm:
    return raises(f"{state}: done", lambda: TaskFailed("Runtime.MarshalError"))


def saga_answer_is_lost() -> Arm:
    return raises(f"{PLACE}: the saga answers", lambda: ReadTimeoutError(endpoint_url="states"))


def meanwhile(point: str, does: Callable[[Trial], object], *, times: int | None = None) -> Arm:
    """Something else is done in between, each time; if it comes to the same point, nothing more."""

    def arm(trial: Trial) -> None:
        is_done_now = False

        def come_between(_: Work) -> None:
            nonlocal is_done_now
            if not is_done_now:
                is_done_now = True
                does(trial)
                is_done_now = False

        trial.arm(Fault(point, come_between, times=times))

    return arm


def everything_else(trial: Trial) -> None:
    """What was asked is old when it is booked: events, the reconciler and the order's cancel were there before."""
    _everything_else_of(trial, [trial.sent])


def everything_else_of_all(trial: Trial) -> None:
    """The same for a run of the reconciler, which asks for every order: another run, and the cancel of each."""
    _everything_else_of(trial, trial.orders)


def _everything_else_of(trial: Trial, orders: Sequence[Sent]) -> None:
    trial.pump()
    trial.functions.reconcile()
    for sent in orders:
        trial.functions.cancel(sent.tenant_id, sent.order_id)
    trial.pump()


# The database of the functions -------------------------------------------------------------------------------------


def database_down_for_a_call(point: str, *, spared: int = 0) -> Arm:
    def arm(trial: Trial) -> None:
        def go_down(_: Work) -> None:
            trial.functions.database.go_down()
            trial.functions.fire.at_end_of_call(trial.functions.database.come_back)

        trial.arm(Fault(point, go_down, spared))

    return arm


def database_down(point: str, *, spared: int = 0) -> Arm:
    """Until the client gives up, or the phase is over."""

    def arm(trial: Trial) -> None:
        trial.when_it_is_over(trial.functions.database.come_back)
        trial.arm(Fault(point, lambda _: trial.functions.database.go_down(), spared))

    return arm


def commit_unheard(function: str, *, spared: int = 0) -> Arm:
    """It is committed, and the connection is lost before the function hears so."""

    def arm(trial: Trial) -> None:
        trial.arm(Fault(f"{function}: committed", lambda _: trial.functions.database.lose_answer(), spared))

    return arm


# The way to the engine ---------------------------------------------------------------------------------------------


def engine_refuses_once(function: str) -> Arm:
    def arm(trial: Trial) -> None:
        way = trial.functions.way

        def cut(_: Work) -> None:
            way.is_cut = True
            trial.functions.fire.at_end_of_call(lambda: setattr(way, "is_cut", False))

        trial.arm(Fault(f"{function}: asks the engine", cut))

    return arm


def engine_refuses(function: str) -> Arm:
    """Until the client gives up, or the phase is over."""

    def arm(trial: Trial) -> None:
        way = trial.functions.way
        trial.when_it_is_over(lambda: setattr(way, "is_cut", False))
        trial.arm(Fault(f"{function}: asks the engine", lambda _: setattr(way, "is_cut", True)))

    return arm


def request_lost(call: Call, times: int | None = 1) -> Arm:
    return lambda trial: trial.arm(WireFault(call, wire.lose_request, times))


def answer_lost(call: Call, times: int | None = 1) -> Arm:
    return lambda trial: trial.arm(WireFault(call, wire.lose_answer, times))


def request_doubled(call: Call) -> Arm:
    return lambda trial: trial.arm(WireFault(call, wire.double_request))


def request_late(call: Call, times: int | None = None) -> Arm:
    """It arrives when the variant says so; by default each one that is sent meanwhile is late, too."""
    return lambda trial: trial.arm(WireFault(call, wire.delay_request, times))


def answer_garbled(call: Call, kind: Garbage, times: int | None = None) -> Arm:
    return lambda trial: trial.arm(WireFault(call, wire.garble(kind), times))


# The engine's stages -----------------------------------------------------------------------------------------------


def engine_dies(stage: Stage, *, spared: int = 0, stays_dead: bool = False) -> Arm:
    """It is back before it is asked again, or only when the client has given up."""

    def arm(trial: Trial) -> None:
        way = trial.functions.way
        if stays_dead:
            way.stays_dead = True
            trial.when_it_is_over(lambda: setattr(way, "stays_dead", False))
        trial.arm(StageFault(stage, trial.engine.die, spared))

    return arm


def engine_dies_after_its_answer(call: Call) -> Arm:
    return lambda trial: trial.arm(WireFault(call, wire.answer_and(trial.engine.die)))


def connection_breaks(stage: Stage, *, spared: int = 0) -> Arm:
    """The engine goes on, and nobody hears of it."""
    return lambda trial: trial.arm(StageFault(stage, trial.engine.wire.break_connections, spared))


def older_reports_wait(trial: Trial) -> None:
    """The next batch leaves a report in the inbox, as one of many does: its venue is asked after its commit.

    Nobody knows the order that it speaks of, so it changes nothing.
    """
    trial.arm(StageFault(Stage.RECEIVED, trial.engine.report_what_is_known))


def journal_write(write: WriteFault, *, spared: int = 0) -> Arm:
    return lambda trial: trial.arm(JournalFault(write, spared))


def engine_loses_database(stage: Stage, *, spared: int = 0) -> Arm:
    """Until the client gives up."""

    def arm(trial: Trial) -> None:
        stages = trial.engine.stages
        trial.when_it_is_over(lambda: setattr(stages, "database_is_down", False))
        trial.arm(StageFault(stage, lambda: setattr(stages, "database_is_down", True), spared))

    return arm


# Events ------------------------------------------------------------------------------------------------------------


def relay_dies(point: str, *, queue_forgets: bool = False) -> Arm:
    """The engine with it. What the queue has seen more than five minutes ago it takes again."""

    def arm(trial: Trial) -> None:
        def die(_: Work) -> None:
            if queue_forgets:
                trial.queue.forget()
            raise Killed

        trial.arm_relay(Fault(point, die))

    return arm


def relay_loses_database(point: str) -> Arm:
    def fail(_: Work) -> None:
        raise DatabaseUnavailable("the database did not answer in time")

    return lambda trial: trial.arm_relay(Fault(point, fail))


def queue_loses_its_answer(trial: Trial) -> None:
    fault = trial.expect(Fault("the queue answers", lambda _: None))

    def answer() -> None:
        if fault.takes(fault.point):
            raise EndpointConnectionError(endpoint_url="sqs")

    trial.queue.answers = answer


def queue_takes_half(trial: Trial) -> None:
    """Of each call it refuses the first entry, once."""
    fault = trial.expect(Fault("the queue takes", lambda _: None, times=None))
    refused: set[str] = set()

    def take(entries: list[dict[str, str]]) -> list[dict[str, str]]:
        first = entries[0]["MessageDeduplicationId"]
        if first in refused:
            return entries
        refused.add(first)
        assert fault.takes(fault.point)
        return entries[1:]

    trial.queue.takes = take


def everything_is_there_twice(trial: Trial) -> None:
    trial.relay_once()
    for message in list(trial.queue.waiting):
        trial.queue.put(message.group, message.body)


def events_are_turned_round(trial: Trial) -> None:
    trial.relay_once()
    trial.queue.waiting.reverse()


def poison(body: str) -> Arm:
    """Before the events of each account stands what is none."""

    def arm(trial: Trial) -> None:
        trial.relay_once()
        for account_id in trial.firm.account_ids:
            trial.queue.put(str(account_id), body, is_poison=True)

    return arm


def poison_of_an_unknown_order(trial: Trial) -> None:
    trial.relay_once()
    told = next(m for m in trial.queue.waiting if json.loads(m.body)["topic"] == OrderAccepted.topic)
    for account_id in trial.firm.account_ids:
        event = json.loads(told.body) | {"event_id": str(uuid.uuid4())}
        event["payload"] = {"order": event["payload"]["order"] | {"order_id": str(uuid.uuid4())}}
        trial.queue.put(str(account_id), json.dumps(event), is_poison=True)


def projections_answer(value: Any) -> Arm:
    return answers(f"{PROJECTIONS}: done", value)
