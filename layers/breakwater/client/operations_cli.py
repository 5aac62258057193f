"""`breakwater dlq`, `consumers` and `events`: the messages of the platform, for those who run it."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.arguments import Account, account_of, time_of
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, show_list, show_record, signed_in
from breakwater.client.transport import Problem

LETTERS = {
    "letter": "letter_id",
    "queue": "queue",
    "failed": "failed_at",
    "times": "receives",
    "why": "why",
    "topic": "topic",
    "account": "account_id",
}
CONSUMERS = {
    "queue": "queue",
    "state": "state",
    "behind s": "lag_s",
    "waiting": "visible",
    "in flight": "in_flight",
    "not due": "delayed",
    "dead": "dead_letters",
}
REDRIVES_MAX = 1000


class Consumer(StrEnum):
    PROJECTIONS = "projections"
    NOTIFICATIONS = "notifications"
    ALERTS = "alerts"


Queue = Annotated[str, typer.Argument(help="Such as trade-events.fifo; `breakwater consumers` lists them.")]
AnyQueue = Annotated[str | None, typer.Option("--queue", help="Of one queue; by default of all.")]
AccountId = Annotated[str | None, typer.Option("--account", help="The account's id; by default all accounts.")]

dlq_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Dead letters: messages that failed the last time, why, and how they are sent again.",
)
events_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="An account's events after a sequence number; replays of them, and read models made again from them.",
)


def consumers(as_json: AsJson = False) -> None:
    """How far each consumer of events is behind; exit code 1 if one of them is late."""
    with signed_in() as (client, _):
        page = client.consumers()
    show_list(page, CONSUMERS, as_json, empty="No queues.")
    if any(each["state"] != "OK" for each in page["items"]):
        raise typer.Exit(1)


@dlq_app.command("list")
def list_letters(queue: AnyQueue = None, as_json: AsJson = False) -> None:
    """The oldest hundred dead letters, with what is known of why."""
    with signed_in() as (client, _):
        page = client.dead_letters(queue)
    if as_json:
        print_json(page)
        return
    rows = [letter | {"why": _why(letter)} for letter in page["items"]]
    out().print(render.table(rows, LETTERS, empty="No dead letters."))
    if page["total"] > len(rows):
        out().print(f"{len(rows)} of about {page['total']}.", style="dim")


@dlq_app.command("show")
def show_letter(
    letter: Annotated[str, typer.Argument(help="The letter's id, or the beginning of it.")],
    queue: AnyQueue = None,
    as_json: AsJson = False,
) -> None:
    """One dead letter; what it says only if it is of your organisation."""
    with signed_in() as (client, _):
        found = _find(client, queue, letter)
        shown = client.dead_letter(found["queue"], found["letter_id"])
    show_record(shown, as_json)


@dlq_app.command("redrive")
def redrive(
    queue: Queue,
    letter: Annotated[str | None, typer.Argument(help="The letter's id, or the beginning of it.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the queue, in the order they failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send one dead letter, or all of a queue, to their consumer again."""
    if (letter is None) != everything:
        raise typer.BadParameter("name a letter, or say --all")
    with signed_in() as (client, _):
        if letter is not None:
            told = client.redrive(queue, _find(client, queue, letter)["letter_id"])
        else:
            told = _redrive_all(client, queue)
    if as_json:
        print_json(told)
        return
    out().print(f"{told['redriven']} sent again, about {told['left']} left.")


@events_app.callback()
def events(
    context: typer.Context,
    since: Annotated[int, typer.Option(help="The last sequence number you have.", min=0)] = 0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """An account's events after a sequence number."""
    if context.invoked_subcommand is not None:
        return
    with signed_in() as (client, saved):
        page = client.events(since, account_id=account_of(client, account, saved))
    show_list(dict(page), render.EVENTS, as_json, empty="Nothing new.")


@events_app.command("replay")
def replay(
    consumer: Annotated[Consumer, typer.Option(help="Who is told again.")],
    since: Annotated[str, typer.Option("--from", help="Such as 2026-12-01 or '2026-12-01 14:00' (UTC).")],
    until: Annotated[str, typer.Option("--to", help="Up to then, and without it.")],
    account: AccountId = None,
    as_json: AsJson = False,
) -> None:
    """Tell a consumer a period again; it does nothing then outside of the platform: no mail, no push, no webhook."""
    sent, requests = 0, 0
    with signed_in() as (client, _):
        for answer in client.replay_events(consumer.value, time_of(since), time_of(until), account_id=account):
            sent, requests = sent + answer["sent"], requests + 1
            if answer["next_cursor"] is not None and not as_json:
                out().print(f"{sent} so far", style="dim")
    if as_json:
        print_json({"replay_id": answer["replay_id"], "sent": sent})
        return
    out().print(f"{sent} events were sent to {consumer.value} again, in the order of each account.")


@events_app.command("rebuild")
def rebuild(account: AccountId = None, as_json: AsJson = False) -> None:
    """Make trades, positions, balances and orders again from the events, while everything goes on.

    It says what was other than the events; exit code 1 if an account could not be done.
    """
    rebuilt: list[Json] = []
    failed: list[Json] = []
    with signed_in() as (client, _):
        for account_id in [account] if account else client.rebuildable_accounts():
            try:
                told = client.rebuild_read_models(account_id)
            except Problem as problem:
                if account:
                    raise
                failed.append({"account_id": account_id, "detail": problem.detail})
                continue
            rebuilt.append(told)
            if not as_json:
                _show_rebuilt(told)
    if as_json:
        print_json({"items": rebuilt, "failed": failed})
    for each in failed:
        out(stderr=True).print(f"{each['account_id']}: {escape(each['detail'])}", style="red")
    if failed:
        raise typer.Exit(1)


def _show_rebuilt(told: Json) -> None:
    counts = {name: len(told[name]) for name in ("trades", "positions", "balances", "orders")}
    corrected = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    out().print(f"{told['account_id']}: {told['events']} events, {corrected or 'nothing'} corrected")
    for each in told["positions"]:
        change = " -> ".join(
            f"{each[f'quantity{when}']} at {each[f'average_price{when}']}, realised {each[f'realised_pnl{when}']}"
            for when in ("_before", "")
        )
        out().print(f"  {escape(each['symbol'])}: {change}")
    for each in told["balances"]:
        out().print(f"  {escape(each['asset'])}: {each['total_before']} -> {each['total']}")
    if told["unknown_trades"]:
        out().print(f"  without an event, left as they are: {', '.join(told['unknown_trades'])}", style="yellow")


def _redrive_all(client: Client, queue: str) -> Json:
    """Until none is left, or none moves any more."""
    redriven = 0
    for _ in range(REDRIVES_MAX):
        told = client.redrive(queue)
        redriven += told["redriven"]
        if not told["redriven"] or not told["left"]:
            break
    return {"redriven": redriven, "left": told["left"]}


def _find(client: Client, queue: str | None, beginning: str) -> Json:
    found = [each for each in client.dead_letters(queue)["items"] if each["letter_id"].startswith(beginning)]
    if len(found) != 1:
        many = "several dead letters begin" if found else "no dead letter begins"
        raise typer.BadParameter(f"{many} with {beginning}")
    return dict(found[0])


def _why(letter: Json) -> str:
    if letter["error_type"] is None:
        return "not known: its consumer was killed"
    return letter["error_type"] if letter["error"] is None else f"{letter['error_type']}: {letter['error']}"
