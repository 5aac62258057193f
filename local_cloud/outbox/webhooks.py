"""Somebody whose endpoint takes webhook calls, to try webhooks in the local run: what comes is kept as it came."""

import re
from collections.abc import Mapping
from http import HTTPStatus

from local_cloud.outbox.messages import Messages

_STATUS = re.compile(r"status-([2-5][0-9]{2})")


def receive(name: str, headers: Mapping[str, str], body: bytes, messages: Messages) -> HTTPStatus:
    """200; of an endpoint named such as `status-503` that status, to see what comes of it."""
    match = _STATUS.fullmatch(name)
    status = HTTPStatus.OK
    if match is not None and int(match.group(1)) in {each.value for each in HTTPStatus}:
        status = HTTPStatus(int(match.group(1)))
    subject = headers.get("Breakwater-Topic", "") or f"a call that was answered {status.value}"
    details = {"headers": dict(headers), "answered": status.value}
    messages.add("webhook", name, subject, body.decode(errors="replace"), details)
    return status
