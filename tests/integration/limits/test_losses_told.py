"""A loss is told once each time that it reaches a threshold or crosses its limit, though no order is sent."""

import threading
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.domain.exposure import NodeState
from breakwater.domain.permissions import Caller
from breakwater.services import brakes, limit_tree
from breakwater.services.alerts import alert_of
from breakwater.services.brakes import StateChange
from breakwater.services.loss_watch import LossWatch
from events.envelope import Envelope
from events.limits import LimitBreachedByLoss
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, database_of, set_reference
from tests.integration.limits.test_watch import hold, limit, state_of

SECOND = timedelta(seconds=1)


class Losses:
    """One ETH bought at 2000 in the first account, and a watch that looks at each price that it is told."""

    def __init__(self, urls: DatabaseUrls, database: Database, firm: Firm, risk: Caller) -> None:
        self.urls, self.database, self.firm, self.risk = urls, database, firm, risk
        self.at = NOW
        self.watch = self.new_watch(database)
        hold(urls, firm, "1", "2000")

    @staticmethod
    def new_watch(database: Database) -> LossWatch:
        return LossWatch(database.untenanted_transaction, database.tenant_transaction, _fail)

    def limit(self, value: str = "100", limit_type: str = "DAILY_LOSS", **more: Any) -> None:
        """On the desk, and looked at once before anything is lost."""
        limit(self.database, self.risk, self.firm.desk, limit_type, value, **more)
        self.lose("0")

    def lose(self, lost: str, after: timedelta = SECOND) -> list[tuple[str, int]]:
        """(action, threshold) of what is told when so much is lost in all."""
        known = len(self.events())
        self.at += after
        set_reference(self.urls.admin, Decimal(2000) - Decimal(lost), self.at)
        self.watch.run_round(self.at)
        return [(each["action"], each["threshold_pct"]) for each in self.events()[known:]]

    def events(self) -> list[dict[str, Any]]:
        return [envelope.payload for envelope in self.envelopes()]

    def envelopes(self) -> list[Envelope]:
        with psycopg.connect(self.urls.admin) as connection:
            rows = connection.execute(
                "SELECT event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload"
                " FROM trading.events WHERE topic = %s ORDER BY occurred_at_ns, payload ->> 'threshold_pct'",
                (LimitBreachedByLoss.topic,),
            ).fetchall()
        return [Envelope(**dict(zip(Envelope.model_fields, row, strict=True))) for row in rows]


def _fail(told: str) -> None:
    raise AssertionError(told)


@pytest.fixture
def losses(database_urls: DatabaseUrls, database: Database, firm: Firm, risk: Caller) -> Losses:
    return Losses(database_urls, database, firm, risk)


def test_each_threshold_is_told_once_while_the_loss_rises_and_the_crossing_with_its_stop(losses: Losses) -> None:
    losses.limit()
    assert losses.lose("69.99") == []
    assert losses.lose("70") == [("WARN", 70)]
    assert losses.lose("70") == losses.lose("89.99") == []
    assert losses.lose("95") == [("WARN", 90)]
    assert losses.lose("100") == []  # What is exactly at it passes.
    assert losses.lose("100.01") == [("REJECT", 100)]
    assert losses.lose("130") == losses.lose("130") == []
    assert state_of(losses.database, losses.firm, losses.firm.desk) == NodeState.REDUCE_ONLY
    crossed = losses.events()[-1]
    assert {name: crossed[name] for name in ("limit", "used", "reserved", "attempted", "order_id", "symbol")} == {
        **{"limit": "100", "used": "100.01", "reserved": "0", "attempted": "0"},
        **{"order_id": None, "symbol": None},
    }


def test_a_fall_through_all_of_them_at_once_tells_each(losses: Losses) -> None:
    losses.limit()
    assert sorted(losses.lose("150")) == [("REJECT", 100), ("WARN", 70), ("WARN", 90)]


@pytest.mark.parametrize("action", ["WARN", "REJECT"])
def test_a_limit_that_stops_no_node_is_told_although_nobody_sends_an_order(losses: Losses, action: str) -> None:
    losses.limit(action=action)
    losses.lose("95")
    assert losses.lose("101") == [(action, 100)]
    assert state_of(losses.database, losses.firm, losses.firm.desk) == NodeState.ACTIVE


def test_what_has_fallen_a_whole_percent_below_is_told_again_and_what_flickers_is_not(losses: Losses) -> None:
    losses.limit(action="WARN")
    assert losses.lose("101") != []
    assert losses.lose("99.5") == losses.lose("101") == []
    assert losses.lose("99") == []
    assert losses.lose("101") == [("WARN", 100)]
    assert losses.lose("10") == []
    assert losses.lose("72") == [("WARN", 70)]
    assert losses.lose("69.01") == losses.lose("70") == []
    assert losses.lose("69") == []
    assert losses.lose("70") == [("WARN", 70)]


def test_a_limit_that_is_made_tighter_is_told_where_it_is_crossed_then(losses: Losses) -> None:
    losses.limit()
    assert losses.lose("75") == [("WARN", 70)]
    losses.limit("70")
    losses.limit("1000")
    assert [each["threshold_pct"] for each in losses.events()] == [70]
    losses.lose("75")
    losses.limit("80")
    assert sorted(losses.lose("75")) == [("WARN", 70), ("WARN", 90)]


def test_a_new_session_tells_its_own_losses_although_the_day_before_told_as_many(losses: Losses) -> None:
    losses.limit(action="WARN")
    assert losses.lose("75") == [("WARN", 70)]
    # 150 since yesterday began, 75 of them since today did: the gap of the night counts to today.
    assert losses.lose("150", after=timedelta(days=1)) == [("WARN", 70)]
    assert losses.lose("150") == []


def test_what_was_lost_yesterday_is_not_told_as_todays_while_no_price_is_there(losses: Losses) -> None:
    losses.limit(action="WARN")
    assert losses.lose("75") == [("WARN", 70)]
    losses.at += timedelta(hours=12, minutes=1)
    losses.watch.run_round(losses.at)  # The last price is of yesterday.
    assert len(losses.events()) == 1
    assert losses.lose("75") == []


def test_a_drawdown_goes_on_over_the_end_of_a_session(losses: Losses) -> None:
    losses.limit(limit_type="DRAWDOWN", action="WARN")
    assert losses.lose("75") == [("WARN", 70)]
    assert losses.lose("75", after=timedelta(days=1)) == []


def test_a_watch_that_starts_again_knows_what_was_told(losses: Losses) -> None:
    losses.limit()
    assert losses.lose("75") == [("WARN", 70)]
    losses.watch = losses.new_watch(losses.database)
    assert losses.lose("76") == []
    assert losses.lose("91") == [("WARN", 90)]


def test_an_armed_node_that_is_still_beyond_its_limit_is_stopped_again_and_not_told_again(losses: Losses) -> None:
    losses.limit()
    losses.lose("101")
    with losses.database.tenant_transaction(losses.firm.tenant_id) as tx:
        brakes.rearm(StateChange(node_id=losses.firm.desk, reason="looked at"), losses.risk, tx, losses.at)
    assert losses.lose("102") == []
    assert state_of(losses.database, losses.firm, losses.firm.desk) == NodeState.REDUCE_ONLY


def test_of_many_watches_at_once_one_tells(losses: Losses) -> None:
    losses.limit()
    for lost, at in (("72", losses.at + SECOND), ("150", losses.at + 2 * SECOND)):
        set_reference(losses.urls.admin, Decimal(2000) - Decimal(lost), at)
        barrier = threading.Barrier(6)
        threads = [threading.Thread(target=_look, args=(losses, at, barrier)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(each["threshold_pct"] for each in losses.events()) == [70, 90, 100]


def _look(losses: Losses, at: datetime, barrier: threading.Barrier) -> None:
    database = database_of(losses.urls.functions)
    watch = LossWatch(database.untenanted_transaction, database.tenant_transaction, lambda _: None)
    barrier.wait(10)
    for _ in range(5):
        watch.run_round(at)
    database.close()


def test_a_limit_that_was_told_can_be_removed(losses: Losses) -> None:
    losses.limit()
    losses.lose("75")
    with psycopg.connect(losses.urls.admin) as connection:
        connection.execute("DELETE FROM limits.limits")
        assert connection.execute("SELECT count(*) FROM limits.losses_told").fetchone() == (0,)


def test_it_stands_among_the_breaches_and_is_an_alert(losses: Losses, trader: Caller) -> None:
    losses.limit()
    losses.lose("75")
    losses.lose("101")
    for caller in (losses.risk, trader):
        with losses.database.tenant_transaction(losses.firm.tenant_id) as tx:
            page = limit_tree.breaches(caller, tx, losses.at, node_id=None, cursor=None, limit=50)
        told: list[Any] = [each for each in page["items"] if each["topic"] == LimitBreachedByLoss.topic]
        assert sorted((each["threshold_pct"], each["order_id"]) for each in told) == [
            (70, None),
            (90, None),
            (100, None),
        ]
    alerts = [alert_of(envelope) for envelope in losses.envelopes()]
    assert sorted((alert.severity, alert.title) for alert in alerts) == [
        ("ERROR", "DAILY_LOSS of Firm desk is crossed"),
        ("INFO", "DAILY_LOSS of Firm desk is 70 % used"),
        ("WARNING", "DAILY_LOSS of Firm desk is 90 % used"),
    ]
    assert all("101" in alert.body or "75" in alert.body for alert in alerts)
    assert {alert.account_id for alert in alerts} == {None}


def test_of_an_account_it_is_told_in_the_accounts_name(losses: Losses) -> None:
    limit(losses.database, losses.risk, losses.firm.account_nodes[0], "DAILY_LOSS", "100")
    losses.lose("0")
    losses.lose("75")
    assert [each.account_id for each in losses.envelopes()] == [losses.firm.account_ids[0]]
