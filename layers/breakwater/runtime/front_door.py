"""Whether a request came through the front door (CloudFront with its firewall), and from whom.

Nothing else keeps a caller from the gateway's own address, where no firewall is (decision 101): CloudFront adds a
secret header, and the address it saw. Without EDGE_SECRET_ARN there is no front door, and the gateway's word is taken.
"""

import hmac
import json
import time
from collections.abc import Mapping
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import NotPermitted, Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings

SECRET_HEADER = "x-breakwater-edge"  # noqa: S105  # Its name.
VIEWER_HEADER = "x-breakwater-viewer"
KEPT_S = 300.0
ASKED_AGAIN_AFTER_S = 5.0  # A new secret is soon known; a caller who guesses does not make us ask each time.


def check_front_door(headers: Mapping[str, str]) -> None:
    """NotPermitted past the front door, where there is one; Unavailable when its secret cannot be read.

    `headers`: their names in small letters, as the gateway sends them.
    """
    arn = settings().edge_secret_arn
    if arn is not None and not _secrets().accept(arn, headers.get(SECRET_HEADER, "")):
        raise NotPermitted("this is not the address of the API")


def source_address(headers: Mapping[str, str], seen_by_gateway: str | None) -> str | None:
    """The caller's own address; raises as `check_front_door`."""
    check_front_door(headers)
    return seen_by_gateway if settings().edge_secret_arn is None else headers.get(VIEWER_HEADER)


class _Secrets:
    """The secret as it is and as it was: CloudFront takes minutes until every edge sends a new one."""

    def __init__(self) -> None:
        self._values: tuple[str, ...] = ()
        self._read_at = -KEPT_S

    def accept(self, arn: str, shown: str) -> bool:
        age_s = time.monotonic() - self._read_at
        if age_s >= KEPT_S or (age_s >= ASKED_AGAIN_AFTER_S and not self._matches(shown)):
            try:
                self._values = tuple(_read(arn, stage) for stage in ("AWSCURRENT", "AWSPREVIOUS"))
            except Unavailable:
                if not self._matches(shown):
                    raise
                return True  # What was right a while ago: the API does not stand still with Secrets Manager.
            self._read_at = time.monotonic()
        return self._matches(shown)

    def _matches(self, shown: str) -> bool:
        return any(value != "" and hmac.compare_digest(value.encode(), shown.encode()) for value in self._values)


@cache
def _secrets() -> _Secrets:
    return _Secrets()


def _read(arn: str, stage: str) -> str:
    """Empty where there is no version of that stage: a secret that was never rotated has no previous one."""
    try:
        answer = client("secretsmanager").get_secret_value(SecretId=arn, VersionStage=stage)
    except ClientError as error:
        if stage == "AWSPREVIOUS" and error.response["Error"]["Code"] == "ResourceNotFoundException":
            return ""
        raise Unavailable("the secret of the front door could not be read") from error
    except BotoCoreError as error:
        raise Unavailable("the secret of the front door could not be read") from error
    try:
        value: str = json.loads(answer["SecretString"])["value"]
    except (ValueError, KeyError, TypeError):
        return ""  # Written by hand, and wrongly: the version before it still opens.
    return value
