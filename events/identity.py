"""Who signs in, and with what."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Event


class SignedIn(Event):
    """`source_ip`: as the gateway saw it."""

    topic: ClassVar[str] = "identity.SignedIn.v1"
    is_of_account: ClassVar[bool | None] = False
    user_id: uuid.UUID
    username: str
    source_ip: str | None
    second_factor: bool


class SignInFailed(Event):
    """Somebody gave the name of a user, and not what belongs to it. `code` is what was answered."""

    topic: ClassVar[str] = "identity.SignInFailed.v1"
    is_of_account: ClassVar[bool | None] = False
    user_id: uuid.UUID
    username: str
    source_ip: str | None
    code: str


class SignedOut(Event):
    """Every session of the user has ended."""

    topic: ClassVar[str] = "identity.SignedOut.v1"
    is_of_account: ClassVar[bool | None] = False
    user_id: uuid.UUID
    username: str


class SessionEnded(Event):
    """One session of a user: by himself as he signs out, or by whoever revokes it."""

    topic: ClassVar[str] = "identity.SessionEnded.v1"
    is_of_account: ClassVar[bool | None] = False
    session_id: uuid.UUID
    user_id: uuid.UUID
    username: str
    reason: Literal["SIGNED_OUT", "REVOKED"]
    ended_by: str


class SecondFactorChanged(Event):
    """A user enrolled one, or an administrator took it from him, such as of a lost telephone."""

    topic: ClassVar[str] = "identity.SecondFactorChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    user_id: uuid.UUID
    username: str
    change: Literal["ENROLLED", "RESET"]
    changed_by: str


class ApiKeyChanged(Event):
    """A key was made or revoked. Never its secret."""

    topic: ClassVar[str] = "identity.ApiKeyChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    key_id: str
    change: Literal["CREATED", "REVOKED"]
    name: str | None
    scopes: list[str] | None
    changed_by: str


class ExchangeCredentialChanged(Event):
    """A version of a key of the firm at an exchange was stored, replaced the one before, was deleted, or was wrapped
    under another master key (`master_key_id`). Never the key itself but for its end, and nothing of its secret.
    """

    topic: ClassVar[str] = "identity.ExchangeCredentialChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    credential_id: uuid.UUID
    version: int
    change: Literal["STORED", "ROTATED", "DELETED", "REWRAPPED"]
    account_id: uuid.UUID
    venue: str
    label: str
    api_key_end: str
    master_key_id: str | None  # Of a deletion: null.
    changed_by: str


class ApiKeyRotated(Event):
    """`key_id` takes the place of `replaces`, which works until then. Never a secret."""

    topic: ClassVar[str] = "identity.ApiKeyRotated.v1"
    is_of_account: ClassVar[bool | None] = False
    key_id: str
    replaces: str
    works_until_ns: int
    name: str
    scopes: list[str]
    changed_by: str


class ExchangeCredentialAccessChanged(Event):
    """An account may trade with a key at an exchange that was kept for another one, or may no longer."""

    topic: ClassVar[str] = "identity.ExchangeCredentialAccessChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    credential_id: uuid.UUID
    account_id: uuid.UUID
    is_given: bool
    changed_by: str


class OAuthClientChanged(Event):
    """A third party's client was made, given another secret, or revoked. Never a secret.

    `works_until_ns`: of the secret before, where it was given another.
    """

    topic: ClassVar[str] = "identity.OAuthClientChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    client_id: str
    change: Literal["CREATED", "ROTATED", "REVOKED"]
    user_id: uuid.UUID
    name: str | None
    scopes: list[str] | None
    works_until_ns: int | None
    changed_by: str


class OAuthTokenIssued(Event):
    """A client has bought an access token. Never the token."""

    topic: ClassVar[str] = "identity.OAuthTokenIssued.v1"
    is_of_account: ClassVar[bool | None] = False
    client_id: str
    user_id: uuid.UUID
    scopes: list[str]
    source_ip: str | None
    expires_at_ns: int


class OAuthTokenRefused(Event):
    """Somebody named a client that works, and did not show what belongs to it. `code` is what was answered."""

    topic: ClassVar[str] = "identity.OAuthTokenRefused.v1"
    is_of_account: ClassVar[bool | None] = False
    client_id: str
    user_id: uuid.UUID
    source_ip: str | None
    code: str


class ChatLinkChanged(Event):
    """From now on a chat of Telegram speaks for a user, or none does any more: he ended it himself, he blocked the bot,
    or an administrator took his second factor from him. Never the chat's id, nor a code.
    """

    topic: ClassVar[str] = "identity.ChatLinkChanged.v1"
    user_id: uuid.UUID
    username: str
    change: Literal["LINKED", "UNLINKED"]
    reason: Literal["BY_USER", "BLOCKED", "SECOND_FACTOR_RESET"]
    second_factor: bool | None  # Of the session that linked it; null where it was ended.
    changed_by: str


class PushDeviceChanged(Event):
    """A browser is told of alerts for a user from now on, or not any more: he removed it, or it is gone.
    Never where it is, nor its keys.
    """

    topic: ClassVar[str] = "identity.PushDeviceChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    device_id: uuid.UUID
    user_id: uuid.UUID
    username: str
    name: str
    change: Literal["REGISTERED", "REMOVED", "GONE"]
    changed_by: str
