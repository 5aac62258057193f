"""`breakwater outbox`: what the local run has sent, and a way to talk to its bot."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from local_cloud.outbox.messages import KINDS

LOOKED_AGAIN_AFTER_S = 0.5
TIMEOUT_S = 5
CHAT = 1001

outbox_app = typer.Typer(
    rich_markup_mode=None, help="What the local run has sent: emails, SMS, Slack, Telegram, webhook calls and pushes."
)
ChatId = Annotated[int, typer.Option("--chat", help="In whose chat: any number, which is a person of the local run.")]


@outbox_app.callback(invoke_without_command=True)
def outbox(
    ctx: typer.Context,
    *,
    kind: Annotated[str | None, typer.Option(help=f"One of {', '.join(KINDS)}.")] = None,
    to: Annotated[str | None, typer.Option(help="Only what went to an address that has this in it.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many, the newest.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", help="And what comes, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As it is kept.")] = False,
) -> None:
    """List what was sent, the newest first; with --follow in the order in which it comes."""
    if ctx.invoked_subcommand is not None:
        return
    if kind is not None and kind not in KINDS:
        _give_up(f"--kind is one of {', '.join(KINDS)}", code=2)
    wanted = {name: value for name, value in {"kind": kind, "to": to}.items() if value is not None}
    found = _messages(wanted | {"limit": str(limit)})
    if not follow:
        _show(found, as_json=as_json)
        return
    try:
        _follow(found, wanted, as_json=as_json)
    except KeyboardInterrupt:
        return


@outbox_app.command()
def say(text: str, chat: ChatId = CHAT) -> None:
    """Write to the bot as a person of the local run, such as `breakwater outbox say /help`."""
    _ask("/telegram/say", {"chat_id": chat, "text": text})


@outbox_app.command()
def press(caption: str, chat: ChatId = CHAT) -> None:
    """Press the newest button that begins so, such as `breakwater outbox press Acknowledge`."""
    _ask("/telegram/press", {"chat_id": chat, "caption": caption})


def _follow(found: list[dict[str, Any]], wanted: dict[str, str], *, as_json: bool) -> None:
    newest = 0
    while True:
        for sent in reversed(found):
            _show([sent], as_json=as_json)
            newest = max(newest, int(sent["id"]))
        time.sleep(LOOKED_AGAIN_AFTER_S)
        found = _messages(wanted | {"after": str(newest)})


def _show(messages: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    messages = list(messages)
    if as_json:
        for sent in messages:
            print(json.dumps(sent))
        return
    if not messages:
        print("Nothing was sent yet.")
    for sent in messages:
        buttons = "  ".join(f"[{button['text']}]" for button in sent["details"].get("buttons", []))
        print(f"{sent['sent_at'][11:19]}  {sent['kind']:<8} to {_plain(sent['to'])}: {_plain(sent['subject'])}")
        rest = [line for line in sent["message"].splitlines() if line != sent["subject"]]
        for line in [*rest[:20], *([f"… and {len(rest) - 20} lines more"] if len(rest) > 20 else []), buttons]:
            if line.strip():
                print(f"          {_plain(line)}")


def _plain(text: str) -> str:
    """Nothing that moves a cursor: what was sent may hold what somebody has typed."""
    return "".join(character if character.isprintable() else " " for character in text)


def _messages(wanted: dict[str, str]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = _ask(f"/messages?{urllib.parse.urlencode(wanted)}")["items"]
    return items


def _ask(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - our own http:// address
        f"{_url()}{path}", data, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        _give_up(error.read(500).decode(errors="replace"))
    except (OSError, ValueError):
        _give_up("the local run does not answer: `make up` starts it")
    return told


def _url() -> str:
    folder = Path(os.environ.get("BREAKWATER_LOCAL_DIR", ".local"))
    try:
        url: str = json.loads((folder / "endpoints.json").read_text())["outbox_url"]
    except (OSError, ValueError, KeyError):
        _give_up(f"there is no local run in {folder}: `make up` starts one, and the outbox is of the local run alone")
    return url


def _give_up(message: str, *, code: int = 1) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
