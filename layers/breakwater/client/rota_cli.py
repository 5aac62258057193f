"""`breakwater rota`: who is on call, now and next."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from breakwater.client import render
from breakwater.client.limit_words import parse_time
from breakwater.client.lookup import find_user
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, signed_in

PEOPLE = {"turn": "turn", "user": "username", "available": "is_available"}
SHIFTS = {"on call": "who", "from": "starts_at", "until": "ends_at", "in place of": "stands_in_for", "why": "why"}
OVERRIDES = {"user": "username", "from": "starts_at", "until": "ends_at", "by": "made_by", "id": "override_id"}

rota_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who is on call, now and next.")


@rota_app.command("show")
def show_rota(as_json: AsJson = False) -> None:
    """Who is on call now, who follows, and what was put in between."""
    with signed_in() as (client, _):
        rota = client.rota()
    _show(rota, as_json)


@rota_app.command("set")
def set_rota(
    people: Annotated[list[str], typer.Argument(help="User names, in the order of their turns.")],
    *,
    starts_on: Annotated[str, typer.Option(help="When the first one's turn begins, such as 2026-12-07.")],
    at: Annotated[str | None, typer.Option(help="When one hands over to the next, in local time: 09:00.")] = None,
    zone: Annotated[str | None, typer.Option(help="Whose local time: Europe/Berlin, by default UTC.")] = None,
    days: Annotated[int | None, typer.Option(help="How long a turn is; a week by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put these people on call, in place of the rota before; overrides stay."""
    with signed_in() as (client, _):
        user_ids = [find_user(client, each)["user_id"] for each in people]
        rota = client.set_rota(user_ids, starts_on, handover_at=at, time_zone=zone, turn_days=days)
    _show(rota, as_json)


@rota_app.command("override")
def override(
    user: Annotated[str | None, typer.Argument(help="Who is on call instead; by default yourself.")] = None,
    *,
    until: Annotated[str, typer.Option(help="Such as +8h or '2026-12-24 09:00' (UTC).")],
    since: Annotated[str | None, typer.Option("--from", help="By default now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take over for a while, or put in another."""
    now = datetime.now(UTC)
    with signed_in() as (client, _):
        user_id = client.me()["user_id"] if user is None else find_user(client, user)["user_id"]
        made = client.override_rota(user_id, parse_time(until, now), starts_at=since and parse_time(since, now))
    if as_json:
        print_json(made)
        return
    out().print(f"{made['username']} is on call from {made['starts_at']} until {made['ends_at']}.")
    out().print(f"`breakwater rota cancel {made['override_id']}` takes it back.", style="dim")


@rota_app.command("cancel")
def cancel(override_id: str) -> None:
    """Take an override back."""
    with signed_in() as (client, _):
        client.cancel_rota_override(override_id)
    out().print(f"Override {override_id} is cancelled.")


def _show(rota: Json, as_json: bool) -> None:
    if as_json:
        print_json(rota)
        return
    days, at, zone = rota["turn_days"], rota["handover_at"], rota["time_zone"]
    out().print(f"Handed over every {days} days at {at} {zone}, since {rota['starts_on']}.")
    people = [{"turn": turn, **person} for turn, person in enumerate(rota["people"], 1)]
    out().print(render.table(people, PEOPLE, empty=""))
    out().print()
    out().print(render.table([_shift(each) for each in rota["shifts"]], SHIFTS, empty=""))
    if rota["overrides"]:
        out().print()
        out().print(render.table(rota["overrides"], OVERRIDES, empty=""))


def _shift(shift: Json) -> Json:
    why = "override" if shift["is_override"] else "gone" if shift["stands_in_for"] else None
    return {**shift, "who": shift["username"] or "NOBODY", "why": why}
