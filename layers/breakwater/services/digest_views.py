"""A person's own digests at the API: when they come, those that were made, and one that is made to be looked at."""

import uuid
from datetime import date, datetime
from typing import TypedDict

from breakwater.db.connection import TenantTransaction
from breakwater.db.digests import DigestRow, Follower
from breakwater.domain.digests import Calendar, Document, Period, Span, next_due_at, running, span_of
from breakwater.domain.ids import IdText
from breakwater.domain.limit_types.settings import check_time_zone
from breakwater.domain.permissions import Caller, Role
from breakwater.domain.times import TimeText, format_time, nanoseconds
from breakwater.errors import InvalidRequest
from breakwater.services.audit import ORGANISATION
from breakwater.services.cursors import decode_cursor, next_cursor
from breakwater.services.digest_rendering import html_of, subject_of, text_of
from breakwater.services.digest_sections.scene import PlatformProbes, ask_platform
from breakwater.services.digests import KEPT_FOR, document_for, following_of
from breakwater.services.settlement import TenantTransactions
from events.audit import SensitiveDataRead


class DigestSettings(TypedDict):
    """What counts for the caller. `time_zone` is his own clock; a day is the organisation's, from `day_starts_at` on.

    `own`: what he has said himself, null where it is as for his role or organisation. `mail`: ON, or NOT_CONFIGURED
    where the platform has no sender: digests are made, and read here.
    """

    daily: bool
    weekly: bool
    hour: int
    time_zone: str
    own: dict[str, bool | int | str | None]
    organisation_time_zone: str
    day_starts_at: str
    next_daily_at: TimeText | None
    next_weekly_at: TimeText | None
    email: str
    mail: str


class DigestSummary(TypedDict):
    """`mail_state`: DUE, SENT, FAILED (`mail_error` says why) or NOT_CONFIGURED."""

    digest_id: IdText
    period: Period
    starts_on: str
    subject: str
    made_at: TimeText
    mail_state: str
    mailed_at: TimeText | None
    mail_error: str | None


class Digest(DigestSummary):
    """`document` is what `text` and `html` are both made of."""

    document: Document
    text: str
    html: str


class DigestPreview(TypedDict):
    subject: str
    document: Document
    text: str
    html: str


class DigestPage(TypedDict):
    items: list[DigestSummary]
    next_cursor: str | None


def settings_of(caller: Caller, tx: TenantTransaction, *, has_sender: bool, at: datetime) -> DigestSettings:
    caller.require("digests:read")
    return _settings(tx.digests.follower(caller.subject), tx, has_sender=has_sender, at=at)


def change_settings(
    caller: Caller,
    tx: TenantTransaction,
    *,
    daily: bool | None,
    weekly: bool | None,
    hour: int,
    time_zone: str | None,
    has_sender: bool,
    at: datetime,
) -> DigestSettings:
    """Of the caller alone. None: as it is for his role, or for the organisation. InvalidRequest for an unknown zone."""
    caller.require("digests:manage")
    if time_zone is not None:
        check_time_zone(time_zone)
    follower = tx.digests.follower(caller.subject)
    # Whoever begins to follow anew gets what ends from now on, and not what he has left out.
    begins = (follower.daily, follower.weekly) != (daily, weekly)
    since = at if begins or follower.since is None else follower.since
    tx.digests.save_preferences(
        follower.user_id, daily=daily, weekly=weekly, hour=hour, time_zone=time_zone, since=since
    )
    return _settings(tx.digests.follower(caller.subject), tx, has_sender=has_sender, at=at)


def _settings(follower: Follower, tx: TenantTransaction, *, has_sender: bool, at: datetime) -> DigestSettings:
    calendar = tx.digests.organisation().calendar
    following = following_of(follower, calendar)

    def next_at(period: Period) -> str | None:
        return format_time(next_due_at(period, following, calendar, at)) if period in following.periods else None

    return {
        "daily": Period.DAILY in following.periods,
        "weekly": Period.WEEKLY in following.periods,
        "hour": following.hour,
        "time_zone": following.time_zone,
        "own": {name: getattr(follower, name) for name in ("daily", "weekly", "hour", "time_zone")},
        "organisation_time_zone": calendar.time_zone,
        "day_starts_at": f"{datetime(2000, 1, 1) + calendar.session_start:%H:%M}",  # noqa: DTZ001  # A clock's face.
        "next_daily_at": next_at(Period.DAILY),
        "next_weekly_at": next_at(Period.WEEKLY),
        "email": follower.email,
        "mail": "ON" if has_sender else "NOT_CONFIGURED",
    }


def page(caller: Caller, tx: TenantTransaction, *, cursor: str | None, limit: int) -> DigestPage:
    """The caller's own, the newest first."""
    caller.require("digests:read")
    rows = tx.digests.page(caller.subject, before=decode_cursor(cursor), limit=limit + 1)
    shown, following = next_cursor(rows, limit, lambda row: (row.made_at, row.digest_id))
    return {"items": [_summary(row) for row in shown], "next_cursor": following}


def get(digest_id: uuid.UUID, caller: Caller, tx: TenantTransaction, *, at: datetime) -> Digest:
    """NotFound for anybody else's, and for one that was made for another role than the caller has now."""
    caller.require("digests:read")
    row = tx.digests.get(digest_id, caller.subject)
    _tell_who_read(caller, tx, at)
    document = Document.model_validate(row.document)
    return {**_summary(row), "document": document, "text": text_of(document), "html": html_of(document)}


def preview(
    caller: Caller,
    transactions: TenantTransactions,
    probes: PlatformProbes,
    *,
    period: Period,
    starts_on: date | None,
    at: datetime,
) -> DigestPreview:
    """Of the day or week that begins there, by default the one that runs: as it would be now. Nothing is kept.

    InvalidRequest for one that is to come, and for a week that does not begin on a Monday.
    """
    caller.require("digests:read")
    platform = ask_platform(caller.role, probes)
    with transactions(caller.tenant_id) as tx:
        calendar = tx.digests.organisation().calendar
        span = _span(period, starts_on, calendar, at)
        _tell_who_read(caller, tx, at)
        document = document_for(tx.digests.follower(caller.subject), span, tx, platform, at)
    return {
        "subject": subject_of(document),
        "document": document,
        "text": text_of(document),
        "html": html_of(document),
    }


def _tell_who_read(caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """An auditor's digest says who signed in and who changed what: that somebody looked is a record, too."""
    if caller.role != Role.AUDITOR:
        return
    tx.outbox.add(
        SensitiveDataRead(what="audit digest", read_by=caller.actor),
        aggregate_id=ORGANISATION,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _span(period: Period, starts_on: date | None, calendar: Calendar, at: datetime) -> Span:
    now_running = running(period, calendar, at)
    if starts_on is None:
        return now_running
    if starts_on > now_running.starts_on or starts_on < (at - KEPT_FOR).date():
        raise InvalidRequest("starts_on is a day of the last 400", field="starts_on")
    if period is Period.WEEKLY and starts_on.weekday() != 0:
        raise InvalidRequest("a week begins on a Monday", field="starts_on")
    return span_of(period, starts_on, calendar)


def _summary(row: DigestRow) -> DigestSummary:
    return {
        "digest_id": str(row.digest_id),
        "period": Period(row.period),
        "starts_on": row.starts_on.isoformat(),
        "subject": subject_of(Document.model_validate(row.document)),
        "made_at": format_time(row.made_at),
        "mail_state": row.mail_state,
        "mailed_at": None if row.mailed_at is None else format_time(row.mailed_at),
        "mail_error": row.mail_error,
    }
