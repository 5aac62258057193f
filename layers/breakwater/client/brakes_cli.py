"""`breakwater limits`: what stops a node, lets it trade again, and watches over it."""

import json
import time
from datetime import datetime
from typing import Annotated

import typer
from rich.control import Control
from rich.text import Text

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.arguments import Account, Node, Reason, account_of
from breakwater.client.limits_render import node_label
from breakwater.client.lookup import find_node_id
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, complain, out, print_json, signed_in
from breakwater.client.transport import Problem, ServerUnreachable

SERVER_TROUBLE = 500  # From this status on a heartbeat is sent again, since nobody has said no.
EVERY_S_MAX = 86_400

brakes_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@brakes_app.command("kill")
def kill(node: Node, reason: Reason, as_json: AsJson = False) -> None:
    """Stop a node: no new orders, open ones cancelled.

    Its leases are stopped first. What may still be open, or be traded by a lease, is listed, with exit code 1.
    """
    with signed_in() as (client, _):
        answer = client.kill(find_node_id(client, node), reason)
    _say_state(answer, as_json)
    if not as_json:
        count = len(answer["canceled"])
        out().print("1 order cancelled." if count == 1 else f"{count} orders cancelled.")
    if answer["leases_not_stopped"]:
        complain(
            "the engine may go by these leases until they run out, in seconds, or have orders of them open;"
            " the call may be repeated"
        )
        out(stderr=True).print("\n".join(answer["leases_not_stopped"]), highlight=False)
    if answer["failed"]:
        complain("these may still be open; the call may be repeated")
        out(stderr=True).print(render.table(answer["failed"], render.FAILED_CANCELS, empty=""))
    if answer["leases_not_stopped"] or answer["failed"]:
        raise typer.Exit(1)


@brakes_app.command("suspend")
def suspend(node: Node, reason: Reason, as_json: AsJson = False) -> None:
    """No new orders at a node; open orders stay."""
    _brake(node, "SUSPENDED", reason, as_json)


@brakes_app.command("reduce")
def reduce(node: Node, reason: Reason, as_json: AsJson = False) -> None:
    """Only what reduces at a node; open orders stay."""
    _brake(node, "REDUCE_ONLY", reason, as_json)


@brakes_app.command("rearm")
def rearm(node: Node, reason: Reason, as_json: AsJson = False) -> None:
    """Let a stopped node trade again.

    Its streaks and cool-downs begin anew.
    """
    with signed_in() as (client, _):
        answer = client.rearm(find_node_id(client, node), reason)
    _say_state(answer, as_json)


@brakes_app.command("heartbeat")
def heartbeat(
    every: Annotated[
        float | None, typer.Option(help="Keep on, every so many seconds, until Ctrl-C.", min=0.1, max=EVERY_S_MAX)
    ] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Say that somebody watches over an account.

    It has a DEAD_MAN limit. From the first one on, a silence longer than the limit cancels the account's open orders.
    """
    with signed_in() as (client, saved):
        account_id = account_of(client, account, saved)
        beat = client.heartbeat(account_id)
        _say_beat(beat, as_json)
        if every is not None:
            _warn_if_slow(beat, every)
            _keep_beating(client, account_id, beat, every, as_json)


def _brake(node: str, state: str, reason: str, as_json: bool) -> None:
    with signed_in() as (client, _):
        answer = client.brake(find_node_id(client, node), state, reason)
    _say_state(answer, as_json)


def _say_state(node: Json, as_json: bool) -> None:
    if as_json:
        print_json(node)
        return
    label = node_label(node, node["node_id"])
    out().print(label if node["state"] != "ACTIVE" else label.append("  ACTIVE", "green"), soft_wrap=True)


def _keep_beating(client: Client, account_id: str, beat: Json, every_s: float, as_json: bool) -> None:
    """Until Ctrl-C, or until the server says no. Silence of the server is told, and the next beat is sent in time."""
    due_at = time.monotonic()
    try:
        while True:
            due_at += every_s
            time.sleep(max(0.0, due_at - time.monotonic()))
            try:
                beat = client.heartbeat(account_id)
            except (ServerUnreachable, Problem) as error:
                if isinstance(error, Problem) and error.status < SERVER_TROUBLE:
                    raise
                complain(f"not heard: {error}; its orders are cancelled at {_clock(beat['expires_at'])}")
                continue
            _say_beat(beat, as_json, again=True)
    except KeyboardInterrupt:
        if not as_json:
            told = (
                f"Stopped. Without another heartbeat its open orders are cancelled at {_clock(beat['expires_at'])} UTC."
            )
            out().print(f"\n{told}", soft_wrap=True)


def _say_beat(beat: Json, as_json: bool, *, again: bool = False) -> None:
    """In the place of the last line, where a person looks."""
    if as_json:
        print(json.dumps(beat), flush=True)
        return
    console = out()
    if again and console.is_terminal:
        console.control(Control.move(0, -1))
    at, expires_at = _clock(beat["heartbeat_at"]), _clock(beat["expires_at"])
    console.print(Text(f"{at} heard; without another one its open orders are cancelled at {expires_at} UTC"))


def _warn_if_slow(beat: Json, every_s: float) -> None:
    allowed_s = (
        datetime.fromisoformat(beat["expires_at"]) - datetime.fromisoformat(beat["heartbeat_at"])
    ).total_seconds()
    if every_s >= allowed_s:
        complain(f"every {every_s:g} s is too seldom: a silence of {allowed_s:g} s cancels its orders")


def _clock(told: str) -> str:
    return told[11:19]
