"""Who is on call, now and next: set, overridden, and asked by whoever tells people of alerts."""

import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Annotated, TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.rotas import OVERRIDES_MAX, Member, StoredOverride
from breakwater.domain.alerting import Contact
from breakwater.domain.permissions import SESSION_SCOPE, Caller, allows
from breakwater.domain.rota import PEOPLE_MAX, TURN_DAYS_MAX, Rota, Shift, shift_at, shifts
from breakwater.domain.times import Timestamp, nanoseconds
from breakwater.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from events.alerts import NobodyOnCall, RotaChanged
from events.envelope import Event

OVERRIDE_LASTS_MAX = timedelta(days=90)
SHIFTS_SHOWN = 5

_ClockTime = Annotated[time, PlainSerializer(lambda at: at.strftime("%H:%M"), return_type=str)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RotaBody(_Body):
    """The body of PUT /alerts/rota: the people in the order of their turns, and when one hands over to the next."""

    people: Annotated[list[uuid.UUID], Field(min_length=1, max_length=PEOPLE_MAX)]
    starts_on: date  # When the first one's turn begins.
    handover_at: time = time(9)
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=50)] = "UTC"
    turn_days: Annotated[int, Field(ge=1, le=TURN_DAYS_MAX)] = 7


class OverrideBody(_Body):
    """The body of POST /alerts/rota/overrides: that person in place of whoever's turn it is."""

    user_id: uuid.UUID
    starts_at: AwareDatetime | None = None  # None: from now on.
    ends_at: AwareDatetime


class RotaMember(TypedDict):
    """`is_available`: he is not disabled, and his role acknowledges alerts; else the next one stands in."""

    user_id: uuid.UUID
    username: str
    is_available: bool


class RotaShift(TypedDict):
    """`username` None: nobody is left. `stands_in_for`: whose turn it is by the list, where that is another."""

    username: str | None
    starts_at: Timestamp
    ends_at: Timestamp
    stands_in_for: str | None
    is_override: bool


class RotaOverride(TypedDict):
    override_id: uuid.UUID
    user_id: uuid.UUID
    username: str
    starts_at: Timestamp
    ends_at: Timestamp
    made_by: str


class RotaView(TypedDict):
    """`shifts`: who is on call now, and the next ones."""

    people: list[RotaMember]
    starts_on: date
    handover_at: _ClockTime
    time_zone: str
    turn_days: int
    shifts: list[RotaShift]
    overrides: list[RotaOverride]


def on_call(tx: TenantTransaction, at: datetime) -> list[Contact]:
    """Who is to be told of what goes to ON_CALL at that instant; nobody without a rota, or where nobody is left.

    Without his quiet hours: whose turn it is has said that he may be woken.
    """
    rota = tx.rotas.rota()
    if rota is None:
        return []
    overrides = tx.rotas.overrides(at)
    available = _available(_members(rota, overrides, tx).values())
    shift = shift_at(rota, [each.holding for each in overrides], available, at)
    found = [] if shift.user_id is None else tx.alert_recipients.users([shift.user_id])
    return [replace(person, quiet_hours=None) for person in found]


def rota_view(caller: Caller, tx: TenantTransaction, at: datetime) -> RotaView:
    """NotFound where none is set."""
    caller.require("alerts:read")
    rota = tx.rotas.rota()
    if rota is None:
        raise NotFound("no rota is set: nobody is on call")
    return _view(rota, tx, at)


def _view(rota: Rota, tx: TenantTransaction, at: datetime) -> RotaView:
    overrides = tx.rotas.overrides(at)
    members = _members(rota, overrides, tx)
    available = _available(members.values())
    coming = islice(shifts(rota, [each.holding for each in overrides], available, at), SHIFTS_SHOWN)
    return {
        "people": [
            {"user_id": each, "username": members[each].username, "is_available": each in available}
            for each in rota.people
        ],
        "starts_on": rota.starts_on,
        "handover_at": rota.handover_at,
        "time_zone": rota.time_zone,
        "turn_days": rota.turn_days,
        "shifts": [_shift(each, members) for each in coming],
        "overrides": [_override(each, members) for each in overrides],
    }


def set_rota(body: RotaBody, caller: Caller, tx: TenantTransaction, at: datetime) -> RotaView:
    """InvalidRequest for people who are not there, are disabled or may not acknowledge, and for a zone unknown."""
    caller.require("alerts:manage")
    if len(set(body.people)) != len(body.people):
        raise InvalidRequest("each person is named once", field="people")
    try:
        ZoneInfo(body.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest("no such time zone; such as Europe/Berlin", field="time_zone") from error
    if body.handover_at.tzinfo is not None:
        raise InvalidRequest("handover_at is a time of day in time_zone", field="handover_at")
    tx.rotas.lock()
    members = tx.rotas.members(body.people)
    available = _available(members.values())
    if missing := [str(each) for each in body.people if each not in available]:
        raise InvalidRequest(f"not here, disabled, or may not acknowledge alerts: {', '.join(missing)}", field="people")
    rota = Rota(tuple(body.people), body.starts_on, body.handover_at, body.time_zone, body.turn_days)
    tx.rotas.set(rota)
    handover = f"every {rota.turn_days} days at {rota.handover_at:%H:%M} {rota.time_zone}"
    changed = RotaChanged(
        change="SET",
        people=[members[each].username for each in rota.people],
        starts_at_ns=nanoseconds(rota.handover(0)),
        ends_at_ns=None,
        handover=handover,
        changed_by=caller.actor,
    )
    _tell(changed, caller.correlation_id, tx, at)
    return _view(rota, tx, at)


def add_override(body: OverrideBody, caller: Caller, tx: TenantTransaction, at: datetime) -> RotaOverride:
    """Everybody who acknowledges may take over himself; to put in another needs alerts:manage.

    NotFound for somebody whom the caller cannot put on call; Conflict where another override holds at the same time.
    """
    caller.require("alerts:acknowledge")
    starts_at = body.starts_at or at
    if not at < body.ends_at or not starts_at < body.ends_at:
        raise InvalidRequest("ends_at must be in the future and after starts_at", field="ends_at")
    if body.ends_at - starts_at > OVERRIDE_LASTS_MAX:
        raise InvalidRequest(f"an override lasts at most {OVERRIDE_LASTS_MAX.days} days", field="ends_at")
    tx.rotas.lock()
    if tx.rotas.rota() is None:
        raise NotFound("no rota is set")
    members = tx.rotas.members([body.user_id])
    if not _available(members.values()) or not _is_his(body.user_id, caller, tx):
        told = "there is nobody whom you may put on call by this id, or he may not acknowledge alerts"
        raise NotFound(told, field="user_id")
    known = tx.rotas.overrides(at)
    if len(known) >= OVERRIDES_MAX:
        raise InvalidRequest(f"there are {OVERRIDES_MAX} overrides already")
    if any(each.starts_at < body.ends_at and starts_at < each.ends_at for each in known):
        raise Conflict("another override holds at the same time: cancel it first")
    made = StoredOverride(uuid.uuid4(), body.user_id, starts_at, body.ends_at, caller.username, at)
    tx.rotas.add_override(made)
    _tell(_override_event("OVERRIDDEN", made, members, caller), caller.correlation_id, tx, at)
    return _override(made, members)


def cancel_override(override_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """By whom it is for, or with alerts:manage. NotFound for one that is over."""
    caller.require("alerts:acknowledge")
    tx.rotas.lock()
    override = next((each for each in tx.rotas.overrides(at) if each.override_id == override_id), None)
    if override is None:
        raise NotFound("no such override, or it is over")
    if not _is_his(override.user_id, caller, tx):
        raise NotPermitted("to send another away needs the permission alerts:manage", permission="alerts:manage")
    tx.rotas.remove_override(override_id)
    members = tx.rotas.members([override.user_id])
    _tell(_override_event("OVERRIDE_CANCELLED", override, members, caller), caller.correlation_id, tx, at)


def notice_absence(tx: TenantTransaction, correlation_id: str, at: datetime) -> None:
    """Tell where everybody in the rota is gone; asked when somebody's rights have changed."""
    rota = tx.rotas.rota()
    if rota is None:
        return
    members = tx.rotas.members(list(rota.people))
    if not _available(members.values()):
        names = [member.username for member in members.values()]
        _tell(NobodyOnCall(people=sorted(names)), correlation_id, tx, at)


def _members(rota: Rota, overrides: list[StoredOverride], tx: TenantTransaction) -> dict[uuid.UUID, Member]:
    return tx.rotas.members([*rota.people, *(each.user_id for each in overrides)])


def _available(members: Iterable[Member]) -> set[uuid.UUID]:
    """Nobody is woken by what he cannot take up."""
    return {
        member.user_id
        for member in members
        if not member.is_disabled and allows(member.role, frozenset({SESSION_SCOPE}), "alerts:acknowledge")
    }


def _is_his(user_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> bool:
    """Whether the shift is the caller's to take or give: his own, or anybody's where he manages alerting."""
    return "alerts:manage" in caller.permissions or tx.identity.user(caller.subject).user_id == user_id


def _shift(shift: Shift, members: dict[uuid.UUID, Member]) -> RotaShift:
    username = None if shift.user_id is None else members[shift.user_id].username
    turn_of = None if shift.turn_of == shift.user_id else members[shift.turn_of].username
    return {
        "username": username,
        "starts_at": shift.starts_at,
        "ends_at": shift.ends_at,
        "stands_in_for": turn_of,
        "is_override": shift.is_override,
    }


def _override(override: StoredOverride, members: dict[uuid.UUID, Member]) -> RotaOverride:
    return {
        "override_id": override.override_id,
        "user_id": override.user_id,
        "username": members[override.user_id].username,
        "starts_at": override.starts_at,
        "ends_at": override.ends_at,
        "made_by": override.made_by,
    }


def _override_event(change: str, override: StoredOverride, members: dict[uuid.UUID, Member], caller: Caller) -> Event:
    return RotaChanged.model_validate(
        {
            "change": change,
            "people": [members[override.user_id].username],
            "starts_at_ns": nanoseconds(override.starts_at),
            "ends_at_ns": nanoseconds(override.ends_at),
            "handover": None,
            "changed_by": caller.actor,
        }
    )


def _tell(event: Event, correlation_id: str, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=tx.tenant_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
