"""The watch's look at how everything is, against a real database; engine and queues say what each test has them say."""

import copy
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.domain.conditions import QueueDepth
from breakwater.errors import EngineUnavailable, Unavailable
from breakwater.services.alerts import alert_of
from breakwater.services.condition_watch import ConditionWatch
from breakwater.services.metric_rules import DEFAULT_RULES
from events.envelope import Envelope
from tests.conftest import DatabaseUrls
from tests.unit.domain.test_conditions import HEALTHY

TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")
OTHER_TENANT = uuid.UUID("22222222-2222-4222-8222-222222222222")
NOW = datetime.now(UTC)
FINDING = {"kind": "EXTERNAL_ORDER", "subject": "web_1", "symbol": "BTC/USDT", "words": "open under an id not ours"}
DRIFT = {"kind": "BALANCE_DRIFT", "subject": "USDT", "symbol": "", "words": "7 more than the fills explain"}


@dataclass
class Engine:
    """`document` None: it does not answer."""

    document: dict[str, Any] | None = field(default_factory=lambda: copy.deepcopy(HEALTHY))
    text: str = ""

    def health(self) -> dict[str, Any]:
        if self.document is None:
            raise EngineUnavailable("the engine did not answer")
        return self.document

    def metrics(self) -> str:
        if self.document is None:
            raise EngineUnavailable("the engine did not answer")
        return self.text


@dataclass
class Platform:
    database: Database
    urls: DatabaseUrls
    engine: Engine = field(default_factory=Engine)
    depths: Mapping[str, QueueDepth] | None = field(default_factory=dict)
    sent: list[Envelope] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    second: int = 0
    watch: ConditionWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = self.new_watch()

    def new_watch(self) -> ConditionWatch:
        return ConditionWatch(
            self.database.untenanted_transaction,
            self.database.tenant_transaction,
            self.engine,  # type: ignore[arg-type]  # It has what is asked here.
            self.queues,
            self.sent.append,
            self.told.append,
        )

    def queues(self) -> Mapping[str, QueueDepth]:
        if self.depths is None:
            raise Unavailable("SQS is away")
        return self.depths

    def pass_s(self, seconds: int, *, without_relay: bool = False) -> None:
        """One round a second; what is due is published at once."""
        for _ in range(seconds):
            self.watch.run_round(NOW + timedelta(seconds=self.second))
            self.second += 1
            if not without_relay:
                with psycopg.connect(self.urls.admin) as connection:
                    connection.execute("DELETE FROM trading.outbox")

    def events(self, topic: str, tenant_id: uuid.UUID = TENANT) -> list[dict[str, Any]]:
        with psycopg.connect(self.urls.admin) as connection:
            rows = connection.execute(
                "SELECT payload FROM trading.events WHERE topic = %s AND tenant_id = %s ORDER BY recorded_no",
                (topic, tenant_id),
            ).fetchall()
        return [row[0] for row in rows]

    def changes(self, tenant_id: uuid.UUID = TENANT) -> list[tuple[str, str]]:
        return [(told["component"], told["state"]) for told in self.events("system.HealthChanged.v1", tenant_id)]

    def say(self, **fields: Any) -> None:
        assert self.engine.document is not None
        for name, value in fields.items():
            if "__" in name:
                dependency, key = name.split("__")
                self.engine.document["dependencies"][dependency][key] = value
            else:
                self.engine.document[name] = value


def organisation(database: Database, tenant_id: uuid.UUID) -> None:
    with database.tenant_transaction(tenant_id) as tx:
        tx.identity.save_organisation(str(tenant_id))


@pytest.fixture
def platform(database_urls: DatabaseUrls) -> Iterator[Platform]:
    database = Database(lambda: database_urls.functions)
    organisation(database, TENANT)
    yield Platform(database, database_urls)
    database.close()


def add_credential(urls: DatabaseUrls, tenant_id: uuid.UUID, venue: str) -> None:
    with psycopg.connect(urls.admin) as connection:
        account_id = uuid.uuid4()
        connection.execute(
            "INSERT INTO identity.accounts (account_id, tenant_id, name, kind) VALUES (%s, %s, %s, 'LIVE')",
            (account_id, tenant_id, str(account_id)),
        )
        connection.execute(
            "INSERT INTO identity.exchange_credentials (credential_id, version, tenant_id, account_id, venue, label,"
            " api_key_end, ciphertext, nonce, wrapped_key, master_key_id)"
            " VALUES (%s, 1, %s, %s, %s, 'main', 'abcd', '', decode(repeat('00', 12), 'hex'), '', 'key')",
            (uuid.uuid4(), tenant_id, account_id, venue),
        )


def add_order(
    urls: DatabaseUrls, status: str, age: timedelta, *, engine_seq: int = 0, refusals: str | None = None
) -> uuid.UUID:
    order_id, account_id = uuid.uuid4(), uuid.uuid4()
    with psycopg.connect(urls.admin) as connection:
        connection.execute(
            "INSERT INTO identity.accounts (account_id, tenant_id, name, kind) VALUES (%s, %s, %s, 'PAPER')",
            (account_id, TENANT, str(account_id)),
        )
        connection.execute(
            "INSERT INTO trading.orders (order_id, tenant_id, account_id, client_order_id, fingerprint, symbol, side,"
            " type, time_in_force, post_only, reduce_only, quantity, venue, status, leaves_qty, engine_seq, refusals,"
            " correlation_id, created_by, created_at, updated_at) VALUES (%s, %s, %s, 'c', 'f', 'BTC/USDT', 'BUY',"
            " 'LIMIT', 'GTC', false, false, 1, 'BOOK', %s, 1, %s, %s, 'corr', 'trader', %s, %s)",
            (order_id, TENANT, account_id, status, engine_seq, refusals, NOW - age, NOW - age),
        )
    return order_id


def test_a_component_that_stays_down_is_told_once_and_so_is_its_return(platform: Platform) -> None:
    platform.pass_s(7)
    assert platform.changes() == []
    platform.say(unserved=[3], status="DEGRADED")
    platform.pass_s(5)
    assert platform.changes() == []  # It may be a deploy.
    platform.pass_s(20)
    assert platform.changes() == [("engine/shards", "DEGRADED")]
    [told] = platform.events("system.HealthChanged.v1")
    assert (told["state_before"], told["detail"]) == ("UP", "nobody serves the shards 3")
    platform.say(unserved=[], status="READY")
    platform.pass_s(10)
    assert platform.changes() == [("engine/shards", "DEGRADED"), ("engine/shards", "UP")]


def test_what_comes_and_goes_within_seconds_is_not_told(platform: Platform) -> None:
    for _ in range(5):
        platform.say(database__status="DOWN")
        platform.pass_s(4)
        platform.say(database__status="UP")
        platform.pass_s(4)
    assert platform.changes() == []


def test_a_watch_that_begins_anew_or_stands_beside_another_tells_nothing_twice(platform: Platform) -> None:
    platform.say(database__status="DOWN")
    platform.pass_s(8)
    platform.watch = platform.new_watch()
    platform.pass_s(8)
    platform.say(database__status="UP")
    other = platform.new_watch()
    for _ in range(10):
        other.run_round(NOW + timedelta(seconds=platform.second))
        platform.pass_s(1)
    assert platform.changes() == [("engine/database", "DOWN"), ("engine/database", "UP")]


def test_without_an_engine_the_alert_goes_past_the_relay_and_is_the_same_event(platform: Platform) -> None:
    platform.pass_s(2)
    platform.engine.document = None
    platform.pass_s(8, without_relay=True)
    assert platform.changes() == [("engine", "DOWN")]
    [sent] = platform.sent
    with psycopg.connect(platform.urls.admin) as connection:
        assert connection.execute("SELECT event_id FROM trading.outbox").fetchall() == [(sent.event_id,)]
    assert (alert_of(sent).severity, alert_of(sent).category) == ("CRITICAL", "SYSTEM")


def test_an_engine_of_another_version_does_not_keep_the_rest_from_being_told(platform: Platform) -> None:
    platform.engine.document = {"engine_id": "newer", "status": "UP"}
    platform.depths = {"alerts": QueueDepth(waiting=0, in_flight=0, dead=1)}
    platform.pass_s(8)
    assert platform.changes() == [("dead_letters/alerts", "DEGRADED")]


def test_while_the_relay_works_nothing_goes_past_it(platform: Platform) -> None:
    platform.say(database__status="DOWN")
    platform.pass_s(8)
    assert platform.changes() == [("engine/database", "DOWN")]
    assert platform.sent == []


def test_events_that_are_not_published_are_told_past_the_relay(platform: Platform) -> None:
    with psycopg.connect(platform.urls.admin) as connection:
        connection.execute(
            "WITH e AS (INSERT INTO trading.events (event_id, topic, tenant_id, aggregate_id, correlation_id,"
            " occurred_at_ns, payload) VALUES (gen_random_uuid(), 't', %s, gen_random_uuid(), 'c', 0, '{}')"
            " RETURNING event_id) INSERT INTO trading.outbox (event_id, bucket, created_at)"
            " SELECT event_id, 0, now() - interval '1 minute' FROM e",
            (TENANT,),
        )
    platform.pass_s(8, without_relay=True)
    assert ("outbox", "DOWN") in platform.changes()
    assert "outbox" in {envelope.payload.get("component") for envelope in platform.sent}


def test_a_queue_with_dead_letters_is_told_and_sqs_being_away_holds_up_nothing(platform: Platform) -> None:
    platform.depths = {"alerts": QueueDepth(waiting=600, in_flight=1, dead=2)}
    platform.pass_s(7)
    assert sorted(platform.changes()) == [("dead_letters/alerts", "DEGRADED"), ("queue/alerts", "DEGRADED")]
    platform.depths = None
    platform.say(database__status="DOWN")
    platform.pass_s(7)
    assert ("engine/database", "DOWN") in platform.changes()
    assert "queues: SQS is away" in platform.told


def test_a_venue_concerns_those_who_have_a_key_there_and_the_engine_everybody(platform: Platform) -> None:
    organisation(platform.database, OTHER_TENANT)
    add_credential(platform.urls, TENANT, "BINANCE")
    platform.say(venue_BINANCE__status="DOWN", venue_BINANCE__breaker="OPEN", database__status="DOWN")
    platform.say(market_data__age_ms={"BINANCE BTC/USDT": 60_000, "BOOK BTC/USDT": 60_000})
    platform.pass_s(8)
    theirs = {("venue/BINANCE", "DOWN"), ("market_data/BINANCE", "DOWN")}
    everybody = {("engine/database", "DOWN"), ("market_data/BOOK", "DOWN")}
    assert set(platform.changes(TENANT)) == theirs | everybody
    assert set(platform.changes(OTHER_TENANT)) == everybody


def test_an_audit_trail_that_is_not_sealed_is_told_to_whose_it_is(platform: Platform) -> None:
    organisation(platform.database, OTHER_TENANT)
    with psycopg.connect(platform.urls.admin) as connection:
        connection.execute(
            "INSERT INTO trading.events (event_id, topic, tenant_id, aggregate_id, correlation_id, occurred_at_ns,"
            " payload) VALUES (gen_random_uuid(), 't', %s, gen_random_uuid(), 'c', %s, '{}')",
            (TENANT, int((NOW - timedelta(minutes=6)).timestamp() * 1e9)),
        )
    platform.pass_s(1)
    assert (platform.changes(TENANT), platform.changes(OTHER_TENANT)) == ([("audit_trail", "DOWN")], [])


def test_a_trail_that_is_sealed_and_no_longer_signed_is_told(platform: Platform) -> None:
    """That is what a rewritten past looks like: the sealer refuses to sign it."""
    with psycopg.connect(platform.urls.admin) as connection:
        connection.execute(
            "INSERT INTO audit.heads (tenant_id, sequence, hash, sealed_no, anchored_hash, anchor_digest)"
            " VALUES (%s, 1, '', 1000000, '', '')",
            (TENANT,),
        )
        connection.execute(
            "INSERT INTO audit.records (tenant_id, sequence, event_id, aggregate_id, version, record_hash, topic,"
            " sealed_at) VALUES (%s, 1, gen_random_uuid(), gen_random_uuid(), 1, '', 't', %s)",
            (TENANT, NOW - timedelta(minutes=6)),
        )
    platform.pass_s(1)
    assert platform.changes() == [("audit_trail", "DOWN")]


def test_an_order_that_hangs_is_told_once_for_each_stage(platform: Platform) -> None:
    minutes = timedelta(minutes=2)
    died = add_order(platform.urls, "PENDING_NEW", minutes)
    unknown = add_order(platform.urls, "UNKNOWN", minutes)
    canceling = add_order(platform.urls, "PENDING_CANCEL", minutes, engine_seq=3)
    for status, age in (("PENDING_NEW", 20), ("UNKNOWN", 60), ("PENDING_CANCEL", 30), ("NEW", 3600)):
        add_order(platform.urls, status, timedelta(seconds=age))
    platform.pass_s(3)
    told = {(each["order_id"], each["stage"]) for each in platform.events("trades.TradeFailed.v1")}
    assert told == {(str(died), "SAGA"), (str(unknown), "UNRESOLVED"), (str(canceling), "CANCEL")}
    assert len(platform.events("trades.TradeFailed.v1")) == 3


def test_orders_that_hang_and_were_told_do_not_hide_others(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breakwater.db.conditions._FAILURES_MAX", 1)
    hanging = {str(add_order(platform.urls, "UNKNOWN", timedelta(minutes=2))) for _ in range(3)}
    platform.pass_s(4)
    assert {each["order_id"] for each in platform.events("trades.TradeFailed.v1")} == hanging


def test_a_drift_is_told_when_it_is_new_and_in_words_only_to_whose_venue_it_is_alone(platform: Platform) -> None:
    report = {"at_ms": 1_000, "repaired": 0, "findings": [FINDING, DRIFT], "counts": {}}
    platform.say(venue_BINANCE__reconciliation=report)
    platform.pass_s(3)
    [told] = platform.events("system.DriftFound.v1")
    assert told["kinds"] == {"EXTERNAL_ORDER": 1, "BALANCE_DRIFT": 1}
    assert told["findings"][0] == "EXTERNAL_ORDER web_1: open under an id not ours"
    # The order is still there a minute later; the balance has moved by itself again.
    organisation(platform.database, OTHER_TENANT)
    platform.say(venue_BINANCE__reconciliation={**report, "at_ms": 61_000})
    platform.watch = platform.new_watch()
    platform.pass_s(3)
    again = platform.events("system.DriftFound.v1")[1:]
    assert [(each["kinds"], each["findings"]) for each in again] == [({"BALANCE_DRIFT": 1}, [])]


def test_a_metric_of_the_platform_crosses_a_default_rule_and_comes_back(platform: Platform) -> None:
    platform.depths = {"alerts": QueueDepth(waiting=201, in_flight=0, dead=0)}
    platform.pass_s(60)
    assert platform.events("system.MetricCrossed.v1") == []  # For a minute.
    platform.pass_s(10)
    [told] = platform.events("system.MetricCrossed.v1")
    assert (told["state"], told["metric"], told["labels"], told["value"], told["bound"]) == (
        *("CROSSED", "queue_waiting", {"queue": "alerts"}, "201", "200"),
    )
    platform.depths = {"alerts": QueueDepth(waiting=20, in_flight=0, dead=0)}
    platform.pass_s(70)
    assert [each["state"] for each in platform.events("system.MetricCrossed.v1")] == ["CROSSED", "CLEARED"]


def test_everybody_begins_with_the_default_rules_and_what_is_removed_stays_removed(platform: Platform) -> None:
    platform.pass_s(1)
    with platform.database.tenant_transaction(TENANT) as tx:
        rules = tx.metric_rules.all()
        tx.metric_rules.delete(rules[0].rule_id)
    assert {rule.name for rule in rules} == {default.setting.name for default in DEFAULT_RULES}
    platform.pass_s(10)
    with platform.database.tenant_transaction(TENANT) as tx:
        assert [rule.rule_id for rule in tx.metric_rules.all()] == [rule.rule_id for rule in rules[1:]]


def test_the_readings_are_of_engine_queues_and_the_organisation_s_own_business(platform: Platform) -> None:
    add_order(platform.urls, "REJECTED", timedelta(seconds=1), refusals="[]")
    add_order(platform.urls, "REJECTED", timedelta(seconds=1))
    platform.engine.text = "# TYPE engine_open_orders gauge\nengine_open_orders 4\n"
    platform.pass_s(1)
    with platform.database.tenant_transaction(TENANT) as tx:
        read_at, found = tx.metric_rules.readings()
    values = {metric: Decimal(value) for metric, _, value in found}
    assert read_at == NOW
    assert (values["orders_per_minute"], values["refusals_per_minute"], values["rejections_per_minute"]) == (2, 1, 1)
    assert values["engine_open_orders"] == 4
    organisation(platform.database, OTHER_TENANT)  # From here on it is the sum of what two do.
    platform.pass_s(6)
    with platform.database.tenant_transaction(OTHER_TENANT) as tx:
        _, found = tx.metric_rules.readings()
    values = {metric: Decimal(value) for metric, _, value in found}
    assert "engine_open_orders" not in values
    assert values["orders_per_minute"] == 0
