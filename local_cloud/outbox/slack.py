"""A Slack that takes what incoming webhooks are sent, and answers as Slack does.

https://api.slack.com/messaging/webhooks#handling_errors
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from local_cloud.outbox.messages import Messages

RETRY_AFTER_S = 3
# Channels that are not as they should be, to try what comes of it.
_ANSWERS = {
    "gone": (HTTPStatus.NOT_FOUND, "no_service"),
    "archived": (HTTPStatus.GONE, "channel_is_archived"),
    "forbidden": (HTTPStatus.FORBIDDEN, "action_prohibited"),
    "slow": (HTTPStatus.TOO_MANY_REQUESTS, "rate_limited"),
    "broken": (HTTPStatus.INTERNAL_SERVER_ERROR, "rollup_error"),
}

type Answer = tuple[HTTPStatus, str, dict[str, str]]


def receive(channel: str, body: bytes, messages: Messages) -> Answer:
    """What Slack answers to a message for the channel, which is in the outbox if it was taken."""
    if channel in _ANSWERS:
        status, text = _ANSWERS[channel]
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
        return status, text, headers
    try:
        told = json.loads(body)
    except ValueError:
        return HTTPStatus.BAD_REQUEST, "invalid_payload", {}
    if not isinstance(told, dict):
        return HTTPStatus.BAD_REQUEST, "invalid_payload", {}
    text = "\n".join(_texts(told))
    if not text:
        return HTTPStatus.BAD_REQUEST, "no_text", {}
    messages.add("slack", channel, text.splitlines()[0], text, {"payload": told})
    return HTTPStatus.OK, "ok", {}


def _texts(told: Mapping[str, Any]) -> list[str]:
    """Of the message itself, or of its blocks where it has no other."""
    if isinstance(told.get("text"), str) and told["text"].strip():
        return [told["text"]]
    blocks = told.get("blocks")
    found = [each.get("text") for each in blocks if isinstance(each, dict)] if isinstance(blocks, list) else []
    return [str(text["text"]) for text in found if isinstance(text, dict) and text.get("text")]
