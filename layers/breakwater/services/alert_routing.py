"""What an organisation says of its alerts: routes, Slack channels, and when nobody is told. Each change is an event."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Annotated, Literal, TypedDict

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from breakwater.db.alert_routing import SLACK_CHANNELS_MAX, RoutingRow, SlackChannel, Suppression
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alert_routing import DEFAULT, GROUPS_OF_ONE_AUDIENCE_MAX, Members, Routing
from breakwater.domain.alerting import (
    AUDIENCES,
    CATEGORIES,
    CHANNELS_BY_EVENT,
    SEVERITIES,
    Audience,
    Category,
    Channel,
    Severity,
)
from breakwater.domain.permissions import Caller, Role
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, InvalidRequest, NotFound, VersionConflict
from breakwater.services.alert_recipients import routing_of
from events.alerts import AlertSettingsChanged

PERMISSION = "alerts:manage"
SUPPRESSED_FOR_MAX = timedelta(days=30)

type TenantTransactions = Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]
type SealHook = Callable[[str, uuid.UUID, uuid.UUID], bytes]  # The URL, the channel's id and the tenant's.
type Change = Literal["ROUTES", "CHANNEL_ADDED", "CHANNEL_REMOVED", "SUPPRESSION_ADDED", "SUPPRESSION_ENDED"]


class AudienceMembers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: Annotated[list[Role], Field(max_length=len(Role))] = []
    group_ids: Annotated[list[uuid.UUID], Field(max_length=GROUPS_OF_ONE_AUDIENCE_MAX)] = []


class AlertRoutes(BaseModel):
    """The whole matrix: of a category its audiences, of an audience who that is, of a severity how they are told.

    `version`: the one that is changed, 0 where nobody has changed anything. What is left out is as it is by default.
    WEBSOCKET and WEBHOOK hear of everything, whatever is said here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=0, le=2**31 - 1)]
    routes: dict[Category, list[Audience]] = {}
    audiences: dict[Audience, AudienceMembers] = {}
    channels: dict[Severity, list[Channel]] = {}


class NewSlackChannel(BaseModel):
    """`hook_url`: of an incoming webhook, which Slack shows when it is made. `categories` empty: of all."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    hook_url: SecretStr
    categories: Annotated[list[Category], Field(max_length=len(CATEGORIES))] = []


class NewSuppression(BaseModel):
    """Alerts that match each of `category`, `kind` and `node_id` that is given; one of them is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Category | None = None
    kind: Annotated[str | None, StringConstraints(pattern=r"^[A-Z0-9_]{1,60}$")] = None
    node_id: uuid.UUID | None = None
    includes_critical: bool = False
    starts_at: AwareDatetime | None = None  # By default now.
    ends_at: AwareDatetime
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class SlackChannels(TypedDict):
    items: list[SlackChannel]


class Suppressions(TypedDict):
    items: list[Suppression]


def routes(caller: Caller, tx: TenantTransaction) -> AlertRoutes:
    caller.require("alerts:read")
    return _shown(routing_of(tx))


def set_routes(wanted: AlertRoutes, caller: Caller, tx: TenantTransaction, at: datetime) -> AlertRoutes:
    """InvalidRequest for what would leave something to nobody; NotFound for a group that there is not.

    VersionConflict when somebody else changed it first.
    """
    caller.require(PERMISSION)
    routing = Routing(
        wanted.version,
        {each: frozenset(wanted.routes.get(each, DEFAULT.routes[each])) for each in CATEGORIES},
        {each: _members(wanted, each) for each in AUDIENCES},
        {each: frozenset(wanted.channels.get(each, DEFAULT.channels[each])) | CHANNELS_BY_EVENT for each in SEVERITIES},
    )
    routing.check()
    for group_id in {group_id for members in routing.audiences.values() for group_id in members.group_ids}:
        tx.people.group(group_id)
    shown = _shown(routing).model_dump(mode="json")
    row = RoutingRow(wanted.version, shown["routes"], shown["audiences"], shown["channels"])
    current = routing_of(tx)
    if current.version != wanted.version or not tx.alert_routing.save_routing(
        row, changed_by=caller.actor, changed_at=at
    ):
        raise VersionConflict(
            "somebody else has changed it",
            current=_shown(current).model_dump(mode="json"),
            yours=wanted.model_dump(mode="json"),
        )
    summary = f"version {wanted.version + 1} of the routes of alerts"
    tell_change(caller, tx, at, subject_id=caller.tenant_id, change="ROUTES", summary=summary)
    return _shown(routing_of(tx))


def slack_channels(caller: Caller, tx: TenantTransaction) -> SlackChannels:
    """By name; their URLs are shown to nobody."""
    caller.require("alerts:read")
    return {"items": tx.alert_routing.slack_channels()}


def add_slack_channel(
    new: NewSlackChannel,
    caller: Caller,
    transactions: TenantTransactions,
    *,
    check_hook: Callable[[str], None],
    seal_hook: SealHook,
    at: datetime,
) -> SlackChannel:
    """InvalidRequest for a URL that is no hook of Slack's; Conflict for a name that is taken, or too many."""
    caller.require(PERMISSION)
    check_hook(new.hook_url.get_secret_value())
    channel = SlackChannel(uuid.uuid4(), new.name, sorted(set(new.categories)), caller.actor, at)
    sealed = seal_hook(new.hook_url.get_secret_value(), channel.channel_id, caller.tenant_id)
    with transactions(caller.tenant_id) as tx:
        if len(tx.alert_routing.slack_channels()) >= SLACK_CHANNELS_MAX:
            raise Conflict(f"an organisation has at most {SLACK_CHANNELS_MAX} Slack channels")
        if not tx.alert_routing.add_slack_channel(channel, sealed):
            raise Conflict("another channel has this name", field="name")
        tell_change(
            *(caller, tx, at), subject_id=channel.channel_id, change="CHANNEL_ADDED", summary=f"Slack: {channel.name}"
        )
    return channel


def remove_slack_channel(channel_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """What is still to be sent there fails. NotFound."""
    caller.require(PERMISSION)
    if not tx.alert_routing.remove_slack_channel(channel_id):
        raise NotFound("there is no such channel")
    tell_change(caller, tx, at, subject_id=channel_id, change="CHANNEL_REMOVED", summary="Slack")


def suppressions(caller: Caller, tx: TenantTransaction) -> Suppressions:
    """Those that are over too, the latest first."""
    caller.require("alerts:read")
    return {"items": tx.alert_routing.suppressions()}


def suppress(new: NewSuppression, caller: Caller, tx: TenantTransaction, at: datetime) -> Suppression:
    """InvalidRequest for one that matches everything, or lasts too long; NotFound for a node that there is not."""
    caller.require(PERMISSION)
    if new.category is None and new.kind is None and new.node_id is None:
        raise InvalidRequest("name a category, a kind or a node", field="category")
    if new.node_id is not None and tx.limits.node(new.node_id, at) is None:
        raise NotFound("no such node", field="node_id")
    starts_at = new.starts_at or at
    if not max(starts_at, at) < new.ends_at <= starts_at + SUPPRESSED_FOR_MAX:
        raise InvalidRequest(
            f"it ends after it began, after now, and within {SUPPRESSED_FOR_MAX.days} days", field="ends_at"
        )
    suppression = Suppression(
        suppression_id=uuid.uuid4(),
        category=new.category,
        kind=new.kind,
        node_id=new.node_id,
        includes_critical=new.includes_critical,
        starts_at=starts_at,
        ends_at=new.ends_at,
        reason=new.reason,
        created_by=caller.actor,
        created_at=at,
        ended_by=None,
    )
    tx.alert_routing.add_suppression(suppression)
    tell_change(
        *(caller, tx, at), subject_id=suppression.suppression_id, change="SUPPRESSION_ADDED", summary=new.reason
    )
    return suppression


def end_suppression(suppression_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound for one that is over, too."""
    caller.require(PERMISSION)
    if not tx.alert_routing.end_suppression(suppression_id, by=caller.actor, at=at):
        raise NotFound("there is no such suppression, or it is over")
    tell_change(caller, tx, at, subject_id=suppression_id, change="SUPPRESSION_ENDED", summary="before its time")


def tell_change(
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    subject_id: uuid.UUID,
    change: Change | Literal["QUIET_HOURS", "PHONE"],
    summary: str,
) -> None:
    """For the audit trail: a record of the organisation, and in no account's feed."""
    tx.outbox.add(
        AlertSettingsChanged(subject_id=subject_id, change=change, summary=summary, changed_by=caller.actor),
        aggregate_id=subject_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _members(wanted: AlertRoutes, audience: Audience) -> Members:
    told = wanted.audiences.get(audience)
    return DEFAULT.audiences[audience] if told is None else Members(frozenset(told.roles), frozenset(told.group_ids))


def _shown(routing: Routing) -> AlertRoutes:
    return AlertRoutes(
        version=routing.version,
        routes={each: sorted(routing.routes[each]) for each in CATEGORIES},
        audiences={
            each: AudienceMembers(
                roles=sorted(routing.audiences[each].roles), group_ids=sorted(routing.audiences[each].group_ids)
            )
            for each in AUDIENCES
        },
        channels={each: sorted(routing.channels[each]) for each in SEVERITIES},
    )
