"""HTTP API authorizer (payload 2.0, simple response): who is behind the Authorization header.

A refusal is an answer. That the database or the issuer's keys are not to be had is an error, because the gateway
keeps an answer for five minutes and an error not at all.
"""

from typing import Any

from breakwater.errors import Rejection
from breakwater.runtime.authenticator import authenticate
from breakwater.runtime.observability import logger, observed


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The context of an authorized request is what `breakwater.runtime.api.Caller` is made of."""
    authorization = (event.get("headers") or {}).get("authorization", "")
    try:
        principal = authenticate(authorization, event["requestContext"]["http"].get("sourceIp"))
    except Rejection as error:
        logger().info("not authorized", reason=error.message)
        return {"isAuthorized": False, "context": {}}
    return {
        "isAuthorized": True,
        "context": {
            "tenant_id": str(principal.tenant_id),
            "subject": principal.subject,
            "username": principal.username,
            "role": principal.role,
            "scopes": ",".join(sorted(principal.scopes)),
        },
    }
