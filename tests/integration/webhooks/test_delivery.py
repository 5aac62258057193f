"""From an event to a receiver: in order, at least once, and nobody waits for somebody else's dead endpoint."""

import random
import socket
import threading
import time
import uuid
from datetime import timedelta

import pytest

from breakwater.errors import NotFound
from breakwater.services import webhook_dispatch, webhook_log, webhook_sending, webhooks
from breakwater.services.webhook_sweep import sweep
from events.envelope import Envelope
from tests.integration.limits.firm import create_firm
from tests.integration.webhooks.scene import TOPIC, Scene, admin_of, make_data_key
from tests.support.webhook_receiver import Behave, Receiver, answering, hanging, slow

MINUTE = timedelta(minutes=1)


def ids(receiver: Receiver, path: str = "/hook") -> list[str]:
    return [call.event_id for call in receiver.calls if call.path == path]


def test_an_event_is_delivered_signed_and_whole_to_who_wants_it_and_to_nobody_else(
    scene: Scene, receiver: Receiver
) -> None:
    account, other = scene.firm.account_ids[:2]
    made = scene.add(receiver.url("/all"), "*")
    scene.add(receiver.url("/trades"), "trades.*")
    scene.add(receiver.url("/of-another"), "*", accounts=[other])
    event = scene.happen(account)
    scene.dispatch(event)
    assert scene.send().delivered == 1
    (call,) = receiver.calls
    assert call.path == "/all"
    told = call.verified(made.secret)
    assert (told.event_id, told.topic, told.account_id, told.payload) == (
        *(event.event_id, TOPIC, account, event.payload),
    )
    assert Envelope.model_validate_json(call.body) == event
    headers = {name: value for name, value in call.headers.items() if name.startswith("breakwater-")}
    assert headers["breakwater-topic"] == TOPIC
    assert (headers["breakwater-attempt"], headers["breakwater-sequence"]) == ("1", "1")
    assert call.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_events_of_an_account_come_in_its_feeds_order_whatever_order_the_queue_has(
    scene: Scene, receiver: Receiver
) -> None:
    scene.add(receiver.url())
    accounts = scene.firm.account_ids
    events = [scene.happen(accounts[number % 3]) for number in range(60)]
    shuffled = [*events, *events]  # And each comes twice.
    random.Random(1).shuffle(shuffled)  # noqa: S311  # An order of chance, the same each time.
    scene.dispatch(*shuffled)
    scene.send()
    assert len(receiver.calls) == 60
    for account in accounts:
        expected = [str(event.event_id) for event in events if event.account_id == account]
        assert [each for each in ids(receiver) if each in expected] == expected


def test_while_an_event_is_not_taken_the_later_ones_of_its_account_wait_and_other_accounts_do_not(
    scene: Scene, receiver: Receiver
) -> None:
    scene.add(receiver.url())
    first, other = scene.firm.account_ids[:2]
    refused = scene.happen(first)
    receiver.default = answering(422)
    scene.dispatch(refused)
    scene.send()
    receiver.default = answering()
    behind, elsewhere = scene.happen(first), scene.happen(other)
    scene.dispatch(behind, elsewhere)
    scene.send()
    assert ids(receiver) == [str(refused.event_id), str(elsewhere.event_id)]
    scene.let_time_pass(MINUTE)
    scene.send()
    assert ids(receiver)[2:] == [str(refused.event_id), str(behind.event_id)]
    assert receiver.calls[2].headers["breakwater-attempt"] == "2"


def test_a_dead_endpoint_is_tried_by_one_call_at_a_time_and_stops_nobody_else(scene: Scene, receiver: Receiver) -> None:
    dead = scene.add("http://127.0.0.1:9/dead", name="dead").endpoint.endpoint_id
    scene.add(receiver.url(), name="well")
    events = [scene.happen(account) for account in scene.firm.account_ids for _ in range(3)]
    scene.dispatch(*events)
    scene.send()
    assert len(receiver.calls) == 9
    endpoint = scene.endpoint(dead)
    # Of three lanes that failed at the same time one counts.
    assert (endpoint.failures, endpoint.waiting, endpoint.state) == (1, 9, "ACTIVE")
    attempts = scene.sql("SELECT count(*) FROM webhooks.attempts WHERE outcome = 'UNREACHABLE'")[0][0]
    scene.let_time_pass(MINUTE)
    scene.send()
    assert scene.sql("SELECT count(*) FROM webhooks.attempts WHERE outcome = 'UNREACHABLE'")[0][0] == attempts + 1
    assert scene.endpoint(dead).failures == 2


def test_what_waited_for_a_dead_endpoint_is_sent_in_order_once_it_is_well(scene: Scene, receiver: Receiver) -> None:
    scene.add(receiver.url())
    receiver.default = answering(503)
    accounts = scene.firm.account_ids
    events = [scene.happen(accounts[number % 3]) for number in range(12)]
    scene.dispatch(*events)
    scene.send()
    receiver.default, before = answering(), len(receiver.calls)
    scene.let_time_pass(MINUTE)
    scene.send()
    taken = [call.event_id for call in receiver.calls[before:]]
    assert sorted(taken) == sorted(str(event.event_id) for event in events)
    for account in accounts:
        expected = [str(event.event_id) for event in events if event.account_id == account]
        assert [each for each in taken if each in expected] == expected
    (endpoint,) = scene.sql("SELECT failures, retry_at, failing_since FROM webhooks.endpoints")
    assert endpoint == (0, None, None)


def test_a_day_without_an_answer_ends_in_the_dead_letters_a_pause_and_an_alert(
    scene: Scene, receiver: Receiver
) -> None:
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    receiver.default = answering(500)
    events = [scene.happen(scene.firm.account_ids[0]) for _ in range(2)]
    scene.dispatch(*events)
    scene.send()
    for _ in range(40):
        scene.let_time_pass(timedelta(hours=1))
        _sweep(scene)
        scene.send()
    assert scene.endpoint(endpoint_id).state == "PAUSED"
    assert scene.endpoint(endpoint_id).paused_reason == "GAVE_UP"
    states = scene.sql("SELECT state, attempts FROM webhooks.deliveries ORDER BY delivery_no")
    assert states[0][0] == "DEAD"
    assert 8 <= states[0][1] <= 20
    assert states[1] == ("WAITING", 0)
    (paused,) = scene.told("webhooks.EndpointPaused.v1")
    assert (paused["reason"], paused["last_status"], paused["waiting"]) == ("GAVE_UP", 500, 1)
    calls = len(receiver.calls)
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))
    scene.send()
    assert len(receiver.calls) == calls  # Nothing is sent while it is paused.
    receiver.default = answering()
    webhooks.resume_endpoint(
        scene.caller, scene.database.tenant_transaction, endpoint_id, scene.send_wakes, at=scene.at()
    )
    scene.send()
    assert receiver.calls[calls].event_id == str(events[1].event_id)
    assert len(receiver.calls) == calls + 2


def test_one_event_that_is_refused_for_a_day_is_given_up_alone_while_others_are_taken(
    scene: Scene, receiver: Receiver
) -> None:
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    poisoned, well = scene.firm.account_ids[:2]
    poison = scene.happen(poisoned)
    receiver.default = _refusing(str(poison.event_id))
    scene.dispatch(poison, behind := scene.happen(poisoned))
    scene.send()
    for _ in range(30):
        scene.let_time_pass(timedelta(hours=1))
        scene.dispatch(scene.happen(well))
        _sweep(scene)
        scene.send()
    assert scene.endpoint(endpoint_id).state == "ACTIVE"
    (given_up,) = scene.told("webhooks.EventGivenUp.v1")
    assert given_up["event_id"] == str(poison.event_id)
    assert str(behind.event_id) in ids(receiver)
    assert scene.sql("SELECT state FROM webhooks.deliveries WHERE event_id = %s", poison.event_id) == [("DEAD",)]


def _refusing(event_id: str) -> Behave:
    def behave(connection: socket.socket, receiver: Receiver) -> None:
        status = 400 if receiver.calls[-1].event_id == event_id else 200
        answering(status)(connection, receiver)

    return behave


def test_who_says_that_he_is_gone_is_not_called_again(scene: Scene, receiver: Receiver) -> None:
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    receiver.default = answering(410)
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))
    scene.send()
    assert scene.endpoint(endpoint_id).paused_reason == "GONE"
    assert scene.endpoint(endpoint_id).waiting == 1
    assert scene.told("webhooks.EndpointPaused.v1")[0]["reason"] == "GONE"


def test_who_is_slow_is_called_apart_and_has_his_time(
    scene: Scene, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "CALL_TIMEOUT_S", {False: 0.2, True: 5.0})
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    account = scene.firm.account_ids[0]
    scene.dispatch(scene.happen(account))
    scene.send()
    assert scene.sql("SELECT is_careful FROM webhooks.endpoints") == [(False,)]  # It answered, and soon.
    receiver.default = slow(1.2)
    scene.dispatch(scene.happen(account))
    scene.send()
    assert scene.sql("SELECT outcome FROM webhooks.attempts ORDER BY at")[1:] == [("TIMED_OUT",), ("DELIVERED",)]
    endpoint = scene.endpoint(endpoint_id)
    assert (endpoint.failures, endpoint.waiting) == (0, 0)
    assert scene.sql("SELECT is_careful FROM webhooks.endpoints") == [(True,)]
    scene.dispatch(scene.happen(account))
    assert [wake.is_careful for wake in scene.wakes] == [True]


def test_two_senders_never_have_one_lane(scene: Scene, receiver: Receiver) -> None:
    scene.add(receiver.url())
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))
    scene.send()  # From here on it is one that answers soon.
    receiver.calls.clear()
    receiver.default = slow(0.2)
    scene.dispatch(*[scene.happen(scene.firm.account_ids[0]) for _ in range(3)])
    lanes = {scene.firm.tenant_id: [(wake.endpoint_id, wake.lane) for wake in scene.wakes]}
    threads = []
    for _ in range(3):
        database = type(scene.database)(scene.database._conninfo)
        twin = Scene(scene.admin_conninfo, database, scene.firm)
        sender = twin.sender(is_careful=False)
        threads.append(threading.Thread(target=sender.work, args=(lanes,), kwargs={"until": time.monotonic() + 30}))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(receiver.calls) == 3
    assert len(set(ids(receiver))) == 3


def test_a_sender_that_died_keeps_its_lane_for_as_long_as_it_could_have_lived(scene: Scene, receiver: Receiver) -> None:
    scene.add(receiver.url())
    account = scene.firm.account_ids[0]
    scene.dispatch(scene.happen(account))
    (wake,) = scene.wakes
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        tx.webhook_queue.claim([(wake.endpoint_id, wake.lane)], uuid.uuid4(), webhook_sending.CLAIMED_FOR)
    scene.send()
    assert receiver.calls == []
    scene.let_time_pass(webhook_sending.CLAIMED_FOR)
    scene.wakes.append(wake)  # SQS brings its message again.
    scene.send()
    assert len(receiver.calls) == 1


def test_whoever_lost_his_claim_says_nothing_of_what_came_of_his_call(scene: Scene, receiver: Receiver) -> None:
    scene.add(receiver.url())
    called, may_answer = threading.Event(), threading.Event()

    def behave(connection: socket.socket, told: Receiver) -> None:
        called.set()
        may_answer.wait(5)
        answering()(connection, told)

    receiver.default = behave
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))
    wake = scene.wakes.pop()
    sender = scene.sender(is_careful=True)
    thread = threading.Thread(
        target=sender.work,
        args=({scene.firm.tenant_id: [(wake.endpoint_id, wake.lane)]},),
        kwargs={"until": time.monotonic() + 30},
    )
    thread.start()
    assert called.wait(10)
    scene.sql("UPDATE webhooks.lanes SET claim_id = %s", uuid.uuid4())
    may_answer.set()
    thread.join(10)
    assert not thread.is_alive()
    assert scene.sql("SELECT state, attempts FROM webhooks.deliveries") == [("WAITING", 0)]


def test_a_wake_up_that_was_lost_is_the_sweeps(scene: Scene, receiver: Receiver) -> None:
    scene.add(receiver.url())
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))
    scene.wakes.clear()
    _sweep(scene)
    assert scene.wakes == []  # It may be on its way.
    scene.let_time_pass(MINUTE)
    _sweep(scene)
    scene.send()
    assert len(receiver.calls) == 1


def test_an_endpoint_hears_nothing_of_what_was_before_it(scene: Scene, receiver: Receiver) -> None:
    account = scene.firm.account_ids[0]
    before = [scene.happen(account), scene.happen(None)]
    scene.add(receiver.url())
    scene.dispatch(*before)
    scene.dispatch(after := scene.happen(account))
    scene.send()
    assert ids(receiver) == [str(after.event_id)]


def test_events_that_are_replayed_are_not_sent_again(scene: Scene, receiver: Receiver) -> None:
    scene.add(receiver.url())
    events = [scene.happen(scene.firm.account_ids[0]), scene.happen(None, "users.GroupChanged.v1")]
    scene.dispatch(*events)
    scene.send()
    assert len(receiver.calls) == 2
    scene.dispatch(*events)
    scene.send()
    # The log has forgotten it, and the event is older than that.
    scene.sql("DELETE FROM webhooks.deliveries")
    long_ago = events[1].model_copy(update={"occurred_at_ns": events[1].occurred_at_ns - 30 * 24 * 3600 * 10**9})
    scene.sql("UPDATE webhooks.endpoints SET created_at = created_at - interval '90 days'")
    scene.dispatch(events[0], long_ago)
    scene.send()
    assert len(receiver.calls) == 2


def test_more_than_a_queue_holds_is_missed_said_once_and_can_be_sent_later(
    scene: Scene, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_dispatch, "QUEUE_MAX", 3)
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        webhooks.pause_endpoint(scene.caller, tx, endpoint_id, at=scene.at())
    since = scene.at()
    events = [scene.happen(scene.firm.account_ids[0]) for _ in range(8)]
    for event in events:
        scene.dispatch(event)
    endpoint = scene.endpoint(endpoint_id)
    assert (endpoint.waiting, endpoint.missed) == (3, 5)
    assert len(scene.told("webhooks.QueueOverflowed.v1")) == 1
    monkeypatch.setattr(webhook_dispatch, "QUEUE_MAX", 20_000)
    transactions = scene.database.tenant_transaction
    webhooks.resume_endpoint(scene.caller, transactions, endpoint_id, scene.send_wakes, at=scene.at())
    scene.send()
    assert ids(receiver) == [str(event.event_id) for event in events[:3]]
    done = webhook_log.redeliver_period(
        *(scene.caller, transactions, endpoint_id, scene.send_wakes),
        since=since,
        until=scene.at() + MINUTE,
        at=scene.at(),
    )
    scene.send()
    assert done.queued >= 8
    own = [str(event.event_id) for event in events]
    assert [each for each in ids(receiver)[3:] if each in own] == own
    assert scene.endpoint(endpoint_id).missed == 0


def test_a_ping_reaches_a_paused_endpoint_once_and_what_is_dead_is_sent_again_when_asked(
    scene: Scene, receiver: Receiver
) -> None:
    made = scene.add(receiver.url())
    endpoint_id, transactions = made.endpoint.endpoint_id, scene.database.tenant_transaction
    with transactions(scene.firm.tenant_id) as tx:
        webhooks.pause_endpoint(scene.caller, tx, endpoint_id, at=scene.at())
    queued = webhook_log.ping(scene.caller, transactions, endpoint_id, scene.send_wakes, at=scene.at())
    scene.send()
    (call,) = receiver.calls
    assert call.verified(made.secret).topic == "webhooks.Ping.v1"
    assert call.event_id == str(queued.delivery_id)
    receiver.default = answering(500, b"broken\0" + b"x" * 5000)
    failed = webhook_log.ping(scene.caller, transactions, endpoint_id, scene.send_wakes, at=scene.at())
    scene.send()
    with transactions(scene.firm.tenant_id) as tx:
        detail = webhook_log.get_delivery(scene.caller, tx, endpoint_id, failed.delivery_id)
    assert (detail.delivery.state, detail.delivery.attempts, detail.delivery.last_status) == ("DEAD", 1, 500)
    assert detail.attempts[0].answer.startswith("broken")
    assert len(detail.attempts[0].answer) == 1024
    assert scene.endpoint(endpoint_id).failures == 0  # A ping that fails blames nobody.


def test_a_delivery_is_sent_again_with_the_same_event_id(scene: Scene, receiver: Receiver) -> None:
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    event = scene.happen(scene.firm.account_ids[0])
    scene.dispatch(event)
    scene.send()
    transactions = scene.database.tenant_transaction
    with transactions(scene.firm.tenant_id) as tx:
        page = webhook_log.list_deliveries(scene.caller, tx, endpoint_id, states=None, before=None, limit=10)
    again = webhook_log.redeliver(
        scene.caller, transactions, endpoint_id, page.items[0].delivery_id, scene.send_wakes, at=scene.at()
    )
    scene.send()
    assert again.kind == "REDELIVERY"
    assert ids(receiver) == [str(event.event_id)] * 2
    assert receiver.calls[0].headers["breakwater-delivery-id"] != receiver.calls[1].headers["breakwater-delivery-id"]


def test_while_a_secret_is_rotated_both_sign_and_afterwards_the_new_one_alone(scene: Scene, receiver: Receiver) -> None:
    made = scene.add(receiver.url())
    endpoint_id, transactions = made.endpoint.endpoint_id, scene.database.tenant_transaction
    rotated = webhooks.rotate_secret(
        *(scene.caller, transactions, endpoint_id),
        overlap=timedelta(hours=1),
        make_data_key=make_data_key,
        at=scene.at(),
    )
    account = scene.firm.account_ids[0]
    scene.dispatch(scene.happen(account))
    scene.send()
    receiver.calls[0].verified(made.secret)
    receiver.calls[0].verified(rotated.secret)
    assert receiver.calls[0].headers["breakwater-signature"].count("v1=") == 2
    scene.sql("UPDATE webhooks.secrets SET ends_at = ends_at - interval '2 hours'")
    scene.dispatch(scene.happen(account))
    scene.send()
    receiver.calls[1].verified(rotated.secret)
    with pytest.raises(ValueError, match="no signature"):
        receiver.calls[1].verified(made.secret)


def test_the_log_is_kept_for_a_month_and_the_queue_with_it(scene: Scene) -> None:
    scene.add("http://127.0.0.1:9/dead")
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))
    scene.let_time_pass(timedelta(days=29))
    _sweep(scene)
    assert scene.sql("SELECT count(*) FROM webhooks.deliveries") == [(1,)]
    scene.let_time_pass(timedelta(days=2))
    _sweep(scene)
    assert scene.sql("SELECT count(*) FROM webhooks.deliveries") == [(0,)]
    assert scene.sql("SELECT waiting FROM webhooks.lanes") == [(0,)]


def test_an_endpoint_that_is_removed_leaves_nothing_and_is_called_no_more(scene: Scene, receiver: Receiver) -> None:
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        webhooks.remove_endpoint(scene.caller, tx, endpoint_id, at=scene.at())
    scene.send()
    assert receiver.calls == []
    for table in ("endpoints", "secrets", "lanes", "deliveries", "attempts"):
        assert scene.sql(f"SELECT count(*) FROM webhooks.{table}") == [(0,)]
    assert [event["change"] for event in scene.told("webhooks.EndpointChanged.v1")] == ["CREATED", "REMOVED"]


def test_a_hanging_endpoint_holds_up_nobody_in_its_own_batch(
    scene: Scene, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs_s = 10.0
    monkeypatch.setitem(webhook_sending.CALL_TIMEOUT_S, False, hangs_s)
    scene.add(receiver.url("/hanging"), name="hanging")
    scene.add(receiver.url("/well"), name="well")
    account = scene.firm.account_ids[0]
    scene.dispatch(scene.happen(account))
    scene.send()
    receiver.calls.clear()
    receiver.behave["/hanging"] = hanging
    scene.dispatch(*[scene.happen(account) for _ in range(5)])
    started = time.monotonic()
    thread = threading.Thread(target=scene.send, daemon=True)
    thread.start()
    while len(ids(receiver, "/well")) < 5 and time.monotonic() < started + hangs_s:
        time.sleep(0.01)
    assert len(ids(receiver, "/well")) == 5
    assert time.monotonic() - started < hangs_s
    receiver.stop()
    thread.join(20)


def test_nobody_sees_or_touches_endpoints_of_another_organisation(scene: Scene, receiver: Receiver) -> None:
    endpoint_id = scene.add(receiver.url()).endpoint.endpoint_id
    other = create_firm(scene.admin_conninfo, "Other")
    stranger, transactions = admin_of(other.tenant_id), scene.database.tenant_transaction
    with transactions(other.tenant_id) as tx:
        assert webhooks.list_endpoints(stranger, tx) == []
        for act in (
            lambda: webhooks.get_endpoint(stranger, tx, endpoint_id),
            lambda: webhooks.remove_endpoint(stranger, tx, endpoint_id, at=scene.at()),
            lambda: webhooks.pause_endpoint(stranger, tx, endpoint_id, at=scene.at()),
        ):
            with pytest.raises(NotFound):
                act()
    elsewhere = Scene(scene.admin_conninfo, scene.database, other)
    elsewhere.dispatch(elsewhere.happen(other.account_ids[0]))
    assert elsewhere.wakes == []
    with pytest.raises(NotFound):
        elsewhere.add(receiver.url(), accounts=[scene.firm.account_ids[0]])


def _sweep(scene: Scene) -> None:
    sweep(scene.database.untenanted_transaction, scene.send_wakes)
