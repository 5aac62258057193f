"""How an identity travels from the authorizer to a function: the gateway's context holds strings only."""

import uuid
from typing import Any

from breakwater.domain.permissions import Caller, Principal
from breakwater.errors import NotAuthenticated, Unavailable

# The engine invokes functions by itself and says so in the place of an API's id, which a gateway writes and no client.
ENGINE_API_ID = "engine"


def to_context(principal: Principal) -> dict[str, str]:
    return {
        "tenant_id": str(principal.tenant_id),
        "subject": principal.subject,
        "username": principal.username,
        "role": principal.role,
        "scopes": ",".join(sorted(principal.scopes)),
        "expires_at": "" if principal.expires_at is None else str(principal.expires_at),
        "ip_allow": ",".join(principal.ip_allow),
        "api_key_id": principal.api_key_id or "",
        "session_id": "" if principal.session_id is None else str(principal.session_id),
    }


def refusal_context(reason: str) -> dict[str, str]:
    """Of somebody who is not believed: `to_caller` says no with this reason."""
    return {"refusal": reason}


def unavailable_context(reason: str) -> dict[str, str]:
    """Where it could not be told who somebody is: `to_caller` says so, and when to ask again."""
    return {"unavailable": reason}


def to_caller(context: dict[str, Any] | None, correlation_id: str) -> Caller:
    """NotAuthenticated where the authorizer said so, or was not asked; Unavailable where it could not tell."""
    if context and "unavailable" in context:
        raise Unavailable(context["unavailable"])
    if not context or "refusal" in context:
        raise NotAuthenticated((context or {}).get("refusal", "this needs an access token or an API key"))
    return Caller(
        tenant_id=uuid.UUID(context["tenant_id"]),
        subject=context["subject"],
        username=context["username"],
        role=context["role"],
        scopes=frozenset(context["scopes"].split(",")) - {""},
        expires_at=int(context["expires_at"]) if context["expires_at"] else None,
        ip_allow=tuple(context["ip_allow"].split(",")) if context["ip_allow"] else (),
        api_key_id=context.get("api_key_id") or None,  # Answers from before a deploy are cached without it.
        session_id=uuid.UUID(context["session_id"]) if context.get("session_id") else None,
        correlation_id=correlation_id,
    )
