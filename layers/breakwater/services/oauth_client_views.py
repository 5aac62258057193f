"""OAuth clients as they are asked for and shown."""

import uuid
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from breakwater.db.oauth_clients import OAuthClient
from breakwater.services.api_keys import OVERLAP_MAX


class OAuthClientRequest(BaseModel):
    """`user_id`: the user whose rights the client narrows."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    user_id: uuid.UUID
    scopes: Annotated[list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=10)]
    ip_allow: Annotated[list[Annotated[str, Field(max_length=43)]], Field(max_length=20)] = []
    expires_at: AwareDatetime | None = None
    requests_per_minute_max: int | None = None


class SecretRotation(BaseModel):
    """`overlap_s`: for so long the old secret works beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: Annotated[int, Field(ge=0, le=int(OVERLAP_MAX.total_seconds()))] = 86_400


class OAuthClients(BaseModel):
    items: list[OAuthClient]
