"""Sessions of people: written down when they begin, shown, and ended one by one.

A session is recorded by our sign-in, or when the first token of it is shown (decision 104): an issuer other than the
pool signs people in without us, and anybody may ask the pool itself. From then on it can be seen and ended.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.identity import User, find_signed_in
from breakwater.db.people import PersonRow
from breakwater.db.sessions import SessionRow
from breakwater.domain.access_tokens import FoundUser, Told
from breakwater.domain.permissions import Caller
from breakwater.domain.times import Timestamp, nanoseconds
from breakwater.errors import NotAuthenticated
from breakwater.services.identity import PoolUser, WrongCredentials
from breakwater.services.people import make_user_of_issuer
from events.envelope import Event
from events.identity import SessionEnded, SignedIn, SignedOut

type Transactions = Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of a request that is not authenticated yet."""

    source_ip: str | None
    correlation_id: str
    at: datetime


class OpenSession(BaseModel):
    """`source_ip`: whence it was begun. `is_current`: it is the one that asks."""

    session_id: uuid.UUID
    issuer: Literal["POOL", "OIDC"]
    signed_in_at: Timestamp
    last_seen_at: Timestamp
    source_ip: str | None
    has_second_factor: bool
    is_current: bool


class OpenSessions(BaseModel):
    items: list[OpenSession]


def notice(
    told: Told,
    *,
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions_of: Callable[[str], Transactions],
    circumstances: Circumstances,
) -> FoundUser | None:
    """The user whom a believed token names, with what is news of him written down.

    A session that nobody has seen is recorded, as a sign-in; one that was not seen for minutes, as seen now; and where
    the issuer is configured so, a user who is not known is made. None for nobody, or somebody who is disabled.
    NotAuthenticated for a session from before its user was disabled, or enabled.
    """
    with untenanted() as connection:
        found = find_signed_in(connection, told)
    if found is None:
        if not told.may_be_made:
            return None
        with transactions_of(told.username)(told.tenant_id) as tx:
            make_user_of_issuer(told, tx, circumstances.correlation_id, circumstances.at)
        with untenanted() as connection:
            found = find_signed_in(connection, told)
        if found is None:  # Disabled, or somebody else's name: nobody who is known.
            return None
    if found.is_ended or (found.is_recorded and found.is_seen_lately):
        return found
    with transactions_of(found.username)(told.tenant_id) as tx:
        if found.is_recorded:
            tx.sessions.touch(told.session_id, has_second_factor=told.has_second_factor)
            return found
        return _record_first_seen(told, found, tx, circumstances)


def begin(told: SessionRow, who: PoolUser, tx: TenantTransaction, circumstances: Circumstances) -> None:
    """Record what our own sign-in began. WrongCredentials for a user who is disabled, though the pool may not know.

    And for somebody else of that name: the pool may have one whom no organisation took, beside one of another issuer.
    """
    state = tx.sessions.lock_user(who.user_id)
    if state is None or state.is_disabled or state.subject != who.subject:
        raise WrongCredentials("the credentials are wrong or have expired")
    if not tx.sessions.add(told, who.user_id):
        tx.sessions.touch(told.session_id, has_second_factor=told.has_second_factor)
    event = SignedIn(
        user_id=who.user_id,
        username=who.username,
        source_ip=told.source_ip,
        second_factor=told.has_second_factor,
    )
    _tell(event, who.user_id, tx, circumstances.correlation_id, circumstances.at)


def list_sessions(user_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> OpenSessions:
    """Those of a user that are open. NotFound for a user of another tenant."""
    caller.require("users:manage")
    return _listed(tx.people.person(user_id).user_id, caller, tx)


def list_own_sessions(caller: Caller, tx: TenantTransaction) -> OpenSessions:
    caller.require_person("sees where he is signed in")
    return _listed(tx.identity.user(caller.subject).user_id, caller, tx)


def end_session(session_id: uuid.UUID, user_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """An administrator ends one of a user's: no token of it is believed any more. Safe to repeat."""
    caller.require("users:manage")
    person = tx.people.person(user_id)
    _end(session_id, person, "REVOKED", caller, tx, at=at)


def end_own_session(
    session_id: uuid.UUID,
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    reason: Literal["SIGNED_OUT", "REVOKED"] = "REVOKED",
) -> None:
    """One of his own, the one that asks or another. NotFound for somebody else's. Safe to repeat."""
    caller.require_person("ends his sessions")
    user = tx.identity.user(caller.subject)
    _end(session_id, user, reason, caller, tx, at=at)


def end_all_own_sessions(caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    caller.require_person("ends his sessions")
    user = tx.identity.user(caller.subject)
    tx.sessions.end_all(user.user_id, caller.actor)
    _tell(SignedOut(user_id=user.user_id, username=user.username), user.user_id, tx, caller.correlation_id, at)


def _listed(user_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> OpenSessions:
    return OpenSessions(
        items=[
            OpenSession(
                **{name: getattr(row, name) for name in OpenSession.model_fields if name != "is_current"},
                is_current=row.session_id == caller.session_id,
            )
            for row in tx.sessions.open_of(user_id)
        ]
    )


def _end(
    session_id: uuid.UUID,
    user: User | PersonRow,
    reason: Literal["SIGNED_OUT", "REVOKED"],
    caller: Caller,
    tx: TenantTransaction,
    *,
    at: datetime,
) -> None:
    if not tx.sessions.end(session_id, user.user_id, caller.actor):
        return
    event = SessionEnded(
        session_id=session_id,
        user_id=user.user_id,
        username=user.username,
        reason=reason,
        ended_by=caller.actor,
    )
    _tell(event, user.user_id, tx, caller.correlation_id, at)


def _record_first_seen(
    told: Told, found: FoundUser, tx: TenantTransaction, circumstances: Circumstances
) -> FoundUser | None:
    state = tx.sessions.lock_user(found.user_id)
    if state is None or state.is_disabled:
        return None
    if datetime.fromtimestamp(told.signed_in_at, UTC) < state.sessions_not_before:
        raise NotAuthenticated("this session began before you were let in again; sign in again")
    session = SessionRow(
        session_id=told.session_id,
        issuer=told.issuer,
        signed_in_at=datetime.fromtimestamp(told.signed_in_at, UTC),
        last_seen_at=circumstances.at,
        source_ip=circumstances.source_ip,
        has_second_factor=told.has_second_factor,
    )
    if tx.sessions.add(session, found.user_id):
        event = SignedIn(
            user_id=found.user_id,
            username=found.username,
            source_ip=circumstances.source_ip,
            second_factor=told.has_second_factor,
        )
        _tell(event, found.user_id, tx, circumstances.correlation_id, circumstances.at)
    return replace(found, is_recorded=True, has_second_factor=told.has_second_factor)


def _tell(event: Event, user_id: uuid.UUID, tx: TenantTransaction, correlation_id: str, at: datetime) -> None:
    tx.outbox.add(
        event, aggregate_id=user_id, account_id=None, correlation_id=correlation_id, occurred_at_ns=nanoseconds(at)
    )
