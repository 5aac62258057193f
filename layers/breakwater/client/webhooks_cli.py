"""`breakwater webhooks`: where events are sent, and what became of them."""

import time
from typing import Annotated

import typer

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.limit_words import Misunderstood
from breakwater.client.lookup import find_account_id, find_webhook
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, show_list, signed_in

PING_WAIT_S = 20
PING_LOOK_S = 0.2
REDELIVERY_CALLS_MAX = 1_000
ENDPOINTS = {
    "endpoint": "endpoint_id",
    "name": "name",
    "state": "state",
    "url": "url",
    "topics": "topics_words",
    "waiting": "waiting",
    "failing since": "failing_since",
    "delivered": "last_delivered_at",
}
DELIVERIES = {
    "delivery": "delivery_id",
    "queued": "queued_at",
    "kind": "kind",
    "topic": "topic",
    "event": "event_id",
    "state": "state",
    "attempts": "attempts",
    "outcome": "last_outcome",
    "status": "last_status",
    "ms": "last_latency_ms",
}
ATTEMPTS = {
    "attempt": "attempt",
    "at": "at",
    "outcome": "outcome",
    "status": "status",
    "ms": "latency_ms",
    "answer": "answer",
    "detail": "detail",
}
NamedEndpoint = Annotated[str, typer.Argument(help="Its name, or its id.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Such as orders.* or trades.TradeExecuted.v1.")]
Accounts = Annotated[list[str] | None, typer.Option("--account", help="Only events of this one; once for each.")]

webhooks_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Webhooks: events sent to your servers.")


@webhooks_app.command("add")
def add_webhook(
    name: str,
    url: str,
    *,
    topic: Topics = None,
    account: Accounts = None,
    as_json: AsJson = False,
) -> None:
    """Add an endpoint, such as `breakwater webhooks add books https://example.com/hook --topic trades.*`."""
    with signed_in() as (client, _):
        account_ids = [find_account_id(client, each) for each in account or ()]
        made = client.add_webhook(name, url, topic or ["*"], account_ids=account_ids or None)
    if as_json:
        print_json(made)
        return
    out().print(f"endpoint  [bold]{made['endpoint']['endpoint_id']}[/]")
    _show_secret(made["secret"])


@webhooks_app.command("list")
def list_webhooks(as_json: AsJson = False) -> None:
    """Every endpoint of the organisation."""
    with signed_in() as (client, _):
        found = client.webhooks()
    rows = found if as_json else [_row(each) for each in found]
    show_list({"items": rows}, ENDPOINTS, as_json, empty="No webhooks.")


@webhooks_app.command("show")
def show_webhook(endpoint: NamedEndpoint, as_json: AsJson = False) -> None:
    """One endpoint: what it hears of, and how it is."""
    with signed_in() as (client, _):
        found = client.webhook(find_webhook(client, endpoint)["endpoint_id"])
    if as_json:
        print_json(found)
        return
    out().print(render.fields(_row(found)))


@webhooks_app.command("change")
def change_webhook(
    endpoint: NamedEndpoint,
    *,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    url: Annotated[str | None, typer.Option(help="Another URL; what waits is sent there.")] = None,
    topic: Topics = None,
    account: Accounts = None,
    all_accounts: Annotated[bool, typer.Option("--all-accounts", help="Of every account again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change what is said; the rest stays."""
    if account and all_accounts:
        raise Misunderstood("say --account or --all-accounts")
    with signed_in() as (client, _):
        changes: dict[str, object] = {
            name: value for name, value in (("name", name), ("url", url), ("topics", topic)) if value is not None
        }
        if account or all_accounts:
            changes["account_ids"] = [find_account_id(client, each) for each in account or ()] or None
        changed = client.change_webhook(find_webhook(client, endpoint)["endpoint_id"], **changes)
    if as_json:
        print_json(changed)
        return
    out().print(render.fields(_row(changed)))


@webhooks_app.command("rotate")
def rotate_webhook(
    endpoint: NamedEndpoint,
    *,
    overlap_s: Annotated[int, typer.Option(help="For so long the secret before signs as well.")] = 86_400,
    as_json: AsJson = False,
) -> None:
    """Give it another secret. Put it beside the old one at the receiver, and take that away when its time is over."""
    with signed_in() as (client, _):
        rotated = client.rotate_webhook(find_webhook(client, endpoint)["endpoint_id"], overlap_s=overlap_s)
    if as_json:
        print_json(rotated)
        return
    _show_secret(rotated["secret"])
    out().print(f"The secret before signs too until {rotated['older_works_until']}.")


@webhooks_app.command("ping")
def ping_webhook(endpoint: NamedEndpoint, as_json: AsJson = False) -> None:
    """Send it a ping and say what came of it; exit code 1 when it was not taken."""
    with signed_in() as (client, _):
        endpoint_id = find_webhook(client, endpoint)["endpoint_id"]
        detail = _ended(client, endpoint_id, client.ping_webhook(endpoint_id)["delivery_id"])
    if as_json:
        print_json(detail)
    else:
        out().print(render.table(detail["attempts"], ATTEMPTS, empty="Nobody has sent it yet."))
    if detail["delivery"]["state"] != "DELIVERED":
        raise typer.Exit(1)


@webhooks_app.command("log")
def show_webhook_log(
    endpoint: NamedEndpoint,
    *,
    state: Annotated[str | None, typer.Option(help="WAITING, DELIVERED or DEAD.")] = None,
    delivery: Annotated[str | None, typer.Option(help="One delivery's id: every attempt of it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """What was sent, the newest first; or every attempt of one delivery with what was answered."""
    with signed_in() as (client, _):
        endpoint_id = find_webhook(client, endpoint)["endpoint_id"]
        if delivery is not None:
            detail = client.webhook_delivery(endpoint_id, delivery)
            show_list(
                detail | {"items": detail["attempts"]} if not as_json else detail,
                ATTEMPTS,
                as_json,
                empty="No attempt.",
            )
            return
        page = client.webhook_deliveries(endpoint_id, state=state and state.upper(), limit=limit)
    show_list(page, DELIVERIES, as_json, empty="Nothing was sent.")


@webhooks_app.command("redeliver")
def redeliver_webhook(
    endpoint: NamedEndpoint,
    delivery: Annotated[str | None, typer.Argument(help="A delivery's id; or say --since.")] = None,
    *,
    since: Annotated[str | None, typer.Option(help="Everything from then on, such as 2027-01-01T09:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to then; by default up to now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send one delivery again, or all that happened in a period."""
    if (delivery is None) == (since is None) or (until is not None and since is None):
        raise Misunderstood("say a delivery's id, or --since with or without --until")
    with signed_in() as (client, _):
        endpoint_id = find_webhook(client, endpoint)["endpoint_id"]
        if delivery is not None:
            again = client.redeliver_webhook(endpoint_id, delivery)
        else:
            again = _redeliver_all(client, endpoint_id, since or "", until or _now())
    if as_json:
        print_json(again)
    elif delivery is not None:
        out().print(f"Delivery {again['delivery_id']} waits for its turn.")
    else:
        out().print(f"{again['queued']} events wait for their turn.")


@webhooks_app.command("pause")
def pause_webhook(endpoint: NamedEndpoint) -> None:
    """Send it nothing; what happens meanwhile waits."""
    with signed_in() as (client, _):
        paused = client.pause_webhook(find_webhook(client, endpoint)["endpoint_id"])
    out().print(f"{paused['name']} is paused; {paused['waiting']} events wait.", markup=False)


@webhooks_app.command("resume")
def resume_webhook(endpoint: NamedEndpoint) -> None:
    """Send it what waits, the oldest first."""
    with signed_in() as (client, _):
        resumed = client.resume_webhook(find_webhook(client, endpoint)["endpoint_id"])
    out().print(f"{resumed['name']} goes on with {resumed['waiting']} events that waited.", markup=False)
    if resumed["missed"]:
        out().print(
            f"{resumed['missed']} more did not fit into its queue: `breakwater webhooks redeliver <name>"
            f" --since {resumed['missed_since']}` sends them.",
            style="yellow",
        )


@webhooks_app.command("remove")
def remove_webhook(endpoint: NamedEndpoint) -> None:
    """With its secrets, what waits for it, and its log."""
    with signed_in() as (client, _):
        found = find_webhook(client, endpoint)
        client.remove_webhook(found["endpoint_id"])
    out().print(f"{found['name']} is removed.", markup=False)


def _ended(client: Client, endpoint_id: str, delivery_id: str) -> Json:
    """The ping's delivery when it is over, or as it is when nobody has sent it for so long."""
    give_up_at = time.monotonic() + PING_WAIT_S
    while True:
        detail = client.webhook_delivery(endpoint_id, delivery_id)
        if detail["delivery"]["state"] != "WAITING" or time.monotonic() > give_up_at:
            return detail
        time.sleep(PING_LOOK_S)


def _redeliver_all(client: Client, endpoint_id: str, since: str, until: str) -> Json:
    """A thousand at a time."""
    queued, goes_on_since = 0, since
    for _ in range(REDELIVERY_CALLS_MAX):
        again = client.redeliver_webhook_period(endpoint_id, goes_on_since, until)
        queued += again["queued"]
        if again["goes_on_since"] is None:
            break
        goes_on_since = again["goes_on_since"]
    return {"queued": queued}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))


def _show_secret(secret: str) -> None:
    out().print(f"secret    [bold]{secret}[/]", soft_wrap=True)
    out().print("The secret is shown now and never again.", style="yellow")


def _row(endpoint: Json) -> Json:
    return {**endpoint, "topics_words": ", ".join(endpoint["topics"])}
