"""Which outside venues an engine trades at: the variable VENUES, and the secrets it names."""

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from breakwater.domain.money import Amount
from breakwater.domain.orders import BUILT_IN_VENUES, Venue
from breakwater.errors import Unavailable
from fargate_engine import aws

VENUES_MAX = 50
ACCOUNTS_MAX = 1_000
STORE = "store:"
TAKER_FEE = Decimal("0.001")  # What both exchanges ask of who has no discount.
_SECRET_LENGTH_MAX = 4_096  # A PEM key fits.


class VenueSettings(BaseModel):
    """One venue. `exchange` is ccxt's id of it; `credentials` names a secret `{"api_key", "secret"}` by ARN or name,
    or as `store:<id>` one of the exchange credentials that people keep with the API.

    `accounts` are those that may trade with a secret; whom one that people keep is given to, they say themselves.
    `base_url` puts another host in the place of every one that the exchange's class knows. `taker_fee` is the most that
    the venue charges for a trade, of the notional: credit is held for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Venue
    exchange: Literal["binance", "bybit"]
    credentials: Annotated[str, Field(min_length=1, max_length=2_048)]
    sandbox: bool = False
    base_url: Annotated[str, Field(max_length=2_048)] | None = None
    accounts: Annotated[frozenset[uuid.UUID], Field(max_length=ACCOUNTS_MAX)] = frozenset()
    taker_fee: Annotated[Amount, Field(ge=0, lt=1)] = TAKER_FEE

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in BUILT_IN_VENUES:
            raise ValueError(f"{name} is a venue of the engine's own")
        return name

    @field_validator("credentials")
    @classmethod
    def _is_named(cls, credentials: str) -> str:
        if credentials.startswith(STORE):
            uuid.UUID(credentials.removeprefix(STORE))
        return credentials

    @property
    def credential_id(self) -> uuid.UUID | None:
        """Of one in the store; None for a secret of Secrets Manager."""
        is_stored = self.credentials.startswith(STORE)
        return uuid.UUID(self.credentials.removeprefix(STORE)) if is_stored else None

    @property
    def place(self) -> tuple[str, bool, str | None]:
        """Exchange and host: what is the same there for every key."""
        return (self.exchange, self.sandbox, self.base_url)

    @model_validator(mode="after")
    def _says_accounts_once(self) -> Self:
        if self.accounts and self.credential_id is not None:
            raise ValueError("whom a key of the store is given to is said there, and not in accounts")
        return self

    @field_validator("base_url")
    @classmethod
    def _is_safe(cls, url: str | None) -> str | None:
        """The key goes with every request: in clear only to this machine."""
        if url is None:
            return None
        parts = urlsplit(url)
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
            raise ValueError("base_url is a scheme, a host and perhaps a port")
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
            raise ValueError("base_url is https; http only to this machine")
        return url.rstrip("/")


@dataclass(frozen=True, slots=True)
class Credentials:
    """In memory only: they show in no log and no repr.

    `older`: versions that may be fallen back to, the newest first. `note_use`: says that the venue has taken this one.
    """

    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    older: tuple["Credentials", ...] = field(default=(), repr=False, compare=False)
    note_use: Callable[[], Awaitable[None]] | None = field(default=None, repr=False, compare=False)


_VENUES = TypeAdapter(Annotated[list[VenueSettings], Field(max_length=VENUES_MAX)])


def parse_venues(text: str) -> tuple[VenueSettings, ...]:
    """ValueError, in words for whoever wrote the variable. An empty text: none."""
    if not text:
        return ()
    try:
        venues = _VENUES.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from error
    names = [venue.name for venue in venues]
    if len(set(names)) < len(names):
        raise ValueError("two venues have one name")
    return tuple(venues)


async def fetch_credentials(venue: VenueSettings) -> Credentials:
    """Unavailable when the secret cannot be read, or is none of a venue."""
    answer = await aws.call(aws.client("secretsmanager").get_secret_value, SecretId=venue.credentials)
    try:
        told = json.loads(answer["SecretString"])
        credentials = Credentials(told["api_key"], told["secret"])
    except (KeyError, TypeError, ValueError):
        # Without the cause: its text could hold a part of the secret.
        raise Unavailable(f"the secret of venue {venue.name} is not of the form api_key, secret") from None
    if not all(
        isinstance(each, str) and 0 < len(each) <= _SECRET_LENGTH_MAX for each in (told["api_key"], told["secret"])
    ):
        raise Unavailable(f"the secret of venue {venue.name} has an empty or overlong part")
    return credentials


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
