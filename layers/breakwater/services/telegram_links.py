"""Which chat of Telegram speaks for whom: linked by a one-time code, ended from both sides.

The code is asked for by somebody who is signed in, and shown in the chat. What his role asks for as a second factor
holds for the chat as well (decision 118): the link knows whether the session that made it had one.
"""

import secrets
import uuid
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.telegram import LinkedUser, find_code
from breakwater.domain.permissions import ENROL_SCOPE, SESSION_SCOPE, Caller
from breakwater.domain.telegram import (
    CODE_ALPHABET,
    CODE_LENGTH,
    CODE_LIFE_S,
    read_code,
    secret_hash,
    shown_code,
)
from breakwater.domain.times import Timestamp, nanoseconds
from breakwater.errors import InvalidRequest, NotFound
from breakwater.services.sign_in_pace import give_back, take_of_chat
from events.identity import ChatLinkChanged

VIA = "telegram"

type ActorsTransactions = Callable[[str], Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]]


class WrongCode(InvalidRequest):
    code = "WRONG_CODE"


@dataclass(frozen=True, slots=True)
class LinkCode:
    """Shown here alone. `link` opens the bot with the code in any Telegram."""

    code: str
    link: str
    bot: str
    expires_at: Timestamp


@dataclass(frozen=True, slots=True)
class LinkState:
    bot: str
    is_linked: bool


def ask_code(
    caller: Caller, tx: TenantTransaction, at: datetime, *, bot: str | None, second_factor_roles: Collection[str]
) -> LinkCode:
    """A code for ten minutes, and one chat. NotFound where there is no bot; NotPermitted for an API key."""
    caller.require_person("links a chat")
    username = _of_bot(bot)
    user = tx.identity.user(caller.subject)
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    expires_at = at + timedelta(seconds=CODE_LIFE_S)
    # Whose role asks for one would not have come here without; of others the session knows.
    has_second_factor = caller.role in second_factor_roles or (
        caller.session_id is not None and tx.sessions.has_second_factor(caller.session_id)
    )
    tx.telegram.keep_code(user.user_id, secret_hash(code), has_second_factor=has_second_factor, expires_at=expires_at)
    return LinkCode(shown_code(code), f"https://t.me/{username}?start={code}", username, expires_at)


def state(caller: Caller, tx: TenantTransaction, *, bot: str | None) -> LinkState:
    """NotFound where there is no bot."""
    return LinkState(_of_bot(bot), tx.telegram.is_linked(tx.identity.user(caller.subject).user_id))


def end_link(caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """No chat speaks for the caller any more, and no code of his links one. Safe to repeat."""
    user = tx.identity.user(caller.subject)
    end_link_of(user.user_id, user.username, tx, at, by=caller.actor, correlation_id=caller.correlation_id)


def end_link_of(
    user_id: uuid.UUID,
    username: str,
    tx: TenantTransaction,
    at: datetime,
    *,
    by: str,
    correlation_id: str,
    reason: Literal["BY_USER", "BLOCKED", "SECOND_FACTOR_RESET"] = "BY_USER",
) -> bool:
    """False when no chat spoke for him."""
    if not tx.telegram.unlink(user_id):
        return False
    event = ChatLinkChanged(
        user_id=user_id, username=username, change="UNLINKED", reason=reason, second_factor=None, changed_by=by
    )
    tx.outbox.add(
        event, aggregate_id=user_id, account_id=None, correlation_id=correlation_id, occurred_at_ns=nanoseconds(at)
    )
    return True


def redeem(
    typed: str,
    chat_id: int,
    *,
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions_of: ActorsTransactions,
    correlation_id: str,
    at: datetime,
) -> str:
    """From now on the chat speaks for whoever asked for the code: his user name.

    WrongCode for one that is not known, was used, or is too old; SignInsSlowed when too many of those were typed in
    this chat, right or wrong; Conflict for a chat that speaks for somebody else.
    """
    with untenanted() as connection:
        taken = take_of_chat(chat_id, connection)
    code_hash = secret_hash(read_code(typed) or "")
    with untenanted() as connection:
        owner = find_code(connection, code_hash)
    if owner is None:
        raise WrongCode("this code is wrong, was used, or is older than ten minutes")
    actor = f"{owner.username}/{VIA}"
    with transactions_of(actor)(owner.tenant_id) as tx:
        code = tx.telegram.redeem(code_hash, at)
        if code is None:
            raise WrongCode("this code was used")
        tx.telegram.link(code.user_id, chat_id, has_second_factor=code.has_second_factor)
        event = ChatLinkChanged(
            user_id=code.user_id,
            username=owner.username,
            change="LINKED",
            reason="BY_USER",
            second_factor=code.has_second_factor,
            changed_by=actor,
        )
        tx.outbox.add(
            event,
            aggregate_id=code.user_id,
            account_id=None,
            correlation_id=correlation_id,
            occurred_at_ns=nanoseconds(at),
        )
    with untenanted() as connection:
        give_back(taken, connection)
    return owner.username


def caller_of(linked: LinkedUser, second_factor_roles: Collection[str], correlation_id: str) -> Caller:
    """Who speaks in the chat, with the role that he has now and all that it allows.

    Where the role asks for a second factor and the link was made without one, nothing but to end the link.
    """
    lacks = linked.role in second_factor_roles and not linked.has_second_factor
    return Caller(
        linked.tenant_id,
        linked.subject,
        linked.username,
        linked.role,
        frozenset({ENROL_SCOPE if lacks else SESSION_SCOPE}),
        correlation_id=correlation_id,
    )


def _of_bot(bot: str | None) -> str:
    if bot is None:
        raise NotFound("there is no Telegram bot here")
    return bot
