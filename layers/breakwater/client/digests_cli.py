"""`breakwater digests`: what is summed up each day and week, and when it comes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from breakwater.client.api import Client
from breakwater.client.lookup import NotFound, is_id
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, show_list, show_record, signed_in

DIGESTS = {
    "digest": "digest_id",
    "period": "period",
    "of": "starts_on",
    "subject": "subject",
    "made": "made_at",
    "mail": "mail_state",
    "mailed": "mailed_at",
    "error": "mail_error",
}
SEARCHED_MAX = 200
AS_BY_DEFAULT = "default"


class Period(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"
    DEFAULT = AS_BY_DEFAULT


HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write it there as a page, instead of showing it.")]
_SAID: dict[Switch, bool | None] = {Switch.ON: True, Switch.OFF: False, Switch.DEFAULT: None}

digests_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Daily and weekly summaries.")


@digests_app.command("list")
def list_digests(limit: Annotated[int, typer.Option(min=1, max=200)] = 20, as_json: AsJson = False) -> None:
    """Yours, the newest first."""
    with signed_in() as (client, _):
        page = client.digests(limit=limit)
    show_list(page, DIGESTS, as_json, empty="No digests yet.")


@digests_app.command("show")
def show_digest(digest_id: str, html: HtmlFile = None, as_json: AsJson = False) -> None:
    """One of them as text; the id's beginning is enough for one of the newest."""
    with signed_in() as (client, _):
        digest = client.digest(_find(client, digest_id))
    _show(digest, html, as_json)


@digests_app.command("preview")
def preview_digest(
    period: Annotated[Period, typer.Argument(help="daily or weekly")] = Period.DAILY,
    starts_on: Annotated[str | None, typer.Option(help="A day, or a week's Monday; by default what runs now.")] = None,
    html: HtmlFile = None,
    as_json: AsJson = False,
) -> None:
    """As it would be now. Nothing is kept or mailed."""
    with signed_in() as (client, _):
        preview = client.preview_digest(period.upper(), starts_on=starts_on)
    _show(preview, html, as_json)


@digests_app.command("set")
def set_digests(
    daily: Annotated[Switch | None, typer.Option(help="on, off, or default: as for your role.")] = None,
    weekly: Annotated[Switch | None, typer.Option(help="on, off, or default: as for your role.")] = None,
    hour: Annotated[int | None, typer.Option(min=0, max=23, help="Of your clock.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Such as Europe/Berlin, or default: your organisation's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which come, and when; without an option, see it. What is not said stays as it is."""
    with signed_in() as (client, _):
        settings = client.digest_preferences()
        if any(said is not None for said in (daily, weekly, hour, time_zone)):
            own = settings["own"]
            zone = None if time_zone == AS_BY_DEFAULT else time_zone
            settings = client.set_digest_preferences(
                daily=own["daily"] if daily is None else _SAID[daily],
                weekly=own["weekly"] if weekly is None else _SAID[weekly],
                hour=settings["hour"] if hour is None else hour,
                time_zone=own["time_zone"] if time_zone is None else zone,
            )
    show_record(settings if as_json else {name: each for name, each in settings.items() if name != "own"}, as_json)


def _find(client: Client, told: str) -> str:
    """By its id, or by the beginning of one that is among the newest. Raises NotFound."""
    if is_id(told):
        return told
    newest = [each["digest_id"] for each in client.digests(limit=SEARCHED_MAX)["items"]]
    found = [each for each in newest if each.startswith(told.lower())]
    if len(found) != 1:
        raise NotFound(f"{len(found) or 'no'} digests begin with {told!r}: `breakwater digests list` shows them")
    return str(found[0])


def _show(digest: Json, html: Path | None, as_json: bool) -> None:
    if html is not None:
        html.write_text(digest["html"], encoding="utf-8")
        out().print(f"Written to {html}", markup=False)
    elif as_json:
        print_json(digest)
    else:
        out().print(digest["text"], markup=False, emoji=False, highlight=False, soft_wrap=True)
