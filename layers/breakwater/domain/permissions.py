"""Who may do what: two tables, joined by "and". What stands in neither is refused."""

import ipaddress
import uuid
from dataclasses import dataclass
from enum import StrEnum

from breakwater.errors import NotAuthenticated, NotPermitted, SecondFactorRequired


class Role(StrEnum):
    TRADER = "trader"
    VIEWER = "viewer"
    DESK_HEAD = "desk_head"
    FUND_MANAGER = "fund_manager"
    RISK_MANAGER = "risk_manager"
    ORGANISATION_ADMIN = "organisation_admin"
    SYSTEM_ADMIN = "system_admin"
    AUDITOR = "auditor"


_READS = frozenset({"orders:read", "portfolio:read", "limits:read", "alerts:read"})
_TRADES = _READS | {"orders:create", "orders:cancel", "api_keys:manage"}
ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.TRADER: _TRADES,
    # A viewer's keys can do no more than the viewer: a dashboard needs one.
    Role.VIEWER: _READS | {"api_keys:manage"},
    # May stop what is below his nodes. To let it go again is for those who manage risk: they may have stopped it.
    Role.DESK_HEAD: _TRADES | {"risk:stop"},
    Role.FUND_MANAGER: _TRADES,
    Role.RISK_MANAGER: _READS
    | {"orders:cancel", "limits:history", "limits:manage", "risk:stop", "risk:manage", "users:read", "api_keys:manage"}
    | {"audit:read", "alerts:manage"},
    # Reads the audit as well, because nobody gives a role that can do what he cannot.
    Role.ORGANISATION_ADMIN: _TRADES
    | {"limits:history", "limits:manage", "risk:stop", "risk:manage", "users:read", "users:manage"}
    | {"audit:read", "audit:export", "credentials:manage", "clients:manage", "alerts:manage"},
    # Of the platform and of no organisation's business.
    Role.SYSTEM_ADMIN: frozenset({"system:monitor", "system:operate", "api_keys:manage"}),
    Role.AUDITOR: _READS | {"limits:history", "users:read", "audit:read", "audit:export"},
}
PERMISSIONS = frozenset().union(*ROLE_PERMISSIONS.values())
_NONE = frozenset[str]()

# What a signed-in person has, and no API key can be given: all that the role allows.
SESSION_SCOPE = "session"
# What a person has whose role asks for a second factor, without one: in no table, so that it allows nothing.
ENROL_SCOPE = "enrol"
SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    "read": _READS | {"limits:history", "users:read", "audit:read", "system:monitor"},
    "trade": frozenset({"orders:create", "orders:cancel", "orders:read"}),
    "cancel_only": frozenset({"orders:cancel", "orders:read"}),
    "admin": _READS
    | {"limits:history", "limits:manage", "risk:stop", "risk:manage", "users:read", "users:manage", "api_keys:manage"}
    | {"audit:read", "audit:export", "system:monitor", "system:operate", "alerts:manage"},
    SESSION_SCOPE: PERMISSIONS,
}
API_KEY_SCOPES = ("read", "trade", "cancel_only", "admin")

# These see every account of their organisation; all others those that they, their groups or their nodes are given.
ROLES_WITH_ALL_ACCOUNTS = frozenset({Role.VIEWER, Role.RISK_MANAGER, Role.ORGANISATION_ADMIN, Role.AUDITOR})

# So long anybody may go by what was true before a change. 5 s are promised, and the rest is for asking (decision 99).
PERMISSIONS_KNOWN_S = 4.0


def may_give(own: frozenset[str], role: str) -> bool:
    """Whether somebody who may do this much may give the role: nobody gives what he has not."""
    return role in ROLE_PERMISSIONS and ROLE_PERMISSIONS[role] <= own


def allows(role: str, scopes: frozenset[str], permission: str) -> bool:
    """Whether both tables have it; without making the set of all that they have, for each request asks this."""
    return permission in ROLE_PERMISSIONS.get(role, _NONE) and any(
        permission in SCOPE_PERMISSIONS.get(scope, _NONE) for scope in scopes
    )


def permissions_of(role: str, scopes: frozenset[str]) -> frozenset[str]:
    """What the role allows and one of the scopes as well; nothing for a role or scope that is not known."""
    allowed_by_scopes = _NONE.union(*(SCOPE_PERMISSIONS.get(scope, _NONE) for scope in scopes))
    return ROLE_PERMISSIONS.get(role, _NONE) & allowed_by_scopes


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a token or key stands for. A key stands for its user, narrowed by its scopes."""

    tenant_id: uuid.UUID
    subject: str  # The issuer's `sub`.
    username: str
    role: str
    scopes: frozenset[str]
    expires_at: int | None = None  # Seconds since the epoch; None: until it is revoked.
    ip_allow: tuple[str, ...] = ()  # Networks it may be used from; empty: from anywhere.
    api_key_id: str | None = None  # Or an OAuth client's; None: a person, with an access token.
    permissions_version: int = 0  # Of the user, for what lives longer than a request: another one, and it is over.
    session_id: uuid.UUID | None = None  # Of a person: what he ends when he signs out.

    @property
    def actor(self) -> str:
        return actor_of(self.username, self.api_key_id)

    @property
    def permissions(self) -> frozenset[str]:
        return permissions_of(self.role, self.scopes)

    def require(self, permission: str) -> None:
        """NotPermitted unless it is one of theirs; SecondFactorRequired where that is all that is missing."""
        self.require_second_factor()
        if not allows(self.role, self.scopes, permission):
            raise NotPermitted(f"this needs the permission {permission}", permission=permission)

    def require_second_factor(self) -> None:
        """SecondFactorRequired for a person who may do nothing but enrol one."""
        if ENROL_SCOPE in self.scopes:
            raise SecondFactorRequired("your role asks for a second factor: enrol one, and sign in with its code")

    def require_person(self, doing: str) -> None:
        """NotPermitted for an API key or a client. `doing`: what is for people, such as "re-arms a node"."""
        if self.api_key_id is not None:
            raise NotPermitted(f"a person {doing}, signed in, and no API key")

    def check_time(self, at: int) -> None:
        """NotAuthenticated when its time is over."""
        if self.expires_at is not None and at >= self.expires_at:
            raise NotAuthenticated("the access token or API key has expired")

    def check_use(self, source_ip: str | None, at: int) -> None:
        """NotAuthenticated when its time is over, or from elsewhere than allowed: asked for each request.

        The gateway keeps what the authorizer said for a while, and neither the time nor the address is what it was.
        """
        self.check_time(at)
        if self.ip_allow and not is_within(source_ip, self.ip_allow):
            raise NotAuthenticated("the API key may not be used from this address")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller(Principal):
    """Who makes this request."""

    correlation_id: str


def actor_of(username: str, api_key_id: str | None) -> str:
    """As the audit trail names it: the user, and the key where it was one; or the client of a third party alone."""
    if api_key_id is None:
        return username
    return client_actor(api_key_id) if is_client(api_key_id) else f"{username}/{api_key_id}"


def client_actor(client_id: str) -> str:
    """No name of a user has a colon."""
    return f"client:{client_id}"


def is_client(api_key_id: str) -> bool:
    """Whether it is the id of an OAuth client, which stands among the API keys."""
    return api_key_id.startswith("bwc_")


# In the words of `require_person`: else a stolen key would make itself a session that outlives it and can do more.
GIVES_RIGHTS = "gives rights"


def is_within(source_ip: str | None, networks: tuple[str, ...]) -> bool:
    """Whether the address is in one of these networks; one that is not known is in none."""
    if source_ip is None:
        return False
    address = ipaddress.ip_address(source_ip)
    return any(address in ipaddress.ip_network(network) for network in networks)
