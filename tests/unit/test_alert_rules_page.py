"""docs/alert-rules.md says what the code does: which events become alerts, of which kind, category and severity."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from breakwater.services.alerts import TOPICS, alert_of
from breakwater.services.metric_rules import DEFAULT_RULES
from events.envelope import Envelope
from fargate_engine.reasons import _REASONS
from infra_cdk.stacks.control import ALERT_TOPICS, ALERTS_OF_SOME, OWN_LIMITS

PAGE = (Path(__file__).parents[2] / "docs" / "alert-rules.md").read_text()
ID = "11111111-1111-4111-8111-111111111111"
ORDER = {
    **{"order_id": ID, "client_order_id": "c", "account_id": ID, "symbol": "BTC/USDT", "side": "BUY", "type": "LIMIT"},
    **{"time_in_force": "GTC", "venue": "BOOK", "status": "REJECTED", "quantity": "1", "price": None, "cum_qty": "0"},
    **{"leaves_qty": "0", "cum_notional": "0", "reject_code": "VENUE_REFUSED", "reject_reason": "no"},
    **{"engine_seq": 1, "transact_time_ns": 1},
}
FAILED = {"order_id": ID, "account_id": ID, "symbol": "BTC/USDT", "reason": "no answer"}
DRIFT = {"venue": "BINANCE", "found_at_ns": 1, "repaired": 1, "findings": []}
CREDENTIAL = {
    **{"credential_id": ID, "version": 1, "account_id": ID, "venue": "BINANCE", "label": "main"},
    **{"api_key_end": "wxyz", "master_key_id": None, "changed_by": "admin"},
}
METRIC = {
    **{"rule_id": ID, "rule_name": "Loss", "metric": "pnl_total", "labels": {}, "value": "-2", "bound": "-1"},
    **{"severity": "ERROR", "category": "RISK", "since_ns": 1},
}
KEY = {"key_id": "bw_1", "kind": "API_KEY", "username": "bot", "source_ip": None}
HEALTH = {"state_before": "UP", "detail": "it is not well", "since_ns": 1}
ACCESS = {"credential_id": ID, "account_id": ID, "changed_by": "admin"}
# Topic, payload, and what the page says of it: kind, category, severity.
SAMPLES: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("orders.OrderRejected.v1", {"order": ORDER}, "ORDER_REJECTED", "TRADE_FAILURE", "WARNING"),
    (
        "orders.OrderRejected.v1",
        {"order": ORDER | {"reject_code": "POST_ONLY_WOULD_TAKE"}},
        *("ORDER_REJECTED", "TRADE_FAILURE", "INFO"),
    ),
    (
        "orders.OrderReplaceRejected.v1",
        {"replace_id": "r", "replace_no": 1, "code": "X", "reason": "no", "order": ORDER},
        *("REPLACE_REJECTED", "TRADE_FAILURE", "WARNING"),
    ),
    ("trades.TradeFailed.v1", FAILED | {"stage": "SAGA"}, "ORDER_SAGA", "TRADE_FAILURE", "WARNING"),
    ("trades.TradeFailed.v1", FAILED | {"stage": "UNRESOLVED"}, "ORDER_UNRESOLVED", "TRADE_FAILURE", "ERROR"),
    ("trades.TradeFailed.v1", FAILED | {"stage": "CANCEL"}, "ORDER_CANCEL", "TRADE_FAILURE", "ERROR"),
    ("system.HealthChanged.v1", HEALTH | {"component": "engine", "state": "DOWN"}, "HEALTH", "SYSTEM", "CRITICAL"),
    ("system.HealthChanged.v1", HEALTH | {"component": "venue/X", "state": "DOWN"}, "HEALTH", "VENUE", "ERROR"),
    ("system.DriftFound.v1", DRIFT | {"kinds": {"ENDED_ORDER": 1}}, "DRIFT", "RECONCILIATION", "WARNING"),
    (
        "system.DriftFound.v1",
        DRIFT | {"kinds": {"ENDED_ORDER": 1, "BALANCE_DRIFT": 1}},
        *("DRIFT", "RECONCILIATION", "ERROR"),
    ),
    ("system.MetricCrossed.v1", METRIC | {"state": "CROSSED"}, "METRIC", "RISK", "ERROR"),
    ("system.MetricCrossed.v1", METRIC | {"state": "CLEARED"}, "METRIC", "RISK", "INFO"),
    (
        "security.SignInsRefused.v1",
        {"user_id": ID, "username": "trader1", "failures": 5, "window_s": 600, "source_ips": []},
        *("SIGN_INS_REFUSED", "AUTHENTICATION", "ERROR"),
    ),
    (
        "security.KeyUsedFromElsewhere.v1",
        KEY | {"is_proven": True},
        *("KEY_FROM_ELSEWHERE", "AUTHENTICATION", "CRITICAL"),
    ),
    ("security.KeyUsedFromElsewhere.v1", KEY | {"is_proven": False}, "KEY_FROM_ELSEWHERE", "AUTHENTICATION", "ERROR"),
    (
        "identity.SecondFactorChanged.v1",
        {"user_id": ID, "username": "trader1", "change": "RESET", "changed_by": "admin"},
        *("SECOND_FACTOR", "AUTHENTICATION", "WARNING"),
    ),
    (
        "identity.ExchangeCredentialChanged.v1",
        CREDENTIAL | {"change": "STORED"},
        *("CREDENTIAL", "AUTHENTICATION", "WARNING"),
    ),
    (
        "identity.ExchangeCredentialChanged.v1",
        CREDENTIAL | {"change": "REWRAPPED"},
        *("CREDENTIAL", "AUTHENTICATION", "INFO"),
    ),
    (
        "identity.ExchangeCredentialAccessChanged.v1",
        ACCESS | {"is_given": True},
        *("CREDENTIAL_ACCESS", "AUTHENTICATION", "WARNING"),
    ),
    (
        "identity.ExchangeCredentialAccessChanged.v1",
        ACCESS | {"is_given": False},
        *("CREDENTIAL_ACCESS", "AUTHENTICATION", "INFO"),
    ),
]
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize(("topic", "payload", "kind", "category", "severity"), SAMPLES)
def test_an_event_becomes_the_alert_that_the_page_says(
    topic: str, payload: dict[str, Any], kind: str, category: str, severity: str
) -> None:
    event = Envelope(
        event_id=uuid.uuid4(),
        topic=topic,
        tenant_id=uuid.UUID(ID),
        account_id=None,
        aggregate_id=uuid.UUID(ID),
        correlation_id="c",
        occurred_at_ns=1,
        payload=payload,
    )
    alert = alert_of(event)
    assert (alert.kind, alert.category, alert.severity) == (kind, category, severity)
    [row] = [row for row in ROWS if row[0] == f"`{topic}`" and row[1] == f"`{kind}`"]
    assert row[2] in (category, "by component", "the rule's")
    assert severity in row[3] or row[3] in ("by component", "the rule's; INFO when it is over")


def test_the_page_has_every_event_of_which_an_alert_is_made_and_each_is_sent_to_it() -> None:
    on_page = {topic for row in ROWS if len(row) == 5 for topic in re.findall(r"`(\w+\.\w+\.v\d+)`", row[0])}
    sent = set(ALERT_TOPICS) | {topic for _, topic, _ in ALERTS_OF_SOME}
    assert on_page == TOPICS
    assert sent - {"users.PermissionsUpdated.v1"} == TOPICS


def test_every_rule_that_everybody_begins_with_is_on_the_page() -> None:
    for default in DEFAULT_RULES:
        assert f"| {default.setting.name} | `{default.setting.metric}` " in PAGE


def test_what_is_taken_for_an_account_s_own_limit_is_a_code_of_the_engine() -> None:
    assert set(OWN_LIMITS) - {"NO_LEASE"} <= {reason.code for reason in _REASONS.values()}
