"""Web push: encrypted for one browser, signed by a key of KMS, and brought to the browser's push service.

Where that is, a browser says, and so anybody can say: it is called as webhooks are, at public addresses alone.
"""

import os
import time
import uuid
from datetime import UTC, datetime
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from breakwater.domain.push import SALT_BYTES, TOKEN_LIFE_S, audience, encrypted
from breakwater.domain.webhooks import Answer
from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.settings import settings
from breakwater.runtime.signed_tokens import base64url, signed_token
from breakwater.runtime.webhooks import webhook_caller
from breakwater.services.alert_messages import Parcel, push_text
from breakwater.services.alert_sending import NotTaken
from breakwater.services.push_devices import forget_gone

CALL_TIMEOUT_S = 5.0
KEPT_FOR_S = 24 * 3600  # By the push service, for a telephone that is off: who comes back later looks at the list.
RENEWED_BEFORE_END_S = 600
TOKENS_KEPT_MAX = 100
_GONE = frozenset({404, 410})
_PASSING = frozenset({408, 429})

_tokens: dict[tuple[str, str], tuple[str, float]] = {}  # By key and audience: the token, and when it is renewed.


def push_to_browser(parcel: Parcel, tenant_id: uuid.UUID) -> None:
    """NotTaken for what is refused, or a browser that is gone, which is forgotten; Unavailable for what may pass."""
    device = parcel.device
    if device is None:
        raise NotTaken("the browser was removed before it was sent")
    body = encrypted(
        push_text(parcel),
        device.public_key,
        device.auth_secret,
        sender=ec.generate_private_key(ec.SECP256R1()),
        salt=os.urandom(SALT_BYTES),
    )
    headers = {
        "Authorization": f"vapid t={_token(device.endpoint)}, k={push_public_key()}",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_FOR_S),
        "Urgency": "high" if parcel.alert.severity in {"ERROR", "CRITICAL"} else "normal",
    }
    answer = webhook_caller().call(device.endpoint, headers, body, CALL_TIMEOUT_S)
    if answer.status in _GONE:
        with tenant_transaction(tenant_id) as tx:
            forget_gone(device, tx, datetime.now(UTC), correlation_id=parcel.alert.correlation_id)
        raise NotTaken("the browser has ended it")
    _check(answer)


def push_public_key() -> str:
    """What browsers subscribe with. Unavailable without KMS."""
    return _public_key(settings().push_key_id)


@cache
def _public_key(key_id: str) -> str:
    try:
        der = client("kms").get_public_key(KeyId=key_id)["PublicKey"]
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the key of web push could not be read") from error
    key = load_der_public_key(der)
    return base64url(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _token(endpoint: str) -> str:
    """One a push service is good for hours. Unavailable without KMS."""
    now_s, key_id, origin = time.time(), settings().push_key_id, audience(endpoint)
    known = _tokens.get((key_id, origin))
    if known is not None and now_s < known[1]:
        return known[0]
    claims: dict[str, object] = {"aud": origin, "exp": int(now_s) + TOKEN_LIFE_S}
    if (contact := settings().push_contact) is not None:
        claims["sub"] = contact
    try:
        token = signed_token(claims, key_id)
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the token of a push could not be signed") from error
    while len(_tokens) >= TOKENS_KEPT_MAX:  # Who names push services by the hundred signs anew.
        del _tokens[next(iter(_tokens))]
    _tokens[key_id, origin] = (token, now_s + TOKEN_LIFE_S - RENEWED_BEFORE_END_S)
    return token


def _check(answer: Answer) -> None:
    if answer.outcome == "DELIVERED":
        return
    if answer.status is None and answer.outcome != "ADDRESS_REFUSED":
        raise Unavailable("the push service was not reached")
    if answer.status is None:
        raise NotTaken("its push service is at an address that is not called")
    if answer.status >= 500 or answer.status in _PASSING:
        raise Unavailable(f"the push service answered {answer.status}")
    raise NotTaken(f"the push service refused it: {answer.status}")
