"""`breakwater alerts`: what the firm was told, who took it up, and how long it waits for somebody."""

import re
from itertools import islice
from typing import Annotated

import typer

from breakwater.client import render
from breakwater.client.api import Client, every
from breakwater.client.limit_words import Misunderstood
from breakwater.client.lookup import PREFIX_CHARS_MIN, NotFound, is_id
from breakwater.client.terminal import AsJson, out, print_json, show_list, show_record, signed_in

ALERTS_SEARCHED_MAX = 500
DELIVERIES = {
    "stage": "stage",
    "way": "channel",
    "to": "destination",
    "state": "state",
    "due": "due_at",
    "sent": "sent_at",
    "why": "reason",
}
_DURATION = re.compile(r"(\d{1,5})(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}

AlertId = Annotated[str, typer.Argument(help="The alert's id, or the beginning of it.")]
Note = Annotated[str | None, typer.Option(help="What you found, or do about it.")]

alerts_app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help="What the firm was told lately, and who took it up."
)


@alerts_app.callback()
def list_alerts(context: typer.Context, as_json: AsJson = False) -> None:
    """What the firm was told lately, the newest first."""
    if context.invoked_subcommand is not None:
        return
    with signed_in() as (client, _):
        page = client.alerts()
    show_list(dict(page), render.ALERTS, as_json, empty="No alerts.")


@alerts_app.command("show")
def show_alert(alert_id: AlertId, as_json: AsJson = False) -> None:
    """One alert: who was told by which way and when, and who took it up."""
    with signed_in() as (client, _):
        found = client.alert(_find_alert_id(client, alert_id))
    if as_json:
        print_json(found)
        return
    out().print(render.fields(found["alert"]))
    out().print()
    out().print(render.table(found["deliveries"], DELIVERIES, empty="Nobody was told by a message."))


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
