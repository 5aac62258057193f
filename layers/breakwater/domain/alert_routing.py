"""What an organisation may say of whom alerts are for: checked so that nothing critical is for nobody."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from breakwater.domain.alerting import (
    AUDIENCE_ROLES,
    AUDIENCES,
    CATEGORIES,
    CHANNELS_AT_ONCE,
    ROUTES,
    SEVERITIES,
    Audience,
    Category,
    Channel,
    Severity,
)
from breakwater.domain.permissions import Role
from breakwater.errors import InvalidRequest

GROUPS_OF_ONE_AUDIENCE_MAX = 20


@dataclass(frozen=True, slots=True)
class Members:
    """Who is of an audience, beside those that no list can name: USER, and ON_CALL."""

    roles: frozenset[Role]
    group_ids: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Routing:
    """`version` 0: nobody has changed anything."""

    version: int
    routes: Mapping[Category, frozenset[Audience]]
    audiences: Mapping[Audience, Members]
    channels: Mapping[Severity, frozenset[Channel]]

    def check(self) -> None:
        """InvalidRequest for a category whose audiences can be nobody, for CRITICAL or a push without mail."""
        for category in CATEGORIES:
            audiences = self.routes[category]
            if not any(self.audiences[each].roles or self.audiences[each].group_ids for each in audiences):
                raise InvalidRequest(
                    f"{category} would be for nobody: one of its audiences needs a role or a group",
                    field=f"routes.{category}",
                )
        # Everybody has an address; not everybody a phone or a chat.
        if "EMAIL" not in self.channels["CRITICAL"]:
            raise InvalidRequest("what is CRITICAL is told by EMAIL at least", field="channels.CRITICAL")
        # A browser forgets by itself whom it told, and nobody hears of that: another way says the same.
        for severity in SEVERITIES:
            if "PUSH" in self.channels[severity] and "EMAIL" not in self.channels[severity]:
                raise InvalidRequest("what is told by PUSH is told by EMAIL too", field=f"channels.{severity}")
        for audience in AUDIENCES:
            if len(self.audiences[audience].group_ids) > GROUPS_OF_ONE_AUDIENCE_MAX:
                raise InvalidRequest(
                    f"an audience has at most {GROUPS_OF_ONE_AUDIENCE_MAX} groups", field=f"audiences.{audience}"
                )


DEFAULT = Routing(
    version=0,
    routes=ROUTES,
    audiences={audience: Members(AUDIENCE_ROLES[audience]) for audience in AUDIENCES},
    channels={severity: CHANNELS_AT_ONCE[severity] for severity in SEVERITIES},
)
