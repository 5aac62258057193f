"""What people were told, by whom it was taken up, and who is told of what."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from breakwater.db.alerts import AlertFilter
from breakwater.domain.access_tokens import second_factor_roles
from breakwater.domain.alerting import Category, Severity
from breakwater.runtime.alert_routes import add_alert_routes
from breakwater.runtime.api import SIGNED_IN, Caller, create_api, lambda_handler, needs
from breakwater.runtime.database import caller_transaction
from breakwater.runtime.digest_routes import add_digest_routes
from breakwater.runtime.escalation_routes import add_escalation_routes
from breakwater.runtime.metric_rule_routes import add_metric_rule_routes
from breakwater.runtime.settings import settings
from breakwater.services import alert_views, telegram_links
from breakwater.services.alert_views import AlertHistory, AlertPage, AlertSummary
from breakwater.services.cursors import LIMIT_DEFAULT, LIMIT_MAX
from breakwater.services.telegram_links import LinkCode, LinkState

api = create_api(service="alerting")
add_escalation_routes(api)
add_metric_rule_routes(api)

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=200)]


@api.get("/alerts", dependencies=[needs("alerts:read")])
def list_alerts(
    caller: Caller,
    *,
    category: Category | None = None,
    severity: Severity | None = None,
    is_open: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> AlertPage:
    wanted = AlertFilter(category, severity, is_open)
    with caller_transaction(caller) as tx:
        return alert_views.alerts(caller, tx, wanted=wanted, cursor=cursor, limit=limit)


@api.get("/alerts/summary", dependencies=[needs("alerts:read")])
def get_alert_summary(caller: Caller) -> AlertSummary:
    with caller_transaction(caller) as tx:
        return alert_views.summary(caller, tx)


add_alert_routes(api)


@api.get("/alerts/{alert_id}", dependencies=[needs("alerts:read")])
def get_alert(alert_id: uuid.UUID, caller: Caller) -> AlertHistory:
    with caller_transaction(caller) as tx:
        return alert_views.alert_history(alert_id, caller, tx)


# Telegram -----------------------------------------------------------------------------------------------------------


@api.get("/contacts/me/telegram", dependencies=[SIGNED_IN])
def get_telegram_link(caller: Caller) -> LinkState:
    with caller_transaction(caller) as tx:
        return telegram_links.state(caller, tx, bot=settings().telegram_bot_username)


@api.post("/contacts/me/telegram", status_code=201, dependencies=[SIGNED_IN])
def ask_for_telegram_code(caller: Caller) -> LinkCode:
    """A code for the bot: whoever shows it there within ten minutes speaks for the caller from that chat."""
    roles = second_factor_roles(settings().second_factor_roles)
    with caller_transaction(caller) as tx:
        return telegram_links.ask_code(
            caller, tx, datetime.now(UTC), bot=settings().telegram_bot_username, second_factor_roles=roles
        )


@api.delete("/contacts/me/telegram", status_code=204, dependencies=[SIGNED_IN])
def end_telegram_link(caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        telegram_links.end_link(caller, tx, datetime.now(UTC))


add_digest_routes(api)

handler = lambda_handler(api)
