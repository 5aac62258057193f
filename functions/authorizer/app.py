"""HTTP API authorizer (payload 2.0, simple response): who is behind the Authorization header.

Who is not believed is let through to the functions as such: `breakwater.runtime.api.Caller` answers 401 with a problem
document, where the gateway could only say 403 in its own words (decision 0008). So is who cannot be told, because the
database or the issuer's keys are not to be had: that is answered with 503, and when to ask again. The gateway keeps an
answer for four seconds, so that what was withdrawn is not believed for longer (decision 99).

It keeps it by the header, for whoever sends that one: so nothing here may depend on where a request comes from. Whether
a key may be used from there the functions ask, each time (decision 103). What came past the front door is kept apart:
where there is one, the gateway keeps answers by its secret too.
"""

import time
from typing import Any

from breakwater.domain.caller_context import refusal_context, to_context, unavailable_context
from breakwater.errors import Rejection, Unavailable
from breakwater.runtime.authenticator import authenticate
from breakwater.runtime.front_door import source_address
from breakwater.runtime.observability import logger, observed


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    headers = event.get("headers") or {}
    try:
        address = source_address(headers, event["requestContext"]["http"].get("sourceIp"))
        principal = authenticate(headers.get("authorization", ""), address)
        principal.check_time(int(time.time()))
    except Rejection as error:
        logger().info("not authenticated", reason=error.message)
        return {"isAuthorized": True, "context": refusal_context(error.message)}
    except Unavailable as error:
        logger().warning("cannot tell who it is", reason=error.message)
        return {"isAuthorized": True, "context": unavailable_context(error.message)}
    return {"isAuthorized": True, "context": to_context(principal)}
