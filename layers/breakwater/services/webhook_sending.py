"""Senders: each takes lanes for itself, sends the first of each, writes down what came of it, and takes the next.

No transaction waits for a receiver: a lane is claimed in one, called without any, and settled in another. Whoever dies
between has his claim expire, and his message come again. So a receiver may hear an event twice, and never the second of
an account before the first.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from breakwater.db.connection import TenantTransaction
from breakwater.db.webhook_queue import Head, Lane
from breakwater.domain.times import nanoseconds
from breakwater.domain.webhook_verdicts import Standing, Verdict, judge
from breakwater.domain.webhooks import Answer, SealedSecret, signature_header
from breakwater.services.settlement import TenantTransactions
from breakwater.services.webhook_dispatch import SQS_DELAY_MAX, SendWakes, Wake, host_of
from events.envelope import Envelope
from events.webhooks import EndpointPaused, EventGivenUp, Ping

CLAIMED_FOR = timedelta(seconds=45)  # Longer than a sender lives, shorter than its message stays hidden.
CALL_TIMEOUT_S = {False: 1.5, True: 10.0}  # By whether the sender is the careful one; the first may be tried again.
CALL_GRACE_S = 1.0  # A call that is not back by then hangs in a name server: it is left alone.
CALLS_AT_ONCE_MAX = 32
WOKEN_AFTER_PROBE_MAX = 500  # Lanes; the sweep has the others.
USER_AGENT = "Breakwater-Webhooks/1"

type OpenSecret = Callable[[SealedSecret, uuid.UUID], str]
type Call = Callable[[str, Mapping[str, str], bytes, float], Answer]


@dataclass(slots=True)
class Sent:
    """How many calls came to what."""

    delivered: int = 0
    failed: int = 0
    given_up: int = 0
    latencies_ms: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Work:
    tenant_id: uuid.UUID
    head: Head
    secrets: list[str] = field(repr=False)
    is_probe: bool

    @property
    def lane(self) -> Lane:
        return self.head.endpoint_id, self.head.lane


class Sender:
    """One invocation's. `is_careful`: it serves endpoints that failed or were slow, and gives them their time."""

    def __init__(
        self,
        transactions: TenantTransactions,
        *,
        open_secret: OpenSecret,
        call: Call,
        send_wakes: SendWakes,
        pool: ThreadPoolExecutor,
        is_careful: bool,
        now: Callable[[], datetime],
        jitter: Callable[[], float],
    ) -> None:
        self._transactions = transactions
        self._open_secret = open_secret
        self._call = call
        self._send_wakes = send_wakes
        self._pool = pool
        self._is_careful = is_careful
        self._now = now
        self._jitter = jitter
        self._claim_id = uuid.uuid4()
        self._timeout_s = CALL_TIMEOUT_S[is_careful]
        self._sent = Sent()

    def work(self, wanted: Mapping[uuid.UUID, Sequence[Lane]], *, until: float) -> Sent:
        """Until nothing is left in the lanes (by tenant) or `time.monotonic()` says `until`, by when all is settled."""
        calls: dict[Future[Answer], tuple[_Work, float]] = {}
        for tenant_id, lanes in wanted.items():
            self._start(self._take(tenant_id, lanes), calls)
        while calls:
            first_end = min(end for _, end in calls.values())
            done, _ = wait(calls, timeout=max(first_end - time.monotonic(), 0), return_when=FIRST_COMPLETED)
            answered = [(calls.pop(future)[0], future.result()) for future in done]
            overdue = [future for future, (_, end) in calls.items() if time.monotonic() >= end]
            hanging = Answer("TIMED_OUT", None, round(self._timeout_s * 1000), detail="its name server did not answer")
            answered += [(calls.pop(future)[0], hanging) for future in overdue]
            goes_on = time.monotonic() + self._timeout_s + 2 * CALL_GRACE_S < until
            for tenant_id in {work.tenant_id for work, _ in answered}:
                of_tenant = [each for each in answered if each[0].tenant_id == tenant_id]
                self._start(self._settle(tenant_id, of_tenant, goes_on=goes_on), calls)
        return self._sent

    def _start(self, works: Iterable[_Work], calls: dict[Future[Answer], tuple[_Work, float]]) -> None:
        for work in works:
            call = self._pool.submit(self._send, work)
            calls[call] = (work, time.monotonic() + self._timeout_s + CALL_GRACE_S)

    def _send(self, work: _Work) -> Answer:
        """On a thread of the pool: without the database."""
        head = work.head
        if head.payload is None and not head.is_ping:
            return Answer("NO_EVENT", None, 0, detail="the event is gone")
        body = envelope_of(head, work.tenant_id).model_dump_json().encode()
        return self._call(head.url, headers_of(head, work.secrets, body, int(time.time())), body, self._timeout_s)

    def _take(self, tenant_id: uuid.UUID, lanes: Sequence[Lane]) -> list[_Work]:
        with self._transactions(tenant_id) as tx:
            well, probing = tx.webhook_queue.claim(lanes, self._claim_id, CLAIMED_FOR)
            works, wakes = self._heads(tenant_id, tx, [*well, *probing], set(probing), goes_on=True)
        self._wake(wakes)
        return works

    def _settle(self, tenant_id: uuid.UUID, answered: Sequence[tuple[_Work, Answer]], *, goes_on: bool) -> list[_Work]:
        """Write down what came of them; what their lanes have next."""
        well_again: list[uuid.UUID] = []
        wakes: list[Wake] = []
        settled: list[Lane] = []
        with self._transactions(tenant_id) as tx:
            # In this order everywhere, so that two senders never wait for each other.
            for work, answer in sorted(answered, key=lambda each: each[0].lane):
                verdict = self._judge(work, answer)
                if not self._note(work, answer, verdict, tx):
                    continue
                settled.append(work.lane)
                wakes += self._later(work, verdict)
                if verdict.state == "DELIVERED" and work.head.is_failing:
                    well_again.append(work.head.endpoint_id)
            works, handed_over = self._heads(tenant_id, tx, settled, set(), goes_on=goes_on)
        for endpoint_id in well_again:
            with self._transactions(tenant_id) as tx:  # After the commit: see `wake_lanes`.
                lanes = tx.webhook_queue.waiting_lanes(endpoint_id, WOKEN_AFTER_PROBE_MAX)
                careful = tx.webhook_queue.careful_of_awake([endpoint_id])
            wakes += [Wake(tenant_id, *lane, careful[endpoint_id]) for lane in lanes if endpoint_id in careful]
        self._wake([*wakes, *handed_over])
        return works

    def _heads(
        self, tenant_id: uuid.UUID, tx: TenantTransaction, lanes: Sequence[Lane], probing: set[Lane], *, goes_on: bool
    ) -> tuple[list[_Work], list[Wake]]:
        """What is next in lanes that are ours; those with nothing for us are let go."""
        if not lanes:
            return [], []
        due = {
            lane: head
            for head in tx.webhook_queue.heads(lanes)
            if self._is_due(lane := (head.endpoint_id, head.lane), head, probing)
        }
        ours = {
            lane
            for lane, head in due.items()
            if goes_on and (head.is_ping or self._is_careful == head.is_careful or lane in probing)
        }
        if others := [lane for lane in lanes if lane not in ours]:
            tx.webhook_queue.release(others, self._claim_id)
        for endpoint_id in {endpoint_id for endpoint_id, _ in set(probing) - ours}:
            tx.webhook_queue.end_probe(endpoint_id)
        sealed = tx.webhooks.live_secrets(sorted({endpoint_id for endpoint_id, _ in ours}))
        works = [
            _Work(
                tenant_id,
                due[lane],
                [self._open_secret(each, tenant_id) for each in sealed.get(lane[0], [])],
                lane in probing,
            )
            for lane in ours
        ]
        return works, [Wake(tenant_id, *lane, head.is_careful) for lane, head in due.items() if lane not in ours]

    @staticmethod
    def _is_due(lane: Lane, head: Head, probing: set[Lane]) -> bool:
        return head.is_ping or lane in probing or (head.is_active and not head.is_failing)

    def _judge(self, work: _Work, answer: Answer) -> Verdict:
        head = work.head
        before = Standing(
            attempts=head.attempts,
            first_attempt_at=head.first_attempt_at,
            failures=head.failures,
            failing_since=head.failing_since,
            last_delivered_at=head.last_delivered_at,
            is_ping=head.is_ping,
        )
        return judge(answer, before, at=self._now(), jitter=self._jitter(), is_careful=self._is_careful)

    def _note(self, work: _Work, answer: Answer, verdict: Verdict, tx: TenantTransaction) -> bool:
        """False when the lane is not ours any more."""
        head, queue, at = work.head, tx.webhook_queue, self._now()
        is_done = verdict.state != "WAITING"
        if not queue.settle_lane(
            head, self._claim_id, is_done=is_done, due_at=verdict.lane_due_at, claimed_for=CLAIMED_FOR
        ):
            return False
        tx.webhook_log.note(head.delivery_id, head.attempts + 1, answer, verdict.state)
        if verdict.state == "DELIVERED":
            queue.note_well(head.endpoint_id, is_careful=verdict.endpoint == "SLOW")
        elif verdict.endpoint == "SLOW":
            queue.note_careful(head.endpoint_id)
        elif verdict.endpoint == "FAILED" and verdict.retry_at is not None:
            queue.note_failure(head.endpoint_id, is_probe=work.is_probe, at=at, retry_at=verdict.retry_at)
        elif work.is_probe:
            queue.end_probe(head.endpoint_id)
        if verdict.pause is not None and tx.webhooks.pause(head.endpoint_id, by=None, reason=verdict.pause):
            _tell_paused(head, answer, verdict.pause, tx, at)
        if verdict.is_given_up and not head.is_ping:
            _tell_given_up(head, answer, tx, at)
        self._count(answer, verdict)
        return True

    def _count(self, answer: Answer, verdict: Verdict) -> None:
        self._sent.latencies_ms.append(answer.latency_ms)
        self._sent.delivered += answer.is_delivered
        self._sent.failed += not answer.is_delivered
        self._sent.given_up += verdict.state == "DEAD"

    def _later(self, work: _Work, verdict: Verdict) -> list[Wake]:
        """Once when the endpoint is called again, and once when this lane is. What is later than a queue can wait is
        the sweep's.
        """
        if verdict.state == "DELIVERED" or verdict.pause is not None:
            return []
        at, due = self._now(), {verdict.retry_at, verdict.lane_due_at} - {None}
        head = work.head
        return [
            # A second more: the message must not come before the database says that it is time.
            Wake(
                work.tenant_id,
                head.endpoint_id,
                head.lane,
                is_careful=True,
                delay_s=int((then - at).total_seconds()) + 1,
            )
            for then in due
            if then is not None and timedelta(0) < then - at < SQS_DELAY_MAX
        ]

    def _wake(self, wakes: Sequence[Wake]) -> None:
        if wakes:
            self._send_wakes(wakes)


def envelope_of(head: Head, tenant_id: uuid.UUID) -> Envelope:
    """As it was published. A ping's is made here."""
    if head.is_ping:
        return Envelope(
            event_id=head.event_id,
            topic=head.topic,
            tenant_id=tenant_id,
            account_id=None,
            aggregate_id=head.endpoint_id,
            correlation_id=str(head.delivery_id),
            occurred_at_ns=nanoseconds(head.queued_at),
            payload=Ping(endpoint_id=head.endpoint_id).model_dump(mode="json"),
        )
    return Envelope.model_validate(
        {
            "event_id": head.event_id,
            "topic": head.topic,
            "tenant_id": tenant_id,
            "account_id": head.account_id,
            "aggregate_id": head.aggregate_id,
            "correlation_id": head.correlation_id,
            "occurred_at_ns": head.occurred_at_ns,
            "payload": head.payload,
        }
    )


def headers_of(head: Head, secrets: Sequence[str], body: bytes, timestamp: int) -> dict[str, str]:
    """Signed anew at each attempt, so that a call that is tried again is not too old to be believed."""
    told = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Breakwater-Signature": signature_header(secrets, timestamp, body),
        "Breakwater-Event-Id": str(head.event_id),
        "Breakwater-Topic": head.topic,
        "Breakwater-Delivery-Id": str(head.delivery_id),
        "Breakwater-Attempt": str(head.attempts + 1),
    }
    if head.sequence is not None:
        told["Breakwater-Sequence"] = str(head.sequence)
    return told


def _tell_paused(head: Head, answer: Answer, reason: str, tx: TenantTransaction, at: datetime) -> None:
    event = EndpointPaused.model_validate(
        {
            "endpoint_id": head.endpoint_id,
            "name": head.name,
            "host": host_of(head.url),
            "reason": reason,
            "failing_since_ns": nanoseconds(head.failing_since or head.first_attempt_at or at),
            "last_outcome": answer.outcome,
            "last_status": answer.status,
            "event_id": head.event_id,
            "waiting": tx.webhooks.endpoint(head.endpoint_id).waiting,
        }
    )
    _tell(event, head, tx, at)


def _tell_given_up(head: Head, answer: Answer, tx: TenantTransaction, at: datetime) -> None:
    event = EventGivenUp(
        endpoint_id=head.endpoint_id,
        name=head.name,
        host=host_of(head.url),
        delivery_id=head.delivery_id,
        event_id=head.event_id,
        event_topic=head.topic,
        attempts=head.attempts + 1,
        last_outcome=answer.outcome,
        last_status=answer.status,
    )
    _tell(event, head, tx, at)


def _tell(event: EndpointPaused | EventGivenUp, head: Head, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=head.endpoint_id,
        account_id=None,
        correlation_id=head.correlation_id or str(head.delivery_id),
        occurred_at_ns=nanoseconds(at),
    )
