"""How somebody is reached, said by himself: a phone that he has confirmed, and hours in which he is not woken."""

import hashlib
import hmac
import uuid
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from breakwater.db.alert_contacts import PhoneCode
from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Caller
from breakwater.domain.quiet_hours import EVERY_DAY, QuietHours, check_time_zone
from breakwater.errors import NotFound, RateLimited
from breakwater.services.alert_routing import tell_change

CODE_LASTS = timedelta(minutes=10)
CODE_TRIES = 5
CODE_DIGITS = 6
CODE_PACE = timedelta(seconds=60)
CODES_A_DAY_MAX = 5
DAY = timedelta(days=1)
_IS_PERSONAL = "changes how he is reached"


ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]  # Such as 22:00.


class QuietHoursRequest(BaseModel):
    """By the clock of `time_zone`, such as Europe/Berlin. `days` on which they begin: 1 is Monday."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+/-]{1,60}$")]
    begins: ClockTime
    until: ClockTime
    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)] = list(EVERY_DAY)


class ContactRequest(BaseModel):
    """The body of PUT /contacts/me; null: no quiet hours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quiet_hours: QuietHoursRequest | None


class PhoneRequest(BaseModel):
    """`phone`: with its country, such as +4915112345678 (E.164)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phone: Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]


class PhoneCodeRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{CODE_DIGITS}}}$")]


class ContactView(BaseModel):
    """`phone`: only one that was confirmed. `has_telegram`: a chat is linked."""

    username: str
    email: str | None
    phone: str | None
    has_telegram: bool
    quiet_hours: QuietHoursRequest | None


def contact(caller: Caller, tx: TenantTransaction) -> ContactView:
    user_id = tx.identity.user(caller.subject).user_id
    found = tx.alert_recipients.users([user_id])
    if not found:
        raise NotFound("no such user")
    [person] = found
    return ContactView(
        username=person.username,
        email=person.email,
        phone=person.phone,
        has_telegram=person.telegram_chat_id is not None,
        quiet_hours=None if person.quiet_hours is None else _shown(person.quiet_hours),
    )


def change_contact(wanted: ContactRequest, caller: Caller, tx: TenantTransaction, at: datetime) -> ContactView:
    """InvalidRequest for a time zone that there is not."""
    caller.require_person(_IS_PERSONAL)
    told = wanted.quiet_hours
    if told is not None:
        check_time_zone(told.time_zone)
    hours = None
    if told is not None:
        begins, until = time.fromisoformat(told.begins), time.fromisoformat(told.until)
        hours = QuietHours(told.time_zone, begins, until, tuple(sorted(set(told.days))))
    user_id = tx.identity.user(caller.subject).user_id
    tx.alert_contacts.set_quiet_hours(user_id, hours)
    summary = "none" if hours is None else f"{hours.begins} to {hours.until} in {hours.time_zone}"
    tell_change(caller, tx, at, subject_id=user_id, change="QUIET_HOURS", summary=summary)
    return contact(caller, tx)


def start_phone(wanted: PhoneRequest, caller: Caller, tx: TenantTransaction, *, code: str, at: datetime) -> None:
    """Keep the code that is sent after the commit. RateLimited for one a minute, and five a day.

    The number that he has stays until the new one is confirmed.
    """
    caller.require_person(_IS_PERSONAL)
    user_id = tx.identity.user(caller.subject).user_id
    before = tx.alert_contacts.code(user_id)
    sent_at = [] if before is None else [each for each in before.sent_at if at - each < DAY]
    if sent_at and at - sent_at[-1] < CODE_PACE:
        raise RateLimited("a code was sent just now", retry_after_s=_seconds(sent_at[-1] + CODE_PACE - at))
    if len(sent_at) >= CODES_A_DAY_MAX:
        raise RateLimited(f"at most {CODES_A_DAY_MAX} codes a day", retry_after_s=_seconds(sent_at[0] + DAY - at))
    tx.alert_contacts.save_code(
        user_id,
        PhoneCode(wanted.phone, _hash(user_id, wanted.phone, code), CODE_TRIES, at + CODE_LASTS, [*sent_at, at]),
    )


def confirm_phone(code: str, caller: Caller, tx: TenantTransaction, at: datetime) -> bool:
    """Whether it is what was sent: then the number is his. A wrong one counts, so the transaction must commit."""
    caller.require_person(_IS_PERSONAL)
    user_id = tx.identity.user(caller.subject).user_id
    sent = tx.alert_contacts.code(user_id)
    if sent is None or at >= sent.expires_at or sent.tries_left <= 0:
        return False
    is_right = hmac.compare_digest(sent.code_hash, _hash(user_id, sent.phone, code))
    tries_left = 0 if is_right else sent.tries_left - 1  # A code is good for one time.
    tx.alert_contacts.save_code(user_id, replace(sent, tries_left=tries_left))
    if is_right:
        tx.alert_contacts.set_phone(user_id, sent.phone)
        tell_change(caller, tx, at, subject_id=user_id, change="PHONE", summary=f"ends in {sent.phone[-3:]}")
    return is_right


def remove_phone(caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    caller.require_person(_IS_PERSONAL)
    user_id = tx.identity.user(caller.subject).user_id
    tx.alert_contacts.set_phone(user_id, None)
    tell_change(caller, tx, at, subject_id=user_id, change="PHONE", summary="removed")


def _shown(hours: QuietHours) -> QuietHoursRequest:
    return QuietHoursRequest(
        time_zone=hours.time_zone, begins=f"{hours.begins:%H:%M}", until=f"{hours.until:%H:%M}", days=list(hours.days)
    )


def _hash(user_id: uuid.UUID, phone: str, code: str) -> bytes:
    """So that nobody reads it in the table by accident; what protects it are its few tries and its ten minutes."""
    return hashlib.sha256(f"{user_id}/{phone}/{code}".encode()).digest()


def _seconds(wait: timedelta) -> int:
    return int(wait.total_seconds()) + 1
