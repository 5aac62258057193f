"""What people see of alerts: the list, and one with everybody who was told of it."""

import uuid
from dataclasses import replace
from typing import TypedDict

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert, AlertFilter
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alerting import Severity
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Caller
from breakwater.errors import NotFound
from breakwater.services.cursors import decode_cursor, next_cursor
from breakwater.services.orders import visible_accounts


class AlertPage(TypedDict):
    items: list[Alert]
    next_cursor: str | None


class AlertSummary(TypedDict):
    """How many nobody has acknowledged, together and by severity; `is_cut`: there are more, which are not counted."""

    open: int
    by_severity: dict[Severity, int]
    is_cut: bool


COUNTED_MAX = 1_000
HIDDEN = "hidden"


class AlertHistory(TypedDict):
    """`deliveries`: who was told, by which way and when, and who could not be.

    Their addresses and numbers are for those who may read of people; others see `hidden` in their place.
    """

    alert: Alert
    deliveries: list[Delivery]


def alerts(caller: Caller, tx: TenantTransaction, *, wanted: AlertFilter, cursor: str | None, limit: int) -> AlertPage:
    """The newest first: the organisation's for those who oversee it, those of his accounts for a trader."""
    caller.require("alerts:read")
    rows = tx.alerts.page(_accounts_of(caller, tx), before=decode_cursor(cursor), limit=limit + 1, wanted=wanted)
    shown, cursor_behind = next_cursor(rows, limit, lambda row: (row.created_at, row.alert_id))
    return {"items": shown, "next_cursor": cursor_behind}


def summary(caller: Caller, tx: TenantTransaction) -> AlertSummary:
    """Of those that `alerts` lists for the caller."""
    caller.require("alerts:read")
    counts = tx.alerts.open_counts(_accounts_of(caller, tx), limit=COUNTED_MAX + 1)
    found = sum(counts.values())
    return {"open": min(found, COUNTED_MAX), "by_severity": counts, "is_cut": found > COUNTED_MAX}


def alert_history(alert_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> AlertHistory:
    """NotFound for one that the caller may not see."""
    alert = visible_alert(alert_id, caller, tx)
    deliveries = tx.alert_deliveries.of_alert(alert_id)
    if "users:read" not in caller.permissions:
        deliveries = [each if each.user_id is None else replace(each, destination=HIDDEN) for each in deliveries]
    return {"alert": alert, "deliveries": deliveries}


def visible_alert(alert_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> Alert:
    """NotFound for one of an account that is not the caller's, or of the organisation unless he oversees it."""
    caller.require("alerts:read")
    alert = tx.alerts.find(alert_id)
    sees_all = caller.role in ROLES_WITH_ALL_ACCOUNTS
    if alert is None or not (sees_all or alert.account_id in visible_accounts(caller, tx, None)):
        raise NotFound("there is no such alert")
    return alert


def _accounts_of(caller: Caller, tx: TenantTransaction) -> list[uuid.UUID] | None:
    """None: all, and what concerns the organisation."""
    return None if caller.role in ROLES_WITH_ALL_ACCOUNTS else visible_accounts(caller, tx, None)
