"""An OIDC issuer beside the user pool, such as a realm of Keycloak: for whom it speaks, and which claim says what."""

import re
import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from breakwater.domain.access_tokens import SigningKeys, Told, decoded, session_id_of, signed_in_at
from breakwater.domain.permissions import Role
from breakwater.errors import NotAuthenticated

LIFETIME_MAX_S = 3600  # Whatever the issuer says: what is promised of tokens holds for its as well.
USERNAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_ROLES_MAX = 200
# What is signed and is no access token: Keycloak writes `typ`, others tell by what only an ID token needs.
_OTHER_TOKENS = frozenset({"at_hash", "c_hash"})

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
# The names on the way to a claim. A name with points in it, as of a client of Keycloak, is one of a list.
ClaimPath = Name | Annotated[tuple[Name, ...], Field(min_length=1, max_length=5)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Claims(_Part):
    """Where in a token each thing stands; `null` where it does not."""

    subject: ClaimPath = "sub"
    username: ClaimPath = "preferred_username"
    email: ClaimPath | None = "email"
    session: ClaimPath = "sid"  # What a refresh does not change.
    organisation: ClaimPath | None = None  # Null: the only one of `organisations`.
    roles: ClaimPath | None = "realm_access.roles"  # Null: the role is given here alone.


class SecondFactor(_Part):
    """Values of `amr` or `acr`, one of which a token shows when a second factor was asked for."""

    amr: tuple[Name, ...] = ()
    acr: tuple[Name, ...] = ()


class OidcProvider(_Part):
    """`oidc` of cdk.json, see docs/identity.md."""

    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+[^\s?#/]$", max_length=300)]
    audience: Name
    authorized_parties: tuple[Name, ...] = ()  # Of `azp`; empty: whichever client the token was made for.
    algorithms: Annotated[tuple[Literal["RS256", "ES256", "EdDSA"], ...], Field(min_length=1)] = ("RS256", "ES256")
    claims: Claims = Claims()
    organisations: Annotated[dict[Name, uuid.UUID], Field(min_length=1, max_length=100)]
    roles: Annotated[dict[Name, Role], Field(max_length=100)] = {}  # By what the issuer calls each.
    makes_users: bool = False
    second_factor: SecondFactor = SecondFactor()

    @classmethod
    def parse(cls, text: str) -> Self:
        """ValueError, in one line, for what is no configuration."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise ValueError(told) from error

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.issuer.startswith("http://") and not re.match(r"http://(127\.0\.0\.1|localhost)[:/]", self.issuer):
            raise ValueError("an issuer is https, unless it is on this machine")
        if self.claims.organisation is None and len(self.organisations) != 1:
            raise ValueError("without a claim that names the organisation there is exactly one of them")
        if (self.claims.roles is None) != (not self.roles):
            raise ValueError("`roles` and the claim with the roles come together")
        if self.makes_users and not self.roles:
            raise ValueError("a user is made with the role that a claim gives him: `makes_users` needs `roles`")
        # Of the platform and of no organisation: no issuer that a firm administers makes one.
        if Role.SYSTEM_ADMIN in self.roles.values():
            raise ValueError("an issuer gives nobody the role system_admin")
        return self

    @property
    def discovery_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    def subject_of(self, sub: str) -> str:
        """As our rows have it: two issuers may call two people the same."""
        return f"{self.issuer}|{sub}"


def is_of_issuer(subject: str) -> bool:
    """Whether a subject of ours is one that `OidcProvider.subject_of` made: the pool's are ids, without a bar."""
    return subject.startswith(("https://", "http://")) and "|" in subject


def verify_foreign_token(token: str, keys: SigningKeys, provider: OidcProvider) -> Told:
    """What the issuer's access token says of a person; NotAuthenticated for one that does not fit the configuration."""
    claims = decoded(
        token,
        keys,
        issuer=provider.issuer,
        algorithms=list(provider.algorithms),
        audience=provider.audience,
        require=["aud"],
    )
    if claims.get("typ", "Bearer") != "Bearer" or not _OTHER_TOKENS.isdisjoint(claims):
        raise NotAuthenticated("the token is not an access token")
    if provider.authorized_parties and claims.get("azp") not in provider.authorized_parties:
        raise NotAuthenticated("the token was made for another client")
    at = provider.claims
    sub = _text(claims, at.subject, "subject")
    issued_at = int(claims["iat"])
    return Told(
        tenant_id=_organisation(claims, provider),
        subject=provider.subject_of(sub),
        username=_text(claims, at.username, "user name").lower(),
        email=None if at.email is None else _optional_text(claims, at.email),
        roles=_roles(claims, provider),
        session_id=session_id_of(provider.issuer, sub, _text(claims, at.session, "session")),
        signed_in_at=signed_in_at(claims),
        expires_at=min(int(claims["exp"]), issued_at + LIFETIME_MAX_S),
        has_second_factor=_has_second_factor(claims, provider.second_factor),
        issuer="OIDC",
        may_be_made=provider.makes_users,
    )


def _at(claims: dict[str, Any], path: ClaimPath) -> Any:
    """None where a claim on the way is not there, or is no object."""
    value: Any = claims
    for name in path.split(".") if isinstance(path, str) else path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _optional_text(claims: dict[str, Any], path: ClaimPath) -> str | None:
    value = _at(claims, path)
    return value if isinstance(value, str) and 0 < len(value) <= 254 and value.isprintable() else None


def _text(claims: dict[str, Any], path: ClaimPath, what: str) -> str:
    value = _at(claims, path)
    if isinstance(value, int) and not isinstance(value, bool):  # Such as `auth_time`, where there is no session's id.
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= 254 or not value.isprintable():
        raise NotAuthenticated(f"the token names no {what}")
    return value


def _organisation(claims: dict[str, Any], provider: OidcProvider) -> uuid.UUID:
    if provider.claims.organisation is None:
        (only,) = provider.organisations.values()
        return only
    # Keycloak's `organization` is a list of names, or an object by name.
    value = _at(claims, provider.claims.organisation)
    named = [value] if isinstance(value, str) else list(value)[:2] if isinstance(value, list | dict) else []
    tenant_id = provider.organisations.get(named[0]) if len(named) == 1 and isinstance(named[0], str) else None
    if tenant_id is None:
        raise NotAuthenticated("the token names no organisation that this issuer may speak for")
    return tenant_id


def _roles(claims: dict[str, Any], provider: OidcProvider) -> frozenset[str] | None:
    if provider.claims.roles is None:
        return None
    value = _at(claims, provider.claims.roles)
    named = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    found = frozenset(
        str(provider.roles[each]) for each in named[:_ROLES_MAX] if isinstance(each, str) and each in provider.roles
    )
    if not found:
        raise NotAuthenticated("the token names no role that is known here")
    return found


def _has_second_factor(claims: dict[str, Any], wanted: SecondFactor) -> bool:
    amr = claims.get("amr")
    shown = {each for each in amr if isinstance(each, str)} if isinstance(amr, list) else set()
    acr = claims.get("acr")
    return not shown.isdisjoint(wanted.amr) or (isinstance(acr, str) and acr in wanted.acr)
