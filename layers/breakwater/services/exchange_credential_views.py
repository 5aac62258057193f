"""Keys at exchanges as they are told and shown."""

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from breakwater.db.exchange_credentials import ExchangeCredential
from breakwater.domain.exchange_credentials import SECRET_LENGTH_MAX, ExchangeSecret
from breakwater.domain.orders import Venue
from breakwater.services.exchange_credentials import OVERLAP_MAX


class ExchangeCredentialSecrets(BaseModel):
    """What the exchange gave; it is never shown again."""

    model_config = ConfigDict(extra="forbid")

    api_key: Annotated[SecretStr, Field(min_length=1, max_length=SECRET_LENGTH_MAX)]
    secret: Annotated[SecretStr, Field(min_length=1, max_length=SECRET_LENGTH_MAX)]

    def told(self) -> ExchangeSecret:
        return ExchangeSecret(self.api_key.get_secret_value(), self.secret.get_secret_value())


class ExchangeCredentialRequest(ExchangeCredentialSecrets):
    account_id: uuid.UUID
    venue: Venue
    label: Annotated[str, Field(min_length=1, max_length=80)]


class RotationRequest(ExchangeCredentialSecrets):
    """`overlap_s`: for so long the old version is kept."""

    overlap_s: Annotated[int, Field(ge=0, le=int(OVERLAP_MAX.total_seconds()))] = 3_600


class ExchangeCredentials(BaseModel):
    items: list[ExchangeCredential]
