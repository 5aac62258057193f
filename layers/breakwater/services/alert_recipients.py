"""Whom an audience is, for one alert."""

from collections.abc import Collection

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alerting import AUDIENCE_ROLES, Audience, Contact


def people_of(audiences: Collection[Audience], alert: Alert, tx: TenantTransaction) -> list[Contact]:
    """Each person once, by name, with the ways by which he is reached."""
    roles = {role for audience in audiences for role in AUDIENCE_ROLES[audience]}
    return tx.alert_recipients.with_roles(roles)
