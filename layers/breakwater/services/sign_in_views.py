"""What is sent by whoever signs in, stays signed in and signs out, and what he is told of himself."""

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class SignInRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=1, max_length=256)]
    code: Annotated[str, Field(pattern="^[0-9]{6}$")] | None = None
    new_password: Annotated[str, Field(min_length=1, max_length=256)] | None = None


class RefreshRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[str, Field(min_length=1, max_length=8192)]


class SignOutRequest(BaseModel):
    """`everywhere`: every session of the user ends, and not the token's own alone."""

    model_config = ConfigDict(extra="forbid")

    access_token: Annotated[str, Field(min_length=1, max_length=8192)] | None = None
    everywhere: bool = False


class TotpCode(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(pattern="^[0-9]{6}$")]


class Me(BaseModel):
    """`organisation`: its name."""

    user_id: uuid.UUID
    tenant_id: uuid.UUID
    organisation: str
    username: str
    email: str
    role: str
    permissions: list[str]
    account_ids: list[uuid.UUID]
