"""API keys as they are asked for and shown."""

import uuid
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from breakwater.db.identity import ApiKey
from breakwater.domain.times import Timestamp
from breakwater.services.api_keys import OVERLAP_MAX

PublicKey = Annotated[str, Field(max_length=500)]


class ApiKeyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    scopes: Annotated[list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=10)]
    ip_allow: Annotated[list[Annotated[str, Field(max_length=43)]], Field(max_length=20)] = []
    expires_at: AwareDatetime | None = None
    account_id: uuid.UUID | None = None
    public_key: PublicKey | None = None
    requests_per_minute_max: int | None = None


class ApiKeyRotation(BaseModel):
    """`overlap_s`: for so long the old key works beside the new one. `public_key`: of the next Ed25519 pair."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: Annotated[int, Field(ge=0, le=int(OVERLAP_MAX.total_seconds()))] = 86_400
    public_key: PublicKey | None = None


class NewApiKey(BaseModel):
    """`api_key` is shown here and never again; null for an Ed25519 key, whose private half the caller has."""

    key_id: str
    api_key: str | None
    name: str
    scopes: list[str]
    expires_at: Timestamp | None


class RotatedApiKey(NewApiKey):
    """`replaces` works until `works_until`."""

    replaces: str
    works_until: Timestamp


class ApiKeys(BaseModel):
    items: list[ApiKey]
