"""The routes of a person's own digests: read, tried, and when they come. The function `alerting` has them."""

import uuid
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from breakwater.domain.digests import HOUR_DEFAULT, Period
from breakwater.runtime.api import Caller, needs
from breakwater.runtime.database import caller_transaction, transactions_of
from breakwater.runtime.digests import AwsProbes, has_sender
from breakwater.services import digest_views
from breakwater.services.cursors import LIMIT_DEFAULT, LIMIT_MAX
from breakwater.services.digest_views import Digest, DigestPage, DigestPreview, DigestSettings

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=200)]


class DigestSettingsRequest(BaseModel):
    """Null: as it is for the caller's role, or of `time_zone` for his organisation."""

    model_config = ConfigDict(extra="forbid")

    daily: bool | None = None
    weekly: bool | None = None
    hour: Annotated[int, Field(ge=0, le=23, description="Of the clock in the time zone.")] = HOUR_DEFAULT
    time_zone: Annotated[str | None, Field(max_length=60, description="Such as Europe/Berlin.")] = None


class DigestPreviewRequest(BaseModel):
    """`starts_on`: a day, or the Monday of a week; by default of the one that runs."""

    model_config = ConfigDict(extra="forbid")

    period: Period
    starts_on: date | None = None


def get_digest_preferences(caller: Caller) -> DigestSettings:
    with caller_transaction(caller) as tx:
        return digest_views.settings_of(caller, tx, has_sender=has_sender(), at=datetime.now(UTC))


def set_digest_preferences(request: DigestSettingsRequest, caller: Caller) -> DigestSettings:
    wanted = request.model_dump()
    with caller_transaction(caller) as tx:
        return digest_views.change_settings(caller, tx, **wanted, has_sender=has_sender(), at=datetime.now(UTC))


def preview_digest(request: DigestPreviewRequest, caller: Caller) -> DigestPreview:
    return digest_views.preview(
        *(caller, transactions_of(caller.actor), AwsProbes()),
        period=request.period,
        starts_on=request.starts_on,
        at=datetime.now(UTC),
    )


def list_digests(caller: Caller, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> DigestPage:
    with caller_transaction(caller) as tx:
        return digest_views.page(caller, tx, cursor=cursor, limit=limit)


def get_digest(digest_id: uuid.UUID, caller: Caller) -> Digest:
    with caller_transaction(caller) as tx:
        return digest_views.get(digest_id, caller, tx, at=datetime.now(UTC))


def add_digest_routes(api: FastAPI) -> None:
    reads, manages = [needs("digests:read")], [needs("digests:manage")]
    api.get("/digests", dependencies=reads)(list_digests)
    api.get("/digests/preferences", dependencies=reads)(get_digest_preferences)
    api.put("/digests/preferences", dependencies=manages)(set_digest_preferences)
    api.post("/digests/preview", dependencies=reads)(preview_digest)
    api.get("/digests/{digest_id}", dependencies=reads)(get_digest)
