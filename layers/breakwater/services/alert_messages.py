"""What an alert looks like in a mail, a text message, Slack and a push."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.push_devices import PushDevice
from breakwater.domain.alerting import Channel
from breakwater.domain.text_messages import text_message
from breakwater.domain.times import format_time
from breakwater.services.alert_deliveries import HELD_BACK

SUBJECT_LENGTH_MAX = 100  # SNS: printable ASCII on one line, at most this long.
ALERTS_LISTED_MAX = 20
_ALONE = "The link is for you alone, good once and for a day."
PUSH_TEXT_LENGTH_MAX = 200  # A telephone shows less; in JSON a letter has up to 12 bytes.
SLACK_TEXT_LENGTH_MAX = 1_900  # Of a section Slack takes 3,000, of a line of context 2,000.
_SLACK_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SLACK_MARKS = {
    "CRITICAL": ":rotating_light:",
    "ERROR": ":red_circle:",
    "WARNING": ":warning:",
    "INFO": ":information_source:",
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message for all of `deliveries`, which are of one channel.

    `alerts`: what it tells of, the worst and newest first; more than one only where quiet hours held them back.
    `count`: of how many of its group the first one speaks. `hook`: of a Slack channel, its id and its sealed URL.
    `device`: of a push, the browser that it goes to; None where it was removed meanwhile.
    `links`: by alert, where its reader acknowledges it in his name, or in that of a channel.
    """

    channel: Channel
    deliveries: list[Delivery]
    alerts: list[Alert]
    count: int
    hook: tuple[uuid.UUID, bytes] | None = None
    device: PushDevice | None = None
    links: Mapping[uuid.UUID, str] = field(default_factory=dict)

    @property
    def alert(self) -> Alert:
        return self.alerts[0]

    @property
    def linked(self) -> list[Alert]:
        """Those for whose links the message has room: a text message has for one. A push opens the app."""
        if self.channel == "PUSH":
            return []
        if self.channel == "SMS" and len(self.alerts) > 1:
            return []
        return self.alerts[:ALERTS_LISTED_MAX]

    @property
    def destinations(self) -> list[str]:
        return sorted({each.destination for each in self.deliveries})

    @property
    def note(self) -> str | None:
        """What stands beside the alert itself."""
        reason = self.deliveries[0].reason
        return None if reason == HELD_BACK else reason

    @property
    def title(self) -> str:
        if len(self.alerts) > 1:
            return f"{len(self.alerts)} alerts, {HELD_BACK}"
        more = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.alert.title}{more}"


def subject(parcel: Parcel) -> str:
    """A node may be named in any script and on several lines."""
    text = f"{parcel.alert.severity}: {parcel.title}"
    printable = "".join(letter if " " <= letter <= "~" else "?" for letter in " ".join(text.split()))
    return printable if len(printable) <= SUBJECT_LENGTH_MAX else f"{printable[: SUBJECT_LENGTH_MAX - 3]}..."


def mail_text(parcel: Parcel) -> str:
    lines = [f"{parcel.note[0].upper()}{parcel.note[1:]}.", ""] if parcel.note else []
    if len(parcel.alerts) > 1:
        return "\n".join([*lines, *_listed(parcel), ""])
    if parcel.count > 1:
        lines += [f"{parcel.count} alerts of this kind, told in one message. The first one:", ""]
    if (link := parcel.links.get(parcel.alert.alert_id)) is None:
        how = [how_to_acknowledge(parcel.alert)]
    else:
        how = ["", f"Acknowledge it in your name: {link}", f"{_ALONE} Or: {_command(parcel.alert)}"]
    return "\n".join([*lines, parcel.alert.body, f"Alert: {parcel.alert.alert_id}", *how, ""])


def sms_text(parcel: Parcel) -> str:
    """The id comes before the title: what is cut is the title, and never the link."""
    if len(parcel.alerts) > 1:
        return text_message(f"Breakwater {parcel.alert.severity}: {parcel.title}")
    link = parcel.links.get(parcel.alert.alert_id)
    return text_message(
        f"Breakwater {parcel.alert.severity} {parcel.alert.alert_id}{f' x{parcel.count}' if parcel.count > 1 else ''}:"
        f" {parcel.alert.title}",
        end="" if link is None else f" Ack: {link}",
    )


def push_text(parcel: Parcel) -> bytes:
    """What a browser's service worker shows: a title, and which alert it opens; of several held back, the list."""
    told = {
        "alert_id": str(parcel.alert.alert_id) if len(parcel.alerts) == 1 else None,
        "severity": parcel.alert.severity,
        "title": _cut(" ".join(parcel.title.split())),
        "note": None if parcel.note is None else _cut(parcel.note),
    }
    return json.dumps(told).encode()


def slack_message(parcel: Parcel) -> dict[str, Any]:
    """The body of an incoming webhook's request: blocks, and the text of notifications."""
    title = f"{parcel.alert.severity}: {parcel.title}"
    facts = "\n".join(_listed(parcel)) if len(parcel.alerts) > 1 else parcel.alert.body.partition("\n\n")[2]
    context = [] if parcel.note is None else [_slack_text(parcel.note)]
    if len(parcel.alerts) == 1:
        link = parcel.links.get(parcel.alert.alert_id)
        how = how_to_acknowledge(parcel.alert) if link is None else f"<{link}|Acknowledge it for this channel>"
        context += [_slack_text(f"Alert {parcel.alert.alert_id}"), how]
    return {
        "text": _slack_text(title),
        "blocks": [
            _section(f"{_SLACK_MARKS[parcel.alert.severity]} *{_slack_text(title)}*"),
            *([_section(_slack_text(facts))] if facts else []),
            *({"type": "context", "elements": [{"type": "mrkdwn", "text": each}]} for each in context),
        ],
    }


def how_to_acknowledge(alert: Alert) -> str:
    return f"Acknowledge it: {_command(alert)}"


def _command(alert: Alert) -> str:
    return f"breakwater alerts ack {alert.alert_id}"


def _listed(parcel: Parcel) -> list[str]:
    lines = list[str]()
    for each in parcel.alerts[:ALERTS_LISTED_MAX]:
        lines.append(f"{each.severity} {format_time(each.created_at)} {each.title} ({each.alert_id})")
        if (link := parcel.links.get(each.alert_id)) is not None:
            lines.append(f"  acknowledge it in your name: {link}")
    more = len(parcel.alerts) - ALERTS_LISTED_MAX
    return [*lines, f"and {more} more: breakwater alerts list"] if more > 0 else lines


def _cut(text: str) -> str:
    return text if len(text) <= PUSH_TEXT_LENGTH_MAX else f"{text[: PUSH_TEXT_LENGTH_MAX - 3]}..."


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _slack_text(text: str) -> str:
    """Nobody's name becomes a link or a mention; cut, but not within what stands for one letter."""
    kept, length = list[str](), 0
    for letter in text:
        shown = _SLACK_ESCAPES.get(letter, letter)
        length += len(shown)
        if length > SLACK_TEXT_LENGTH_MAX:
            return "".join([*kept, "..."])
        kept.append(shown)
    return "".join(kept)
