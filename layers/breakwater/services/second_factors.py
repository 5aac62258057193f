"""A second factor: enrolled by each for himself, at the user pool, and reset by an administrator."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol

from breakwater.db.connection import TenantTransaction
from breakwater.db.identity import User
from breakwater.db.people import PersonRow
from breakwater.domain.oidc import is_of_issuer
from breakwater.domain.permissions import GIVES_RIGHTS, Caller, may_give
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, NotPermitted
from breakwater.services.identity import TotpEnrolment, confirm_totp, enrol_totp
from breakwater.services.telegram_links import end_link_of
from events.identity import SecondFactorChanged

type Transactions = Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]


class Pool(Protocol):
    """What services/user_pool.py does with a second factor."""

    def reset_totp(self, username: str) -> None: ...


def enrol(caller: Caller, access_token: str, user_pool: Any) -> TotpEnrolment:
    """The secret, shown here alone. It counts once `confirm` has seen a code of it."""
    _require_of_pool(caller)
    return enrol_totp(user_pool, access_token, caller.username)


def confirm(
    caller: Caller, access_token: str, code: str, *, user_pool: Any, transactions: Transactions, at: datetime
) -> None:
    """The code is shown: his session is one with a second factor from now on, and so is each that begins with a code.

    His others end, which a password was enough for: whoever has such a one could put a secret of his own in the place
    of this one. The pool first. Where the database does not answer then, he signs in anew, with a code.
    """
    _require_of_pool(caller)
    confirm_totp(user_pool, access_token, code)
    with transactions(caller.tenant_id) as tx:
        user = tx.identity.user(caller.subject)
        if caller.session_id is not None:
            tx.sessions.add_second_factor(caller.session_id)
        tx.sessions.end_all(user.user_id, caller.actor, but=caller.session_id)
        _tell(user, "ENROLLED", caller, tx, at)


def reset(user_id: uuid.UUID, caller: Caller, transactions: Transactions, pool: Pool, at: datetime) -> None:
    """An administrator takes somebody's second factor, and ends his sessions and his chat: he enrols another.

    Safe to repeat.

    NotPermitted for his own, and for that of somebody whose role may do what the caller may not: without it a password
    is enough to become him.
    """
    caller.require("users:manage")
    caller.require_person(GIVES_RIGHTS)
    with transactions(caller.tenant_id) as tx:
        person = tx.people.person(user_id)
        if person.subject == caller.subject:
            raise NotPermitted("nobody resets his own second factor: ask another administrator")
        if not may_give(caller.permissions, person.role):
            raise NotPermitted(f"nobody opens what he may not do himself, as a {person.role} may", role=person.role)
        if is_of_issuer(person.subject):
            raise Conflict(f"{person.username} has his second factor at the issuer of the organisation")
        tx.sessions.end_all(user_id, caller.actor)
        # Whoever has the telephone that was lost has the chat as well.
        end_link_of(
            user_id,
            person.username,
            tx,
            at,
            by=caller.actor,
            correlation_id=caller.correlation_id,
            reason="SECOND_FACTOR_RESET",
        )
        _tell(person, "RESET", caller, tx, at)
    pool.reset_totp(person.username)


def _require_of_pool(caller: Caller) -> None:
    caller.require_person("enrols a second factor")
    if is_of_issuer(caller.subject):
        raise Conflict("your second factor is at the issuer that you sign in at")


def _tell(
    user: User | PersonRow,
    change: Literal["ENROLLED", "RESET"],
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
) -> None:
    tx.outbox.add(
        SecondFactorChanged(user_id=user.user_id, username=user.username, change=change, changed_by=caller.actor),
        aggregate_id=user.user_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
