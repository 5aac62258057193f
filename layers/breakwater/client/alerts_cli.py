"""`breakwater alerts`: what the firm was told, who heard of it and took it up, and who hears of what."""

import json
import re
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.limit_words import Misunderstood
from breakwater.client.lookup import PREFIX_CHARS_MIN, NotFound, find_node_id, is_id
from breakwater.client.pages import every
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, complain, out, print_json, show_list, show_record, signed_in

DELIVERIES = {
    "stage": "stage",
    "channel": "channel",
    "to": "destination",
    "state": "state",
    "due": "due_at",
    "sent": "sent_at",
    "tries": "attempts",
    "why": "reason",
}
ROUTES = {"category": "category", "audiences": "audiences"}
AUDIENCES = {"audience": "audience", "roles": "roles", "groups": "groups"}
SEVERITIES = {"severity": "severity", "told by": "channels"}
CHANNELS = {"channel": "channel_id", "name": "name", "told of": "categories_words", "made": "created_at"}
SUPPRESSIONS = {
    "suppression": "suppression_id",
    "what": "what",
    "from": "starts_at",
    "until": "ends_at",
    "reason": "reason",
    "by": "created_by",
    "ended by": "ended_by",
}
FILE_BYTES_MAX = 100_000
ALERTS_SEARCHED_MAX = 500
_DURATION = re.compile(r"(\d{1,5})(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
AlertId = Annotated[str, typer.Argument(help="The alert's id, or the beginning of it.")]
Note = Annotated[str | None, typer.Option(help="What you found, or do about it.")]
Category = Annotated[str | None, typer.Option(help="Such as RISK or SYSTEM.")]
Severity = Annotated[str | None, typer.Option(help="INFO, WARNING, ERROR or CRITICAL.")]

alerts_app = typer.Typer(rich_markup_mode=None, help="What the firm was told; without a command: lately.")
channels_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Slack channels of the organisation.")
suppress_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Times in which nobody is told.")
contact_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="How you are reached, and when not.")
alerts_app.add_typer(channels_app, name="channels")
alerts_app.add_typer(suppress_app, name="suppressions")
alerts_app.add_typer(contact_app, name="contact")


@alerts_app.callback(invoke_without_command=True)
def alerts(context: typer.Context, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_alerts(as_json=as_json)


@alerts_app.command("list")
def list_alerts(
    category: Category = None,
    severity: Severity = None,
    *,
    is_open: Annotated[bool, typer.Option("--open", help="Only what nobody has acknowledged.")] = False,
    as_json: AsJson = False,
) -> None:
    """What the firm was told lately."""
    with signed_in() as (client, _):
        page = client.alerts(category=category, severity=severity, is_open=True if is_open else None)
    show_list(dict(page), render.ALERTS, as_json, empty="No alerts.")


@alerts_app.command("show")
def show_alert(alert_id: AlertId, as_json: AsJson = False) -> None:
    """One alert, and who was told of it: when, by which way, and how it ended."""
    with signed_in() as (client, _):
        found = client.alert(_find_alert_id(client, alert_id))
    if as_json:
        print_json(found)
        return
    show_record(found["alert"], as_json=False)
    show_list({"items": found["deliveries"]}, DELIVERIES, False, empty="Nobody was to be told.")


@alerts_app.command("ack")
def acknowledge(
    alert_id: Annotated[str | None, typer.Argument(help="The alert's id, or the beginning of it.")] = None,
    *,
    all_of: Annotated[str | None, typer.Option(help="Every alert of this group, however bad.")] = None,
    note: Note = None,
    as_json: AsJson = False,
) -> None:
    """Take up an alert: nobody else is told of it, nor of those of its group that are no worse."""
    if (alert_id is None) == (all_of is None):
        raise Misunderstood("say the alert's id, or --all-of and a group")
    with signed_in() as (client, _):
        if all_of is not None:
            alert = client.acknowledge_group(all_of, note=note)
        else:
            alert = client.acknowledge(_find_alert_id(client, str(alert_id)), note=note)
    if as_json:
        print_json(alert)
        return
    out().print(f"{alert['title']}: acknowledged by {alert['acknowledged_by']} at {alert['acknowledged_at']}.")


@alerts_app.command("escalation")
def escalation(
    *,
    first: Annotated[str | None, typer.Option(help="Until others are told, such as 15m or 20s.")] = None,
    second: Annotated[str | None, typer.Option(help="Until more are told, from the same beginning: 30m.")] = None,
    bridge: Annotated[str | None, typer.Option(help="Where people meet: https://… or +49…; - for nowhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """How long an alert waits for somebody to acknowledge it; with options, another time or place."""
    with signed_in() as (client, _):
        told = client.escalation()
        if first or second or bridge:
            told = client.set_escalation(
                told["first_s"] if first is None else _seconds(first),
                told["second_s"] if second is None else _seconds(second),
                incident_bridge=told["incident_bridge"] if bridge is None else None if bridge == "-" else bridge,
            )
    show_record(told, as_json)


@alerts_app.command("routes")
def routes(
    file: Annotated[Path | None, typer.Argument(help="JSON as --json shows it: it takes the place of all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Whom alerts are for, and how they are told: shown, or set from a file."""
    with signed_in() as (client, _):
        found = client.alert_routes() if file is None else client.set_alert_routes(_read(file))
    if as_json:
        print_json(found)
        return
    rows = [{"category": name, "audiences": ", ".join(each)} for name, each in found["routes"].items()]
    show_list({"items": rows}, ROUTES, False, empty="")
    rows = [
        {"audience": name, "roles": ", ".join(each["roles"]), "groups": ", ".join(each["group_ids"])}
        for name, each in found["audiences"].items()
    ]
    show_list({"items": rows}, AUDIENCES, False, empty="")
    rows = [{"severity": name, "channels": ", ".join(each)} for name, each in found["channels"].items()]
    show_list({"items": rows}, SEVERITIES, False, empty="")


@channels_app.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """By name; their hooks are shown to nobody."""
    with signed_in() as (client, _):
        found = client.alert_channels()
    rows = [{**each, "categories_words": ", ".join(each["categories"]) or "all"} for each in found]
    show_list({"items": found if as_json else rows}, CHANNELS, as_json, empty="No Slack channels.")


@channels_app.command("add")
def add_channel(
    name: str,
    *,
    category: Annotated[list[str] | None, typer.Option(help="Only of these; once for each.")] = None,
    hook_url: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Of the incoming webhook.")],
    as_json: AsJson = False,
) -> None:
    """Have a Slack channel told, such as `breakwater alerts channels add risk --category RISK`; asks for the hook."""
    with signed_in() as (client, _):
        added = client.add_alert_channel(name, hook_url, categories=category or None)
    show_record(added, as_json)


@channels_app.command("remove")
def remove_channel(channel_id: str) -> None:
    """What is still to be sent there fails."""
    with signed_in() as (client, _):
        client.remove_alert_channel(channel_id)
    out().print(f"Channel {channel_id} is told no more.")


@suppress_app.command("list")
def list_suppressions(as_json: AsJson = False) -> None:
    """Those that are over too, the latest first."""
    with signed_in() as (client, _):
        found = client.alert_suppressions()
    rows = [{**each, "what": _what(each)} for each in found]
    show_list({"items": found if as_json else rows}, SUPPRESSIONS, as_json, empty="Nothing is suppressed.")


@suppress_app.command("add")
def suppress(
    reason: str,
    *,
    until: Annotated[str, typer.Option(help="Such as 2027-01-01T06:00:00Z.")],
    since: Annotated[str | None, typer.Option("--from", help="By default now.")] = None,
    category: Category = None,
    kind: Annotated[str | None, typer.Option(help="Such as NODE_STATE.")] = None,
    node: Annotated[str | None, typer.Option(help="What the alert is about: a node's name or id.")] = None,
    critical: Annotated[bool, typer.Option("--critical", help="What is CRITICAL too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell nobody of alerts that match all that is named, until then; the history has them."""
    with signed_in() as (client, _):
        made = client.suppress_alerts(
            ends_at=until,
            reason=reason,
            category=category,
            kind=kind,
            node_id=node and find_node_id(client, node),
            starts_at=since,
            includes_critical=critical,
        )
    show_record(made, as_json)


@suppress_app.command("end")
def end_suppression(suppression_id: str) -> None:
    """Before its time."""
    with signed_in() as (client, _):
        client.end_suppression(suppression_id)
    out().print(f"Suppression {suppression_id} is over.")


@contact_app.command("show")
def show_contact(as_json: AsJson = False) -> None:
    """How you are reached, and when you are not."""
    with signed_in() as (client, _):
        _show_contact(client.contact(), as_json)


@contact_app.command("quiet")
def set_quiet_hours(
    time_zone: Annotated[str | None, typer.Argument(help="Such as Europe/Berlin; left out: no quiet hours.")] = None,
    *,
    begins: Annotated[str, typer.Option("--from")] = "22:00",
    until: str = "07:00",
    day: Annotated[list[int] | None, typer.Option(help="On which they begin, 1 is Monday; once for each.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hours in which only what is CRITICAL reaches you; the rest comes in one message when they end."""
    with signed_in() as (client, _):
        _show_contact(client.set_quiet_hours(time_zone, begins, until, day or None), as_json)


@contact_app.command("phone")
def set_phone(
    phone: Annotated[str | None, typer.Argument(help="Such as +4915112345678; left out: none any more.")] = None,
    *,
    code: Annotated[str | None, typer.Option(help="What was sent there.")] = None,
    as_json: AsJson = False,
) -> None:
    """The phone for text messages: asks for the code that is sent there, unless --code says it later."""
    with signed_in() as (client, _):
        if phone is None and code is None:
            client.remove_phone()
            out().print("No text messages are sent to you.")
            return
        if phone is not None:
            client.send_phone_code(phone)
            code = code or typer.prompt("The code that was sent there", hide_input=False)
        _show_contact(client.confirm_phone(str(code)), as_json)


def _show_contact(contact: Json, as_json: bool) -> None:
    hours = contact["quiet_hours"]
    words = hours and f"{hours['begins']} to {hours['until']} in {hours['time_zone']}, days {hours['days']}"
    show_record(contact if as_json else {**contact, "quiet_hours": words}, as_json)


def _what(suppression: Json) -> str:
    named = [suppression[name] for name in ("category", "kind", "node_id") if suppression[name] is not None]
    return " ".join(named) + (" and CRITICAL" if suppression["includes_critical"] else "")


def _read(path: Path) -> Json:
    try:
        with path.open() as file:
            told = json.loads(file.read(FILE_BYTES_MAX))
    except (OSError, ValueError) as error:
        complain(f"{path} cannot be read: {error.strerror if isinstance(error, OSError) else 'it is no JSON'}")
        raise typer.Exit(1) from error
    if not isinstance(told, dict):
        complain(f"{path} is no object")
        raise typer.Exit(1)
    return told


def _find_alert_id(client: Client, told: str) -> str:
    """Raises NotFound for what is the beginning of no id among the latest, or of several."""
    if is_id(told):
        return told
    latest = islice(every(client.alerts), ALERTS_SEARCHED_MAX)
    found = [each["alert_id"] for each in latest if each["alert_id"].startswith(told.lower())]
    if len(told) < PREFIX_CHARS_MIN or len(found) != 1:
        raise NotFound(
            f"{len(found)} of the latest alerts begin with {told!r}: `breakwater alerts --json` has their ids"
        )
    return str(found[0])


def _seconds(told: str) -> int:
    duration = _DURATION.fullmatch(told)
    if duration is None:
        raise Misunderstood(f"{told!r} is no duration: say 20s, 15m or 2h")
    return int(duration[1]) * _SECONDS[duration[2]]
