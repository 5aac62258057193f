"""Whom an audience is, for one alert: by what the organisation says, or by domain/alerting.py."""

import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alert_routing import DEFAULT, Members, Routing
from breakwater.domain.alerting import Audience, Contact
from breakwater.domain.permissions import Role
from breakwater.services.rota import on_call


def routing_of(tx: TenantTransaction) -> Routing:
    row = tx.alert_routing.routing()
    if row is None:
        return DEFAULT
    told = {
        audience: Members(
            frozenset(Role(each) for each in members["roles"]),
            frozenset(uuid.UUID(each) for each in members["group_ids"]),
        )
        for audience, members in row.audiences.items()
    }
    return Routing(
        row.version,
        {**DEFAULT.routes, **{category: frozenset(each) for category, each in row.routes.items()}},
        {**DEFAULT.audiences, **told},
        {**DEFAULT.channels, **{severity: frozenset(each) for severity, each in row.channels.items()}},
    )


def people_of(
    audiences: Collection[Audience], alert: Alert, tx: TenantTransaction, *, at: datetime | None = None
) -> list[Contact]:
    """Each person once, by name, with the ways by which he is reached. `at`: whose turn it is then; by default now."""
    members = [routing_of(tx).audiences[audience] for audience in audiences]
    found = [
        *tx.alert_recipients.with_roles({role for each in members for role in each.roles}),
        *tx.alert_recipients.in_groups({group_id for each in members for group_id in each.group_ids}),
    ]
    for audience in audiences:
        if audience in _PEOPLE_BY_ALERT:
            found += _PEOPLE_BY_ALERT[audience](alert, tx, at or datetime.now(UTC))
    return sorted({person.user_id: person for person in found}.values(), key=lambda person: person.username)


def _users_of_account(alert: Alert, tx: TenantTransaction, _at: datetime) -> list[Contact]:
    return [] if alert.account_id is None else tx.alert_recipients.of_accounts([alert.account_id])


def _on_call(_alert: Alert, tx: TenantTransaction, at: datetime) -> list[Contact]:
    return on_call(tx, at)


# Audiences that depend on the alert or the time.
_PEOPLE_BY_ALERT: Mapping[Audience, Callable[[Alert, TenantTransaction, datetime], list[Contact]]] = {
    "USER": _users_of_account,
    "ON_CALL": _on_call,
}
