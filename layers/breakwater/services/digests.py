"""Digests: made once for each reader and day or week, mailed where there is a sender, and read at the API.

A run looks for what is due, and what a run before left undone is due still. The row is written before the mail is sent
and marked after it, so that a crash between the two may send a mail twice and loses none.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.digests import Follower, Letter, tenants
from breakwater.domain.digests import (
    FOLLOWED_BY_DEFAULT,
    HOUR_DEFAULT,
    Calendar,
    Document,
    Following,
    Period,
    Span,
    due,
)
from breakwater.domain.permissions import SESSION_SCOPE, Caller
from breakwater.errors import Rejection
from breakwater.services.digest_contents import sections
from breakwater.services.digest_rendering import html_of, subject_of, text_of
from breakwater.services.digest_sections.scene import PlatformHealth, PlatformProbes, Scene, ask_platform, shown_time
from breakwater.services.settlement import TenantTransactions

ROUND_S_MAX = 20.0  # What the last digest of a run may take, its mail with it.
CLAIMED_S = 120.0  # Longer than a mail can take: nobody else sends it meanwhile.
MAIL_AGE_MAX = timedelta(days=2)
ERROR_LENGTH_MAX = 500
MAIL_TRIES_MAX = 16  # Of a run each: for some hours.
KEPT_FOR = timedelta(days=400)
FORGOTTEN_AT_ONCE_MAX = 1_000
LOOKED_BACK = timedelta(days=21)  # Farther than anything that is due begins.
_NAMESPACE = uuid.UUID("5f0c2a0e-2f5b-4b52-9a7e-6a0b3a1f4d77")


class MailRefused(Rejection):
    """The mail will never go out as it is: nobody tries again."""

    code = "MAIL_REFUSED"


class Mailer(Protocol):
    def send(self, to: str, subject: str, text: str, html: str) -> None:
        """MailRefused where trying again is of no use, Unavailable where it is."""
        ...


@dataclass
class Outcome:
    """How many digests were made and mailed, and what went wrong, in words."""

    made: int = 0
    mailed: int = 0
    troubles: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Desk:
    """What making and mailing needs beside the database. `mailer` None: no sender is configured."""

    mailer: Mailer | None
    probes: PlatformProbes


def run_all(
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    desk: Desk,
    *,
    seconds_left: Callable[[], float],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Outcome:
    """Make and mail what is due in every organisation. What time does not suffice for is done by the next run."""
    run = _Run(transactions, desk, seconds_left, now)
    with untenanted() as connection:
        waiting = tenants(connection)
    for tenant_id in waiting:
        if run.is_late:
            run.outcome.troubles.append("not all organisations had their turn: the next run begins with others")
            break
        try:
            run.make_all(tenant_id)
            run.mail_all(tenant_id)
        except Exception as error:  # noqa: BLE001  # Whatever is wrong with one organisation: the others get theirs.
            run.outcome.troubles.append(f"digests of {tenant_id}: {type(error).__name__}: {error}")
    return run.outcome


class _Run:
    def __init__(
        self,
        transactions: TenantTransactions,
        desk: Desk,
        seconds_left: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._transactions = transactions
        self._desk = desk
        self._seconds_left = seconds_left
        self._now = now
        self.outcome = Outcome()

    @property
    def is_late(self) -> bool:
        return self._seconds_left() < ROUND_S_MAX

    def make_all(self, tenant_id: uuid.UUID) -> None:
        at = self._now()
        with self._transactions(tenant_id) as tx:
            tx.digests.forget(at - KEPT_FOR, FORGOTTEN_AT_ONCE_MAX)
            organisation = tx.digests.organisation()
            followers = tx.digests.followers()
            made = tx.digests.made((at - LOOKED_BACK).date())
        for follower in followers:
            following = following_of(follower, organisation.calendar)
            try:
                for span in list(due(following, organisation.calendar, made.get(follower.user_id, set()), at)):
                    if self.is_late:
                        return
                    self.outcome.made += self._make(tenant_id, follower, span)
            except Exception as error:  # noqa: BLE001  # The others of his organisation get theirs.
                self.outcome.troubles.append(f"digest of user {follower.user_id}: {type(error).__name__}: {error}")

    def _make(self, tenant_id: uuid.UUID, listed: Follower, span: Span) -> bool:
        """Whether it was not there yet: of two runs at once, the second comes to nothing."""
        platform = ask_platform(listed.role, self._desk.probes)
        at = self._now()
        with self._transactions(tenant_id) as tx:
            # As he is now: his role may have changed since the run began.
            follower = tx.digests.follower(listed.subject)
            document = document_for(follower, span, tx, platform, at)
            return tx.digests.add(
                uuid.uuid5(_NAMESPACE, f"{follower.user_id}/{span.period}/{span.starts_on}"),
                follower.user_id,
                period=span.period,
                starts_on=span.starts_on,
                role=follower.role,
                document=document.model_dump(mode="json"),
                made_at=at,
                mail_state="NOT_CONFIGURED" if self._desk.mailer is None else "DUE",
            )

    def mail_all(self, tenant_id: uuid.UUID) -> None:
        """Also what a run before has made and not sent."""
        mailer = self._desk.mailer
        while mailer is not None and not self.is_late:
            with self._transactions(tenant_id) as tx:
                letter = tx.digests.claim(self._now(), for_s=CLAIMED_S, age_max=MAIL_AGE_MAX)
            if letter is None:
                return
            try:
                _mail(letter, mailer)
            except Exception as error:  # noqa: BLE001  # Whatever it is, it is written down where its reader sees it.
                if not self._has_failed(tenant_id, letter, error):
                    return  # Most likely none goes out now.
            else:
                with self._transactions(tenant_id) as tx:
                    tx.digests.mailed(letter.digest_id, self._now())
                self.outcome.mailed += 1

    def _has_failed(self, tenant_id: uuid.UUID, letter: Letter, error: Exception) -> bool:
        """Whether for good: otherwise a later run tries again."""
        is_over = isinstance(error, MailRefused) or letter.mail_tries >= MAIL_TRIES_MAX
        told = f"{type(error).__name__}: {error}"
        with self._transactions(tenant_id) as tx:
            tx.digests.not_mailed(letter.digest_id, told[:ERROR_LENGTH_MAX], is_over=is_over)
        self.outcome.troubles.append(f"mail of digest {letter.digest_id}: {told}")
        return is_over


def document_for(
    follower: Follower, span: Span, tx: TenantTransaction, platform: PlatformHealth | None, at: datetime
) -> Document:
    """In the reader's own name, with all that his role allows."""
    organisation = tx.digests.organisation()
    caller = Caller(
        tenant_id=tx.tenant_id,
        subject=follower.subject,
        username=follower.username,
        role=follower.role,
        scopes=frozenset({SESSION_SCOPE}),
        correlation_id="digest",
    )
    zone = ZoneInfo(organisation.calendar.time_zone)
    scene = Scene(caller, tx, span, zone, at, platform)
    return Document(
        organisation=organisation.name,
        username=follower.username,
        role=follower.role,
        period=span.period,
        starts_on=span.starts_on,
        begins_at=shown_time(span.begins_at, zone),
        ends_at=shown_time(span.ends_at, zone),
        made_at=shown_time(at, zone),
        time_zone=organisation.calendar.time_zone,
        is_over=span.ends_at <= at,
        sections=sections(scene),
    )


def following_of(follower: Follower, calendar: Calendar) -> Following:
    """By what he has said, and where he has said nothing by his role and his organisation's clock."""
    said = {Period.DAILY: follower.daily, Period.WEEKLY: follower.weekly}
    by_default = FOLLOWED_BY_DEFAULT[follower.role]
    return Following(
        periods=frozenset(each for each, own in said.items() if (each in by_default if own is None else own)),
        hour=HOUR_DEFAULT if follower.hour is None else follower.hour,
        time_zone=follower.time_zone or calendar.time_zone,
        since=max(follower.created_at, follower.since or follower.created_at),
    )


def _mail(letter: Letter, mailer: Mailer) -> None:
    document = Document.model_validate(letter.document)
    mailer.send(letter.email, subject_of(document), text_of(document), html_of(document))
