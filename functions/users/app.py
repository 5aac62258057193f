"""Signing in and out, who I am, API keys, and keys of the firm's accounts at exchanges."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Header, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from breakwater.db.exchange_credentials import ExchangeCredential
from breakwater.db.identity import ApiKey
from breakwater.domain.exchange_credentials import SECRET_LENGTH_MAX, ExchangeSecret
from breakwater.domain.orders import Venue
from breakwater.domain.times import Timestamp
from breakwater.errors import NotAuthenticated
from breakwater.runtime import aws
from breakwater.runtime.api import Caller, create_api, lambda_handler
from breakwater.runtime.api_key_encryption import encrypt_api_key
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.exchange_credential_keys import make_data_key
from breakwater.runtime.settings import settings
from breakwater.services import api_keys, exchange_credentials, identity


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignInRequest(_Request):
    username: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=1, max_length=256)]
    code: Annotated[str, Field(pattern="^[0-9]{6}$")] | None = None


class RefreshRequest(_Request):
    refresh_token: Annotated[str, Field(min_length=1, max_length=8192)]


class SignOutRequest(_Request):
    access_token: Annotated[str, Field(min_length=1, max_length=8192)] | None = None


class ApiKeyRequest(_Request):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    scopes: Annotated[list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=10)]
    ip_allow: Annotated[list[Annotated[str, Field(max_length=43)]], Field(max_length=20)] = []
    expires_at: AwareDatetime | None = None
    account_id: uuid.UUID | None = None
    public_key: Annotated[str, Field(max_length=500)] | None = None


class NewApiKey(BaseModel):
    """`api_key` is shown here and never again; null for an Ed25519 key, whose private half the caller has."""

    key_id: str
    api_key: str | None
    name: str
    scopes: list[str]
    expires_at: Timestamp | None


class ApiKeys(BaseModel):
    items: list[ApiKey]


class ExchangeCredentialSecrets(_Request):
    """What the exchange gave; it is never shown again."""

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

    overlap_s: Annotated[int, Field(ge=0, le=int(exchange_credentials.OVERLAP_MAX.total_seconds()))] = 3_600


class ExchangeCredentials(BaseModel):
    items: list[ExchangeCredential]


class Me(BaseModel):
    user_id: uuid.UUID
    tenant_id: uuid.UUID
    username: str
    email: str
    role: str
    permissions: list[str]
    account_ids: list[uuid.UUID]


api = create_api(service="users")


def _user_pool() -> Any:
    return aws.client("cognito-idp")


@api.post("/auth/sign-in")
def sign_in(request: SignInRequest) -> identity.Tokens:
    return identity.sign_in(_user_pool(), settings().user_pool_client_id, **request.model_dump())


@api.post("/auth/refresh")
def refresh(request: RefreshRequest) -> identity.Tokens:
    return identity.refresh(_user_pool(), settings().user_pool_client_id, request.refresh_token)


@api.post("/auth/sign-out", status_code=204)
def sign_out(request: SignOutRequest | None = None, authorization: Annotated[str, Header()] = "") -> None:
    access_token = (request and request.access_token) or authorization.removeprefix("Bearer ")
    if not access_token:
        raise NotAuthenticated("signing out needs the access token, in the body or as Authorization: Bearer")
    identity.sign_out(_user_pool(), access_token)


@api.get("/me")
def get_me(caller: Caller) -> Me:
    with tenant_transaction(caller.tenant_id) as tx:
        user, account_ids = identity.profile(caller, tx)
    return Me(
        tenant_id=caller.tenant_id,
        user_id=user.user_id,
        username=user.username,
        email=user.email,
        role=caller.role,
        permissions=sorted(caller.permissions),
        account_ids=account_ids,
    )


@api.get("/api-keys")
def list_api_keys(caller: Caller) -> ApiKeys:
    with tenant_transaction(caller.tenant_id) as tx:
        return ApiKeys(items=api_keys.list_api_keys(caller, tx))


@api.post("/api-keys", status_code=201)
def create_api_key(request: ApiKeyRequest, caller: Caller) -> NewApiKey:
    with tenant_transaction(caller.tenant_id) as tx:
        key_id, api_key = api_keys.create_api_key(
            caller, tx, **request.model_dump(), encrypt=encrypt_api_key, at=datetime.now(UTC)
        )
    told = request.model_dump(include={"name", "scopes", "expires_at"})
    return NewApiKey(key_id=key_id, api_key=api_key, **told)


@api.delete("/api-keys/{key_id}", status_code=204)
def revoke_api_key(key_id: Annotated[str, Path(max_length=64)], caller: Caller) -> None:
    with tenant_transaction(caller.tenant_id) as tx:
        api_keys.revoke_api_key(caller, tx, key_id)


@api.get("/exchange-credentials")
def list_exchange_credentials(caller: Caller) -> ExchangeCredentials:
    with tenant_transaction(caller.tenant_id) as tx:
        return ExchangeCredentials(items=exchange_credentials.list_credentials(caller, tx))


@api.post("/exchange-credentials", status_code=201)
def add_exchange_credential(request: ExchangeCredentialRequest, caller: Caller) -> ExchangeCredential:
    with tenant_transaction(caller.tenant_id) as tx:
        return exchange_credentials.add_credential(
            caller,
            tx,
            account_id=request.account_id,
            venue=request.venue,
            label=request.label,
            secret=request.told(),
            make_data_key=make_data_key,
        )


@api.post("/exchange-credentials/{credential_id}/rotate", status_code=201)
def rotate_exchange_credential(
    credential_id: uuid.UUID, request: RotationRequest, caller: Caller
) -> ExchangeCredential:
    with tenant_transaction(caller.tenant_id) as tx:
        return exchange_credentials.rotate_credential(
            caller,
            tx,
            credential_id,
            secret=request.told(),
            overlap=timedelta(seconds=request.overlap_s),
            make_data_key=make_data_key,
        )


@api.delete("/exchange-credentials/{credential_id}", status_code=204)
def delete_exchange_credential(credential_id: uuid.UUID, caller: Caller) -> None:
    with tenant_transaction(caller.tenant_id) as tx:
        exchange_credentials.delete_credential(caller, tx, credential_id)


handler = lambda_handler(api)
