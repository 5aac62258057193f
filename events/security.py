"""What those who look after security have to know. Never a secret, and of a password that failed not a letter."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Event


class SignInsRefused(Event):
    """Under a user's name sign-ins fail again and again, as many as `failures` in `window_s`. Told once in a while.

    `username` is client: and the id where it is an OAuth client that was refused tokens. `source_ips`: from where, the
    newest first, a few of them.
    """

    topic: ClassVar[str] = "security.SignInsRefused.v1"
    user_id: uuid.UUID
    username: str
    failures: int
    window_s: int
    source_ips: list[str]


class KeyUsedFromElsewhere(Event):
    """An API key, or an OAuth client's token, came from an address that it may not come from: it was refused.

    Told once in a while. `is_proven`: it was shown with its secret, or is the token, so whoever did that has it;
    else only its id is known there.
    """

    topic: ClassVar[str] = "security.KeyUsedFromElsewhere.v1"
    key_id: str
    kind: Literal["API_KEY", "OAUTH_CLIENT"]
    username: str
    source_ip: str | None
    is_proven: bool
