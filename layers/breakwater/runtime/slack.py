"""Slack's incoming webhooks: which URLs may be one, how they are kept, and how a message is posted there."""

import ipaddress
import json
import socket
import uuid
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import InvalidRequest, Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings
from breakwater.services.alert_messages import Parcel, slack_message
from breakwater.services.alert_sending import NotTaken

HOOK_LENGTH_MAX = 500
TIMEOUT = urllib3.Timeout(connect=1.5, read=2.0)
HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
TOO_MANY_REQUESTS = 429
_REFUSED = "the hook is not one of Slack's: it begins with https://hooks.slack.com/"


def check_hook(url: str) -> None:
    """InvalidRequest unless it is an https URL of one of the configured hosts, on the usual port, without a user.

    An address on the loopback interface is configured with its port, for the local run alone, and spoken to in HTTP.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest(_REFUSED, field="hook_url") from error
    if len(url) > HOOK_LENGTH_MAX or parts.username is not None or parts.path in ("", "/"):
        raise InvalidRequest(_REFUSED, field="hook_url")
    is_slack = parts.scheme == "https" and port in (None, 443) and parts.hostname in _hosts()
    if not (is_slack or _is_local(parts)):
        raise InvalidRequest(_REFUSED, field="hook_url")


def seal_hook(url: str, channel_id: uuid.UUID, tenant_id: uuid.UUID) -> bytes:
    """Bound to its channel: in another row it opens to nothing. Unavailable without KMS."""
    try:
        answer = client("kms").encrypt(
            KeyId=settings().alert_channels_key_id,
            Plaintext=url.encode(),
            EncryptionContext=_context(channel_id, tenant_id),
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the hook could not be encrypted") from error
    sealed: bytes = answer["CiphertextBlob"]
    return sealed


def post_to_slack(parcel: Parcel, tenant_id: uuid.UUID) -> None:
    """NotTaken for a hook that is gone or refuses; Unavailable for what may pass. Redirects are not followed."""
    if parcel.hook is None:
        raise NotTaken("the channel was removed")
    channel_id, sealed = parcel.hook
    url = _open_hook(sealed, channel_id, tenant_id)
    try:
        check_hook(url)
    except InvalidRequest as error:  # The hosts of now are not those of then.
        raise NotTaken(error.message) from error
    _refuse_private_address(urlsplit(url))
    status = _post(url, slack_message(parcel))
    if status >= 500 or status == TOO_MANY_REQUESTS:
        raise Unavailable(f"Slack answered {status}")
    if status != 200:
        raise NotTaken(f"Slack refused it: {status}")


def _open_hook(sealed: bytes, channel_id: uuid.UUID, tenant_id: uuid.UUID) -> str:
    try:
        answer = client("kms").decrypt(
            KeyId=settings().alert_channels_key_id,
            CiphertextBlob=sealed,
            EncryptionContext=_context(channel_id, tenant_id),
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the hook could not be decrypted") from error
    plaintext: bytes = answer["Plaintext"]
    return plaintext.decode()


def _post(url: str, message: dict[str, Any]) -> int:
    with urllib3.PoolManager(timeout=TIMEOUT, retries=False) as web:
        try:
            answer = web.request(
                "POST",
                url,
                body=json.dumps(message).encode(),
                headers={"Content-Type": "application/json"},
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            # Its words have the URL, which is a secret.
            raise Unavailable(f"Slack was not reached: {type(error).__name__}") from None
    return answer.status


def _refuse_private_address(parts: SplitResult) -> None:
    """NotTaken where a name of Slack's leads into a private network; the configured local address is what it is."""
    if _is_local(parts) or parts.hostname is None:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable("Slack's address was not found") from error
    if not all(ipaddress.ip_address(address[0]).is_global for *_, address in found):
        raise NotTaken("the hook's host leads to a private address")


def _hosts() -> tuple[str, ...]:
    told = settings().slack_hosts
    return HOSTS if told is None else tuple(told.split(","))


def _is_local(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname == "127.0.0.1" and parts.netloc in _hosts()


def _context(channel_id: uuid.UUID, tenant_id: uuid.UUID) -> dict[str, str]:
    return {"tenant_id": str(tenant_id), "channel_id": str(channel_id)}
