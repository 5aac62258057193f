"""Overrides of limits: other values or parameters, or none, for a while, asked for by one and approved by another."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.limit_settings import Override
from breakwater.domain.exposure import Limit
from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.domain.money import Amount
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Caller
from breakwater.domain.times import format_time, nanoseconds
from breakwater.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from breakwater.services.below_use import brake_if_below_use, look_at
from breakwater.services.cursors import LIMIT_MAX, decode_cursor, next_cursor
from breakwater.services.limit_settings import (
    SettingBody,
    check_parameter_names,
    lock_limit,
    publish_at_node,
    value_text,
)
from breakwater.services.limit_views import (
    ChangedOverrideView,
    OverridePage,
    OverrideView,
)
from events.limits import OverrideChanged, OverrideOfParametersChanged

OVERRIDE_DURATION_MAX = timedelta(days=7)
_Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class OverrideRequest(SettingBody):
    """The body of POST /limits/overrides: another value, other parameters, or both, for a limit between two times.

    Parameters are all that it has then. With `is_exempt` a limit of a type without a value does not hold at all.
    """

    limit_id: uuid.UUID
    value: Amount | None = None
    parameters: dict[str, Any] | None = None
    is_exempt: bool = False
    starts_at: AwareDatetime | None = None  # None: as soon as it is approved.
    ends_at: AwareDatetime
    reason: _Reason


def request_override(request: OverrideRequest, caller: Caller, tx: TenantTransaction, at: datetime) -> OverrideView:
    """Ask for an override. It changes nothing until somebody else approves it."""
    caller.require("limits:manage")
    _, limit = lock_limit(request.limit_id, tx, at)
    _check(request, limit, tx, at)
    starts_at = request.starts_at or at
    if not at < request.ends_at or not starts_at < request.ends_at:
        raise InvalidRequest("ends_at must be in the future and after starts_at", field="ends_at")
    if request.ends_at - starts_at > OVERRIDE_DURATION_MAX:
        raise InvalidRequest(f"an override lasts at most {OVERRIDE_DURATION_MAX.days} days", field="ends_at")
    override = Override(
        override_id=uuid.uuid4(),
        limit_id=request.limit_id,
        value=request.value,
        parameters=request.parameters,
        is_exempt=request.is_exempt,
        starts_at=starts_at,
        ends_at=request.ends_at,
        reason=request.reason,
        requested_by=caller.username,
        requested_at=at,
        approved_by=None,
        approved_at=None,
        ended_by=None,
        ended_at=None,
    )
    tx.limit_settings.add_override(override)
    _tell_override(tx, override, limit, "REQUESTED", caller=caller, at=at)
    return _shown(override, tx, at)


def _check(asked: OverrideRequest | Override, limit: Limit, tx: TenantTransaction, at: datetime) -> None:
    """InvalidRequest where it says nothing, or what the limit could not be set to."""
    if not asked.is_exempt:
        if asked.value is None and asked.parameters is None:
            raise InvalidRequest("say another value, or other parameters", field="value")
        value = limit.value if asked.value is None else asked.value
        parameters = limit.parameters if asked.parameters is None else asked.parameters
        LIMIT_TYPES[limit.limit_type].check_setting(value, parameters)
        check_parameter_names(limit.limit_type, parameters, tx.limits.market(at).quotes, tx.market.venues())
    elif asked.value is not None or asked.parameters is not None:
        raise InvalidRequest("an exemption has no value and no parameters", field="is_exempt")
    elif limit.value is not None:
        # A value can be as large as it needs to be, and then still says what nobody meant.
        raise InvalidRequest(f"{limit.limit_type} has a value: say another one", field="is_exempt")


def approve_override(
    override_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime
) -> ChangedOverrideView:
    """Let it count. Where that is below what is in use, the limit's node only reduces at once.

    NotPermitted for whoever asked for it, and for a key; InvalidRequest once it counts or is over; Conflict when the
    limit could not be set to it any more, since it was set anew or a symbol or venue is gone.
    """
    caller.require("risk:manage")
    caller.require_person("approves an override")
    override, limit = _lock_override(override_id, tx, at)
    if override.requested_by == caller.username:
        raise NotPermitted("whoever asks for an override cannot approve it")
    if override.approved_by is not None or override.ended_at is not None or override.ends_at <= at:
        raise InvalidRequest(f"the override is {_override_state(override, at)} already")
    try:
        _check(override, limit, tx, at)
    except InvalidRequest as refusal:
        raise Conflict(f"{refusal}: that has changed since it was asked for; ask for another") from refusal
    tx.limit_settings.approve_override(override_id, caller.username, at)
    approved = replace(override, approved_by=caller.username, approved_at=at)
    _tell_override(tx, approved, limit, "APPROVED", caller=caller, at=at)
    if override.starts_at > at:
        look_at(tx, limit, override.starts_at)
    look_at(tx, limit, override.ends_at)
    counts = override.starts_at <= at  # Else it changes nothing yet, and may be there to end what is over.
    warnings = _brake(tx, limit, "was overridden with", caller, at) if counts else []
    return {**_shown(approved, tx, at), "warnings": warnings}


def end_override(override_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> ChangedOverrideView:
    """End it, or take the request back, before its time. Ending what has ended changes nothing.

    Where its room is in use, the limit's node only reduces at once.
    """
    caller.require("limits:manage")
    override, limit = _lock_override(override_id, tx, at)
    if override.ended_at is not None:
        return {**_shown(override, tx, at), "warnings": []}
    tx.limit_settings.end_override(override_id, caller.username, at)
    ended = replace(override, ended_by=caller.username, ended_at=at)
    _tell_override(tx, ended, limit, "ENDED", caller=caller, at=at)
    counted = override.approved_by is not None and override.starts_at <= at
    warnings = _brake(tx, limit, "is again", caller, at) if counted else []
    return {**_shown(ended, tx, at), "warnings": warnings}


def tell_override_ended(tx: TenantTransaction, override_id: uuid.UUID, *, by: str, at: datetime) -> None:
    """Its time is over: it has not counted since; this is what people are told. Nothing where that was done before."""
    override, limit = _lock_override(override_id, tx, at)
    if override.ended_at is not None or override.ends_at > at:
        return
    tx.limit_settings.end_override(override_id, None, at)
    event = _override_event(replace(override, ended_at=at), limit, "ENDED", by)
    publish_at_node(event, limit.node_id, str(uuid.uuid4()), tx, at)


def list_overrides(
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    open_only: bool,
    cursor: str | None = None,
    limit: int = LIMIT_MAX,
) -> OverridePage:
    """The newest first; those at nodes that the caller may see, of `limit` at a time that there are."""
    caller.require("limits:read")
    rows = tx.limit_settings.overrides(open_only=open_only, before=decode_cursor(cursor), limit=limit + 1)
    overrides, following = next_cursor(rows, limit, lambda row: (row.requested_at, row.override_id))
    limits = tx.limit_settings.overridden({override.limit_id for override in overrides})
    if caller.role not in ROLES_WITH_ALL_ACCOUNTS:
        own = tx.limits.node_ids_of_accounts(tx.identity.accessible_account_ids(caller.subject, caller.role))
        seen = {node.node_id for node in tx.limits.find_nodes(None, at, own)}
        overrides = [o for o in overrides if o.limit_id in limits and limits[o.limit_id][0].node_id in seen]
    items = [_override_json(override, limits.get(override.limit_id), at) for override in overrides]
    return {"items": items, "next_cursor": following}


def _brake(tx: TenantTransaction, limit: Limit, what: str, caller: Caller, at: datetime) -> list[str]:
    return brake_if_below_use(tx, limit, what, by=caller.username, correlation_id=caller.correlation_id, at=at)


def _lock_override(override_id: uuid.UUID, tx: TenantTransaction, at: datetime) -> tuple[Override, Limit]:
    # The node first, as whoever sets or deletes the limit locks it: two who wait for each other would both fail. And an
    # order sees the value before or after, never both.
    node_id = tx.limit_settings.node_of_override(override_id)
    if node_id is not None:
        tx.limits.node(node_id, at, lock=True)
    override = tx.limit_settings.lock_override(override_id)
    limit = None if override is None else tx.limit_settings.get(override.limit_id)  # It may be gone by now.
    if override is None or limit is None:
        raise NotFound("no such override")
    return override, limit


def _tell_override(
    tx: TenantTransaction, override: Override, limit: Limit, state: str, *, caller: Caller, at: datetime
) -> None:
    event = _override_event(override, limit, state, caller.username)
    publish_at_node(event, limit.node_id, caller.correlation_id, tx, at)


def _override_event(
    override: Override, limit: Limit, state: str, changed_by: str
) -> OverrideChanged | OverrideOfParametersChanged:
    about: dict[str, Any] = {
        "override_id": override.override_id,
        "limit_id": override.limit_id,
        "node_id": limit.node_id,
        "limit_type": limit.limit_type,
        "state": state,
        "value": value_text(override),
        "starts_at_ns": nanoseconds(override.starts_at),
        "ends_at_ns": nanoseconds(override.ends_at),
        "reason": override.reason,
        "requested_by": override.requested_by,
        "changed_by": changed_by,
    }
    if override.value is not None and override.parameters is None:
        return OverrideChanged(**about)
    parameters = None if override.parameters is None else dict(override.parameters)
    return OverrideOfParametersChanged(**about, parameters=parameters, is_exempt=override.is_exempt)


def _override_state(override: Override, at: datetime) -> str:
    if override.ended_at is not None or override.ends_at <= at:
        return "ENDED"
    if override.approved_by is None:
        return "REQUESTED"
    return "ACTIVE" if override.starts_at <= at else "APPROVED"


def _shown(override: Override, tx: TenantTransaction, at: datetime) -> OverrideView:
    return _override_json(override, tx.limit_settings.overridden([override.limit_id]).get(override.limit_id), at)


def _override_json(override: Override, overridden: tuple[Limit, str] | None, at: datetime) -> OverrideView:
    """`overridden`: the limit and the name of its node."""
    limit, node_name = overridden or (None, None)

    def time(told: datetime | None) -> str | None:
        return None if told is None else format_time(told)

    return {
        "override_id": str(override.override_id),
        "limit_id": str(override.limit_id),
        "node_id": None if limit is None else str(limit.node_id),
        "node_name": node_name,
        "limit_type": None if limit is None else limit.limit_type,
        "instrument": None if limit is None else limit.instrument,
        "currency": None if limit is None else limit.currency,
        "set_value": value_text(limit),
        "set_parameters": None if limit is None else dict(limit.parameters),
        "value": value_text(override),
        "parameters": None if override.parameters is None else dict(override.parameters),
        "is_exempt": override.is_exempt,
        "state": _override_state(override, at),
        "starts_at": format_time(override.starts_at),
        "ends_at": format_time(override.ends_at),
        "reason": override.reason,
        "requested_by": override.requested_by,
        "requested_at": format_time(override.requested_at),
        "approved_by": override.approved_by,
        "approved_at": time(override.approved_at),
        "ended_by": override.ended_by,
        "ended_at": time(override.ended_at),
    }
