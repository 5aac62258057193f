"""The words of alerting: how bad, about what, by which ways people hear of it, and whom they are meant for."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from breakwater.domain.permissions import Role
from breakwater.domain.quiet_hours import QuietHours

Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
Category = Literal[
    "RISK",  # Limits, the state of nodes, dead man's switches.
    "TRADE_FAILURE",  # Orders that a venue or the engine refused, or of which nobody knows what became.
    "AUTHENTICATION",
    "VENUE",  # An exchange, its API and our keys there.
    "MARKET_DATA",
    "RECONCILIATION",  # What an exchange says and what we have differ.
    "COMMUNICATION",  # Somebody could not be told.
    "SYSTEM",  # The platform itself: engine, queues, database.
    "GOVERNANCE",  # Limits, overrides and rights that people changed.
]
Channel = Literal["WEBSOCKET", "WEBHOOK", "EMAIL", "SLACK", "TELEGRAM", "SMS", "PUSH"]
Audience = Literal[
    "USER",  # Whoever trades the account that it is about.
    "RISK",
    "ADMIN",
    "SECURITY",
    "SUPPORT",
    "TECHNICAL",
    "OPERATIONS",
    "DEVOPS",
    "MANAGER",
    "EXECUTIVE",
    "ON_CALL",
]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # From the mildest to the worst.
CATEGORIES: tuple[Category, ...] = get_args(Category)
CHANNELS: tuple[Channel, ...] = get_args(Channel)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)

# These hear by the event alerts.AlertRaised itself: who listens, hears. The others are sent a message each.
CHANNELS_BY_EVENT: frozenset[Channel] = frozenset({"WEBSOCKET", "WEBHOOK"})

# An organisation may say otherwise. Whoever is on call is told of what goes to a team that is not a role.
AUDIENCE_ROLES: Mapping[Audience, frozenset[Role]] = {
    "USER": frozenset(),
    "RISK": frozenset({Role.RISK_MANAGER}),
    "ADMIN": frozenset({Role.ORGANISATION_ADMIN}),
    "SECURITY": frozenset({Role.ORGANISATION_ADMIN, Role.SYSTEM_ADMIN}),
    "SUPPORT": frozenset({Role.ORGANISATION_ADMIN}),
    "TECHNICAL": frozenset({Role.SYSTEM_ADMIN}),
    "OPERATIONS": frozenset({Role.SYSTEM_ADMIN}),
    "DEVOPS": frozenset({Role.SYSTEM_ADMIN}),
    "MANAGER": frozenset({Role.DESK_HEAD, Role.FUND_MANAGER}),
    "EXECUTIVE": frozenset({Role.ORGANISATION_ADMIN}),
    "ON_CALL": frozenset(),
}
ROUTES: Mapping[Category, frozenset[Audience]] = {
    "RISK": frozenset({"ADMIN", "RISK", "USER"}),
    "TRADE_FAILURE": frozenset({"USER", "SUPPORT"}),
    "AUTHENTICATION": frozenset({"SECURITY"}),
    "VENUE": frozenset({"TECHNICAL", "ON_CALL"}),
    "MARKET_DATA": frozenset({"OPERATIONS", "ON_CALL"}),
    "RECONCILIATION": frozenset({"RISK", "OPERATIONS"}),
    "COMMUNICATION": frozenset({"DEVOPS", "ADMIN"}),
    "SYSTEM": frozenset({"DEVOPS", "ON_CALL"}),
    "GOVERNANCE": frozenset({"ADMIN", "RISK"}),
}

CHANNELS_AT_ONCE: Mapping[Severity, frozenset[Channel]] = {
    "INFO": frozenset({"WEBSOCKET", "WEBHOOK"}),
    "WARNING": frozenset({"WEBSOCKET", "WEBHOOK", "EMAIL", "PUSH"}),
    "ERROR": frozenset({"WEBSOCKET", "WEBHOOK", "EMAIL", "PUSH", "SLACK", "TELEGRAM"}),
    "CRITICAL": frozenset(CHANNELS),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """How a person is reached; None where that way is not known, or not confirmed by himself."""

    user_id: uuid.UUID
    username: str
    email: str | None
    phone: str | None  # E.164.
    telegram_chat_id: int | None
    quiet_hours: QuietHours | None = None
    push_device_ids: tuple[uuid.UUID, ...] = ()  # Of browsers that he has registered.
