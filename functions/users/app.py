"""Signing in and out, who I am, people, API keys, clients of third parties, and keys of accounts at exchanges."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import Header, Path, Query, Request

from breakwater.db.audit import find_username
from breakwater.db.exchange_credentials import ExchangeCredential
from breakwater.db.identity import Account, is_session_ended
from breakwater.db.people import Group
from breakwater.db.sessions import SessionRow
from breakwater.domain.access_tokens import session_of_pool
from breakwater.domain.caller_context import to_caller, to_context
from breakwater.domain.oidc import is_of_issuer
from breakwater.domain.permissions import client_actor
from breakwater.errors import NotAuthenticated, Rejection, Unavailable
from breakwater.runtime import aws
from breakwater.runtime.api import (
    ENROLLING,
    PUBLIC,
    SIGNED_IN,
    Caller,
    CorrelationId,
    SourceIp,
    count_use,
    create_api,
    lambda_handler,
    needs,
)
from breakwater.runtime.api_key_encryption import encrypt_api_key
from breakwater.runtime.authenticator import authenticate, oidc_provider
from breakwater.runtime.database import (
    caller_transaction,
    tenant_transaction,
    transactions_of,
    untenanted_transaction,
)
from breakwater.runtime.exchange_credential_keys import make_data_key
from breakwater.runtime.oauth import REFUSALS, TOKEN_ENDPOINT, TokenRequest, speak_oauth
from breakwater.runtime.observability import logger
from breakwater.runtime.settings import settings
from breakwater.services import (
    accounts,
    api_keys,
    exchange_credentials,
    groups,
    identity,
    oauth_clients,
    oauth_tokens,
    people,
    second_factors,
    sessions,
    sign_in_pace,
)
from breakwater.services.accounts import Accounts, NewAccount
from breakwater.services.api_key_views import ApiKeyRequest, ApiKeyRotation, ApiKeys, NewApiKey, RotatedApiKey
from breakwater.services.cursors import LIMIT_DEFAULT, LIMIT_MAX
from breakwater.services.exchange_credential_views import (
    ExchangeCredentialRequest,
    ExchangeCredentials,
    RotationRequest,
)
from breakwater.services.groups import Groups, NewGroup
from breakwater.services.oauth_client_views import OAuthClientRequest, OAuthClients, SecretRotation
from breakwater.services.oauth_clients import NewSecret
from breakwater.services.oauth_tokens import AccessToken
from breakwater.services.people import Invitation, InvitationAgain, People, Person, UserChange
from breakwater.services.sessions import Circumstances, OpenSessions
from breakwater.services.sign_in_pace import Taken
from breakwater.services.sign_in_views import Me, RefreshRequest, SignInRequest, SignOutRequest, TotpCode
from breakwater.services.sign_ins import tell_of_user
from breakwater.services.user_pool import UserPool
from events.identity import SignInFailed

api = create_api(service="users")
speak_oauth(api)


Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
KeyId = Annotated[str, Path(max_length=64)]
Cursor = Annotated[str | None, Query(max_length=200)]


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _logged_if_unavailable() -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        logger().error("not in the audit trail", reason=error.message)


def _begin_session(username: str, access_token: str, circumstances: Circumstances, *, has_second_factor: bool) -> None:
    """Nothing for a name that no organisation has: such a token is worth nothing here."""
    with untenanted_transaction() as connection:
        found = find_username(connection, username)
    if found is None:
        return
    tenant_id, user_id = found
    session = session_of_pool(access_token)
    began = SessionRow(
        session_id=session.session_id,
        issuer="POOL",
        signed_in_at=datetime.fromtimestamp(session.began_at, UTC),
        last_seen_at=circumstances.at,
        source_ip=circumstances.source_ip,
        has_second_factor=has_second_factor,
    )
    with transactions_of(username)(tenant_id) as tx:
        sessions.begin(began, identity.PoolUser(user_id, username, session.subject), tx, circumstances)


def _access_token(authorization: str) -> str:
    return authorization.removeprefix("Bearer ")


def _give_back(taken: Taken) -> None:
    with untenanted_transaction() as connection:
        sign_in_pace.give_back(taken, connection)


def _user_pool() -> Any:
    return aws.client("cognito-idp")


def _pool() -> UserPool:
    return UserPool(_user_pool(), settings().user_pool_id)


@api.post("/auth/sign-in", dependencies=[PUBLIC])
def sign_in(request: SignInRequest, source_ip: SourceIp, correlation_id: CorrelationId) -> identity.Tokens:
    with untenanted_transaction() as connection:
        taken = sign_in_pace.take(request.username, source_ip, connection)
    try:
        tokens, with_code = identity.sign_in(_user_pool(), settings().user_pool_client_id, **request.model_dump())
    except identity.TooManyAttempts:
        raise  # What is throttled must not fill the trail.
    except (Rejection, Unavailable) as refused:
        if not isinstance(refused, identity.WrongCredentials):
            _give_back(taken)
        if isinstance(refused, identity.CodeRequired | Unavailable):
            raise  # The first of two steps; or it could not be told.
        failed = partial(SignInFailed, source_ip=source_ip, code=refused.code)
        with _logged_if_unavailable():
            # In nobody's name: whoever it was, it was not shown to be the user.
            tell_of_user(
                request.username,
                failed,
                correlation_id=correlation_id,
                untenanted=untenanted_transaction,
                transactions=tenant_transaction,
                at=_now(),
            )
        raise
    # Nobody signs in whose signing in cannot be written down.
    circumstances = Circumstances(source_ip, correlation_id, _now())
    _begin_session(request.username.lower(), tokens.access_token, circumstances, has_second_factor=with_code)
    _give_back(taken)
    return tokens


@api.post("/auth/refresh", dependencies=[PUBLIC])
def refresh(request: RefreshRequest) -> identity.Tokens:
    tokens = identity.refresh(_user_pool(), settings().user_pool_client_id, request.refresh_token)
    session_id = session_of_pool(tokens.access_token).session_id
    with untenanted_transaction() as connection:
        # The pool would go on with it. No token of it is believed, and so none is given.
        if is_session_ended(connection, session_id):
            raise identity.WrongCredentials("the credentials are wrong or have expired")
    return tokens


@api.post("/auth/sign-out", status_code=204, dependencies=[PUBLIC])
def sign_out(
    correlation_id: CorrelationId,
    source_ip: SourceIp,
    request: SignOutRequest | None = None,
    authorization: Annotated[str, Header()] = "",
) -> None:
    request = request or SignOutRequest()
    access_token = request.access_token or _access_token(authorization)
    if not access_token:
        raise NotAuthenticated("signing out needs the access token, in the body or as Authorization: Bearer")
    who = authenticate(f"Bearer {access_token}", source_ip)
    caller = to_caller(to_context(who), correlation_id)
    caller.check_use(source_ip, int(time.time()))
    caller.require_person("signs out")  # A client's token is of no session.
    with caller_transaction(caller) as tx:
        if request.everywhere:
            sessions.end_all_own_sessions(caller, tx, _now())
        elif caller.session_id is not None:
            sessions.end_own_session(caller.session_id, caller, tx, _now(), "SIGNED_OUT")
    if request.everywhere and not is_of_issuer(caller.subject):
        identity.sign_out_everywhere(_user_pool(), access_token)


@api.get("/me", dependencies=[SIGNED_IN])
def get_me(caller: Caller) -> Me:
    with caller_transaction(caller) as tx:
        user, account_ids = identity.profile(caller, tx)
        organisation = tx.identity.organisation_name()
    return Me(
        tenant_id=caller.tenant_id,
        organisation=organisation,
        user_id=user.user_id,
        username=user.username,
        email=user.email,
        role=caller.role,
        permissions=sorted(caller.permissions),
        account_ids=account_ids,
    )


@api.get("/api-keys", dependencies=[needs("api_keys:manage")])
def list_api_keys(caller: Caller) -> ApiKeys:
    with caller_transaction(caller) as tx:
        return ApiKeys(items=api_keys.list_api_keys(caller, tx))


@api.post("/api-keys", status_code=201, dependencies=[needs("api_keys:manage")])
def create_api_key(request: ApiKeyRequest, caller: Caller) -> NewApiKey:
    with caller_transaction(caller) as tx:
        key_id, api_key = api_keys.create_api_key(
            caller, tx, **request.model_dump(), rates=settings().key_rates, encrypt=encrypt_api_key, at=_now()
        )
    told = request.model_dump(include={"name", "scopes", "expires_at"})
    return NewApiKey(key_id=key_id, api_key=api_key, **told)


@api.post("/api-keys/{key_id}/rotate", status_code=201, dependencies=[needs("api_keys:manage")])
def rotate_api_key(key_id: KeyId, request: ApiKeyRotation, caller: Caller) -> RotatedApiKey:
    with caller_transaction(caller) as tx:
        rotated = api_keys.rotate_api_key(
            caller,
            tx,
            key_id,
            overlap=timedelta(seconds=request.overlap_s),
            public_key=request.public_key,
            rates=settings().key_rates,
            encrypt=encrypt_api_key,
            at=_now(),
        )
    return RotatedApiKey(**asdict(rotated), replaces=key_id)


@api.delete("/api-keys/{key_id}", status_code=204, dependencies=[needs("api_keys:manage")])
def revoke_api_key(key_id: KeyId, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        api_keys.revoke_api_key(caller, tx, key_id, at=_now())


@api.get("/oauth-clients", dependencies=[needs("clients:manage")])
def list_oauth_clients(caller: Caller) -> OAuthClients:
    with caller_transaction(caller) as tx:
        return OAuthClients(items=oauth_clients.list_clients(caller, tx))


@api.post("/oauth-clients", status_code=201, dependencies=[needs("clients:manage")])
def create_oauth_client(request: OAuthClientRequest, caller: Caller) -> NewSecret:
    with caller_transaction(caller) as tx:
        return oauth_clients.create_client(caller, tx, **request.model_dump(), rates=settings().key_rates, at=_now())


@api.post("/oauth-clients/{client_id}/rotate", status_code=201, dependencies=[needs("clients:manage")])
def rotate_oauth_client(client_id: KeyId, request: SecretRotation, caller: Caller) -> NewSecret:
    with caller_transaction(caller) as tx:
        overlap = timedelta(seconds=request.overlap_s)
        return oauth_clients.rotate_secret(caller, tx, client_id, overlap=overlap, at=_now())


@api.delete("/oauth-clients/{client_id}", status_code=204, dependencies=[needs("clients:manage")])
def revoke_oauth_client(client_id: KeyId, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        oauth_clients.revoke_client(caller, tx, client_id, at=_now())


@api.post("/oauth/token", dependencies=[PUBLIC], openapi_extra=TOKEN_ENDPOINT, responses=REFUSALS)
def issue_oauth_token(
    told: TokenRequest, request: Request, source_ip: SourceIp, correlation_id: CorrelationId
) -> AccessToken:
    circumstances = Circumstances(source_ip, correlation_id, _now())
    with untenanted_transaction() as connection:
        taken = sign_in_pace.take_of_client(told.client_id, source_ip, connection)
    client = oauth_tokens.verify_client(
        told, untenanted=untenanted_transaction, transactions=tenant_transaction, circumstances=circumstances
    )
    _give_back(taken)
    count_use(request, client.tenant_id, told.client_id)
    with transactions_of(client_actor(told.client_id))(client.tenant_id) as tx:
        return oauth_tokens.issue_token(told, client, tx, circumstances)


@api.get("/users/me/sessions", dependencies=[SIGNED_IN])
def list_own_sessions(caller: Caller) -> OpenSessions:
    with caller_transaction(caller) as tx:
        return sessions.list_own_sessions(caller, tx)


@api.delete("/users/me/sessions/{session_id}", status_code=204, dependencies=[SIGNED_IN])
def end_own_session(session_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        sessions.end_own_session(session_id, caller, tx, _now())


@api.get("/users/{user_id}/sessions", dependencies=[needs("users:manage")])
def list_sessions(user_id: uuid.UUID, caller: Caller) -> OpenSessions:
    with caller_transaction(caller) as tx:
        return sessions.list_sessions(user_id, caller, tx)


@api.delete("/users/{user_id}/sessions/{session_id}", status_code=204, dependencies=[needs("users:manage")])
def end_session(user_id: uuid.UUID, session_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        sessions.end_session(session_id, user_id, caller, tx, _now())


@api.post("/users/me/totp", status_code=201, dependencies=[ENROLLING])
def enrol_totp(caller: Caller, authorization: Annotated[str, Header()] = "") -> identity.TotpEnrolment:
    return second_factors.enrol(caller, _access_token(authorization), _user_pool())


@api.post("/users/me/totp/verify", status_code=204, dependencies=[ENROLLING])
def verify_totp(request: TotpCode, caller: Caller, authorization: Annotated[str, Header()] = "") -> None:
    second_factors.confirm(
        caller,
        _access_token(authorization),
        request.code,
        user_pool=_user_pool(),
        transactions=transactions_of(caller.actor),
        at=_now(),
    )


@api.delete("/users/{user_id}/totp", status_code=204, dependencies=[needs("users:manage")])
def reset_totp(user_id: uuid.UUID, caller: Caller) -> None:
    with identity.administered():
        second_factors.reset(user_id, caller, transactions_of(caller.actor), _pool(), _now())


@api.get("/users", dependencies=[needs("users:read")])
def list_users(caller: Caller, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> People:
    with caller_transaction(caller) as tx:
        return people.list_users(caller, tx, cursor=cursor, limit=limit)


@api.post("/users", status_code=201, dependencies=[needs("users:manage")])
def invite_user(invitation: Invitation, caller: Caller) -> Person:
    with identity.administered():
        transactions = transactions_of(caller.actor)
        return people.invite(invitation, caller, transactions, _pool(), _now(), provider=oidc_provider())


@api.get("/users/{user_id}", dependencies=[needs("users:read")])
def get_user(user_id: uuid.UUID, caller: Caller) -> Person:
    with caller_transaction(caller) as tx:
        return people.user(user_id, caller, tx)


@api.patch("/users/{user_id}", dependencies=[needs("users:manage")])
def change_user(user_id: uuid.UUID, change: UserChange, caller: Caller) -> Person:
    with identity.administered():
        return people.change_user(user_id, change, caller, transactions_of(caller.actor), pool=_pool(), at=_now())


@api.post("/users/{user_id}/invitation", status_code=204, dependencies=[needs("users:manage")])
def invite_user_again(user_id: uuid.UUID, invitation: InvitationAgain, caller: Caller) -> None:
    with identity.administered():
        people.invite_again(user_id, invitation, caller, transactions_of(caller.actor), pool=_pool(), at=_now())


@api.put("/users/{user_id}/accounts/{account_id}", status_code=204, dependencies=[needs("users:manage")])
def give_account(user_id: uuid.UUID, account_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        people.give_account(user_id, account_id, caller, tx, _now())


@api.delete("/users/{user_id}/accounts/{account_id}", status_code=204, dependencies=[needs("users:manage")])
def take_account(user_id: uuid.UUID, account_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        people.take_account(user_id, account_id, caller, tx, _now())


@api.put("/users/{user_id}/nodes/{node_id}", status_code=204, dependencies=[needs("users:manage")])
def give_node(user_id: uuid.UUID, node_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        people.give_node(user_id, node_id, caller, tx, _now())


@api.delete("/users/{user_id}/nodes/{node_id}", status_code=204, dependencies=[needs("users:manage")])
def take_node(user_id: uuid.UUID, node_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        people.take_node(user_id, node_id, caller, tx, _now())


@api.get("/groups", dependencies=[needs("users:read")])
def list_groups(caller: Caller) -> Groups:
    with caller_transaction(caller) as tx:
        return groups.list_groups(caller, tx)


@api.post("/groups", status_code=201, dependencies=[needs("users:manage")])
def create_group(new: NewGroup, caller: Caller) -> Group:
    with caller_transaction(caller) as tx:
        return groups.create_group(new, caller, tx, _now())


@api.get("/groups/{group_id}", dependencies=[needs("users:read")])
def get_group(group_id: uuid.UUID, caller: Caller) -> Group:
    with caller_transaction(caller) as tx:
        return groups.group(group_id, caller, tx)


@api.delete("/groups/{group_id}", status_code=204, dependencies=[needs("users:manage")])
def delete_group(group_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        groups.delete_group(group_id, caller, tx, _now())


@api.put("/groups/{group_id}/members/{user_id}", status_code=204, dependencies=[needs("users:manage")])
def add_member(group_id: uuid.UUID, user_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        groups.add_member(group_id, user_id, caller, tx, _now())


@api.delete("/groups/{group_id}/members/{user_id}", status_code=204, dependencies=[needs("users:manage")])
def remove_member(group_id: uuid.UUID, user_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        groups.remove_member(group_id, user_id, caller, tx, _now())


@api.put("/groups/{group_id}/accounts/{account_id}", status_code=204, dependencies=[needs("users:manage")])
def add_group_account(group_id: uuid.UUID, account_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        groups.add_account(group_id, account_id, caller, tx, _now())


@api.delete("/groups/{group_id}/accounts/{account_id}", status_code=204, dependencies=[needs("users:manage")])
def remove_group_account(group_id: uuid.UUID, account_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        groups.remove_account(group_id, account_id, caller, tx, _now())


@api.get("/accounts", dependencies=[needs("portfolio:read")])
def list_accounts(caller: Caller) -> Accounts:
    with caller_transaction(caller) as tx:
        return accounts.list_accounts(caller, tx)


@api.post("/accounts", status_code=201, dependencies=[needs("users:manage")])
def create_account(new: NewAccount, caller: Caller) -> Account:
    with caller_transaction(caller) as tx:
        return accounts.create_account(new, caller, tx, _now())


@api.get("/exchange-credentials", dependencies=[needs("credentials:manage")])
def list_exchange_credentials(caller: Caller) -> ExchangeCredentials:
    with caller_transaction(caller) as tx:
        return ExchangeCredentials(items=exchange_credentials.list_credentials(caller, tx))


@api.post("/exchange-credentials", status_code=201, dependencies=[needs("credentials:manage")])
def add_exchange_credential(request: ExchangeCredentialRequest, caller: Caller) -> ExchangeCredential:
    return exchange_credentials.add_credential(
        caller,
        transactions_of(caller.actor),
        account_id=request.account_id,
        venue=request.venue,
        label=request.label,
        secret=request.told(),
        make_data_key=make_data_key,
        at=_now(),
    )


@api.post("/exchange-credentials/{credential_id}/rotate", status_code=201, dependencies=[needs("credentials:manage")])
def rotate_exchange_credential(
    credential_id: uuid.UUID, request: RotationRequest, caller: Caller
) -> ExchangeCredential:
    return exchange_credentials.rotate_credential(
        caller,
        transactions_of(caller.actor),
        credential_id,
        secret=request.told(),
        overlap=timedelta(seconds=request.overlap_s),
        make_data_key=make_data_key,
        at=_now(),
    )


@api.put(
    "/exchange-credentials/{credential_id}/accounts/{account_id}",
    status_code=204,
    dependencies=[needs("credentials:manage")],
)
def grant_exchange_credential(credential_id: uuid.UUID, account_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        exchange_credentials.grant_credential(caller, tx, credential_id, account_id, at=_now())


@api.delete(
    "/exchange-credentials/{credential_id}/accounts/{account_id}",
    status_code=204,
    dependencies=[needs("credentials:manage")],
)
def withdraw_exchange_credential(credential_id: uuid.UUID, account_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        exchange_credentials.withdraw_credential(caller, tx, credential_id, account_id, at=_now())


@api.delete("/exchange-credentials/{credential_id}", status_code=204, dependencies=[needs("credentials:manage")])
def delete_exchange_credential(credential_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        exchange_credentials.delete_credential(caller, tx, credential_id, at=_now())


handler = lambda_handler(api)
