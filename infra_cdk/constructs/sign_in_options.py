"""What a deployment says of signing in, in `cdk.json`: an issuer beside the pool, and who needs a second factor."""

import json
from typing import Any

from constructs import Construct

SECOND_FACTOR_ROLES = "SECOND_FACTOR_ROLES"
OIDC_REQUIRED = {"issuer", "audience", "organisations"}


def sign_in_environment(scope: Construct) -> dict[str, str]:
    """What everything that believes tokens is told by its environment; nothing for what is not set.

    ValueError for what lacks a part. Its values are checked by what reads it: with a wrong one nobody is let in.
    """
    told = {}
    if provider := _provider(scope):
        told["OIDC_PROVIDER"] = json.dumps(provider, sort_keys=True)
    if roles := _second_factor_roles(scope):
        told[SECOND_FACTOR_ROLES] = ",".join(roles)
    return told


def _provider(scope: Construct) -> dict[str, Any] | None:
    """The context `oidc`: an object, or its JSON where a command line says it."""
    told = scope.node.try_get_context("oidc")
    provider = json.loads(told) if isinstance(told, str) and told else told
    if not provider:
        return None
    if not isinstance(provider, dict) or not provider.keys() >= OIDC_REQUIRED:
        raise ValueError(f"oidc: it is an object with {', '.join(sorted(OIDC_REQUIRED))}, see docs/identity.md")
    return provider


def _second_factor_roles(scope: Construct) -> list[str]:
    """The context `second_factor_roles`: a list, or names with commas between where a command line says them."""
    told = scope.node.try_get_context("second_factor_roles") or []
    return sorted(filter(None, told.split(","))) if isinstance(told, str) else sorted(told)
