"""Links in messages that acknowledge an alert: they open a page, and a button there does it."""

import base64
import binascii
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from breakwater.db.acknowledgement_links import LINK_CHANNELS, Link
from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.db.outbox import set_actor
from breakwater.domain.permissions import SESSION_SCOPE, allows
from breakwater.errors import NotFound
from breakwater.services.acknowledgements import take_up

LINK_LASTS = timedelta(hours=24)
_SECRET_BYTES = 16
_GONE = "this link is not valid, or not any more: sign in, or run `breakwater alerts ack`"


@dataclass(frozen=True, slots=True)
class Opened:
    """What the page shows: the alert as it is, and in whose name the button acknowledges it."""

    alert: Alert
    name: str


def make_link(delivery: Delivery, tx: TenantTransaction, at: datetime) -> str | None:
    """The path of a link for one message, such as /acknowledgements/<token>; only its hash is kept.

    None for a channel that acknowledges by itself, as Telegram does, and for a person who may not.
    """
    if delivery.channel not in LINK_CHANNELS:
        return None
    if delivery.user_id is not None:
        role = tx.acknowledgement_links.role_of(delivery.user_id)
        if role is None or not _role_may(role):
            return None
    token = tx.tenant_id.bytes + secrets.token_bytes(_SECRET_BYTES)
    tx.acknowledgement_links.forget_expired(at)
    tx.acknowledgement_links.add(_hash(token), delivery, delivery.channel, at + LINK_LASTS)
    return f"/acknowledgements/{base64.urlsafe_b64encode(token).rstrip(b'=').decode()}"


def tenant_of(token: str) -> uuid.UUID:
    """The organisation that a token names, which by itself opens nothing. NotFound for what is no token of ours."""
    return uuid.UUID(bytes=_bytes(token)[:16])


def open_link(token: str, tx: TenantTransaction, at: datetime) -> Opened:
    """What the link is about. Nothing is changed: programs that look at mails open every link.

    NotFound for one that is unknown or expired, or whose person is disabled or may not acknowledge any more.
    """
    link, alert = _found(token, tx, at)
    return Opened(alert, _name(link))


def use_link(token: str, tx: TenantTransaction, at: datetime) -> Opened:
    """Acknowledge in the name of the link's person or channel. Used again it shows what became of the alert.

    NotFound as of `open_link`.
    """
    link, alert = _found(token, tx, at)
    if link.used_at is None:
        # The alert was sent to him, so that it is his to take up whatever he sees otherwise.
        set_actor(tx.connection, _name(link))
        alert = take_up(alert, _name(link), link.via, tx, at)
        tx.acknowledgement_links.use(_hash(_bytes(token)), at)
    return Opened(alert, _name(link))


def _found(token: str, tx: TenantTransaction, at: datetime) -> tuple[Link, Alert]:
    link = tx.acknowledgement_links.find(_hash(_bytes(token)))
    if link is None or link.expires_at <= at or not _may_acknowledge(link):
        raise NotFound(_GONE)
    alert = tx.alerts.find(link.alert_id)
    if alert is None:
        raise NotFound(_GONE)
    return link, alert


def _may_acknowledge(link: Link) -> bool:
    """Whom a channel of the organisation lets read along, that is for whoever made the channel."""
    return link.role is None or _role_may(link.role)


def _role_may(role: str) -> bool:
    return allows(role, frozenset({SESSION_SCOPE}), "alerts:acknowledge")


def _name(link: Link) -> str:
    """No name of a user has a colon."""
    return link.username or f"{link.via.lower()}:{link.destination}"


def _bytes(token: str) -> bytes:
    try:
        found = base64.b64decode(f"{token}=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotFound(_GONE) from error
    if len(found) != 16 + _SECRET_BYTES:
        raise NotFound(_GONE)
    return found


def _hash(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
