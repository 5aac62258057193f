"""Who may do what: two tables, joined by "and". What stands in neither is refused."""

import ipaddress
import uuid
from dataclasses import dataclass
from enum import StrEnum

from breakwater.errors import NotAuthenticated, NotPermitted


class Role(StrEnum):
    TRADER = "trader"
    VIEWER = "viewer"
    RISK_MANAGER = "risk_manager"
    ORGANISATION_ADMIN = "organisation_admin"


_READS = frozenset({"orders:read", "portfolio:read", "limits:read", "alerts:read"})
ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.TRADER: _READS | {"orders:create", "orders:cancel", "api_keys:manage"},
    # A viewer's keys can do no more than the viewer: a dashboard needs one.
    Role.VIEWER: _READS | {"api_keys:manage"},
    Role.RISK_MANAGER: _READS | {"orders:cancel", "limits:manage", "risk:manage", "users:read", "api_keys:manage"},
    Role.ORGANISATION_ADMIN: _READS
    | {
        "orders:create",
        "orders:cancel",
        "limits:manage",
        "risk:manage",
        "users:read",
        "users:manage",
        "api_keys:manage",
        "credentials:manage",
    },
}
PERMISSIONS = frozenset().union(*ROLE_PERMISSIONS.values())

# What a signed-in person has, and no API key can be given: all that the role allows.
SESSION_SCOPE = "session"
SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    "read": _READS | {"users:read"},
    "trade": frozenset({"orders:create", "orders:cancel", "orders:read"}),
    "cancel_only": frozenset({"orders:cancel", "orders:read"}),
    "admin": _READS | {"limits:manage", "risk:manage", "users:read", "users:manage", "api_keys:manage"},
    SESSION_SCOPE: PERMISSIONS,
}
API_KEY_SCOPES = ("read", "trade", "cancel_only", "admin")

# These see every account of their organisation; a trader sees the accounts assigned to him.
ROLES_WITH_ALL_ACCOUNTS = frozenset({Role.VIEWER, Role.RISK_MANAGER, Role.ORGANISATION_ADMIN})


def permissions_of(role: str, scopes: frozenset[str]) -> frozenset[str]:
    """What the role allows and one of the scopes as well; nothing for a role or scope that is not known."""
    allowed_by_scopes = frozenset[str]().union(*(SCOPE_PERMISSIONS.get(scope, frozenset()) for scope in scopes))
    return ROLE_PERMISSIONS.get(role, frozenset()) & allowed_by_scopes


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
    api_key_id: str | None = None  # None: a person, with an access token.

    @property
    def permissions(self) -> frozenset[str]:
        return permissions_of(self.role, self.scopes)

    def require(self, permission: str) -> None:
        """NotPermitted unless it is one of theirs."""
        if permission not in self.permissions:
            raise NotPermitted(f"this needs the permission {permission}", permission=permission)

    def check_use(self, source_ip: str | None, at: int) -> None:
        """NotAuthenticated when its time is over, or from elsewhere than allowed: asked for each request.

        The gateway keeps what the authorizer said for a while, and neither the time nor the address is what it was.
        """
        if self.expires_at is not None and at >= self.expires_at:
            raise NotAuthenticated("the access token or API key has expired")
        if self.ip_allow and not _is_within(source_ip, self.ip_allow):
            raise NotAuthenticated("the API key may not be used from this address")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller(Principal):
    """Who makes this request."""

    correlation_id: str


def _is_within(source_ip: str | None, networks: tuple[str, ...]) -> bool:
    if source_ip is None:
        return False
    address = ipaddress.ip_address(source_ip)
    return any(address in ipaddress.ip_network(network) for network in networks)
