"""The `breakwater` command."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from breakwater.client import render, session
from breakwater.client.api import Client
from breakwater.client.session import SavedSignIn, SetupError
from breakwater.client.shapes import FINAL_STATUSES, Json
from breakwater.client.transport import Problem, ServerUnreachable


class _FriendlyGroup(TyperGroup):
    """Foreseeable trouble is one line on stderr and exit code 1, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Problem as problem:
            _say_problem(problem)
        except ServerUnreachable as error:
            _complain(error.message)
        except SetupError as error:
            _complain(str(error))
        raise typer.Exit(1)


app = typer.Typer(
    cls=_FriendlyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Trade under the firm's limits.",
)
limits_app = typer.Typer(no_args_is_help=True, help="The limit tree: see it, change it, stop a node.")
app.add_typer(limits_app, name="limits")


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


AsJson = Annotated[bool, typer.Option("--json", help="The server's answer as it is.")]
Account = Annotated[str | None, typer.Option("--account", help="Account id; the first of the user by default.")]
ApiUrl = Annotated[str | None, typer.Option(help="By default that of the local run in this folder.")]
Reason = Annotated[str, typer.Option(help="Kept in the audit trail.")]


@app.command()
def sign_in(
    user: Annotated[str, typer.Option(help="User name; the local run knows its own passwords.", prompt=True)],
    password: Annotated[str | None, typer.Option(envvar="BREAKWATER_PASSWORD", show_envvar=True)] = None,
    code: Annotated[str | None, typer.Option(help="Second factor, if the user has one.")] = None,
    api_url: ApiUrl = None,
) -> None:
    """Sign in and remember the session."""
    known = {} if api_url else session.local_endpoints()
    secret = password or (session.local_password(known, user) if known else None)
    secret = secret or typer.prompt("Password", hide_input=True)
    with Client(api_url or known["api_url"]) as client:
        started = client.sign_in(user, secret, code)
        account_ids = client.me()["account_ids"]
        session.save(SavedSignIn(api_url or known["api_url"], user, account_ids, started))
    _out().print(f"Signed in as [bold]{user}[/], accounts: {', '.join(account_ids) or 'none'}.")


@app.command()
def sign_out() -> None:
    """End the session, here and on the server."""
    saved = session.load()
    session.forget()  # First, so that it is gone here even when the server does not answer.
    with Client(saved.api_url, session=saved.session) as client:
        client.sign_out()
    _out().print("Signed out.")


@app.command()
def place(
    side: Side,
    quantity: str,
    symbol: Annotated[str, typer.Argument(help="Such as ETH/USDT.")],
    *,
    at: Annotated[str | None, typer.Option(help="Limit price.")] = None,
    market: Annotated[bool, typer.Option("--market", help="At what the market gives.")] = False,
    tif: Annotated[TimeInForce | None, typer.Option(help="Time in force.")] = None,
    post_only: Annotated[bool, typer.Option("--post-only", help="Refuse rather than take.")] = False,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Only if it makes the position smaller.")] = False,
    client_order_id: Annotated[str | None, typer.Option("--id", help="Your own id; repeating it is safe.")] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Place an order: `breakwater place buy 0.5 ETH/USDT --at 2684.10`."""
    price = _price(at, market)
    with _signed_in() as (client, saved):
        order = client.place_order(
            _account(account, saved),
            symbol,
            side.name,
            quantity,
            price=price,
            client_order_id=client_order_id,
            time_in_force=tif,
            post_only=post_only,
            reduce_only=reduce_only,
        )
    _show_record(dict(order), as_json)


@app.command()
def preview(
    side: Side,
    quantity: str,
    symbol: str,
    *,
    at: Annotated[str | None, typer.Option(help="Limit price.")] = None,
    market: Annotated[bool, typer.Option("--market", help="At what the market gives.")] = False,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """What every limit would say to an order, its fees and its price; nothing is changed."""
    price = _price(at, market)
    with _signed_in() as (client, saved):
        answer = client.preview(_account(account, saved), symbol, side.name, quantity, price=price)
    _show_record(answer, as_json)
    if not as_json:
        _out().print()
        _out().print(render.table(answer["verdicts"], render.VERDICTS, empty="No limits apply."))


@app.command()
def cancel(order_id: str, as_json: AsJson = False) -> None:
    """Cancel an order; one that has ended already is an error."""
    with _signed_in() as (client, _):
        order = client.cancel(order_id)
    _show_record(dict(order), as_json)


@app.command()
def orders(
    status: Annotated[str | None, typer.Option(help="Such as NEW.")] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """The latest orders."""
    with _signed_in() as (client, _):
        page = client.orders(account_id=account, status=status)
    _show_list(dict(page), render.ORDERS, as_json, empty="No orders.")


@app.command()
def order(order_id: str, as_json: AsJson = False) -> None:
    """One order and the steps of its saga."""
    with _signed_in() as (client, _):
        found, steps = dict(client.order(order_id)), client.saga(order_id)
    if as_json:
        _print_json(found | {"saga": steps})
        return
    _out().print(render.fields(found))
    if found["status"] not in FINAL_STATUSES:
        _out().print("It is still working.", style="dim")
    _out().print()
    _out().print(render.table(steps["items"], render.SAGA, empty="No saga steps."))


@app.command()
def trades(account: Account = None, as_json: AsJson = False) -> None:
    """The latest trades."""
    with _signed_in() as (client, _):
        page = client.trades(account_id=account)
    _show_list(dict(page), render.TRADES, as_json, empty="No trades.")


@app.command()
def positions(account: Account = None, as_json: AsJson = False) -> None:
    """Positions, marked at the reference price."""
    with _signed_in() as (client, _):
        page = client.positions(account_id=account)
    _show_list(dict(page), render.POSITIONS, as_json, empty="No positions.")


@app.command()
def portfolio(account: Account = None, as_json: AsJson = False) -> None:
    """Balances, equity and P&L."""
    with _signed_in() as (client, _):
        answer = client.portfolio(account_id=account)
    if as_json:
        _print_json(answer)
        return
    for account_worth in answer["items"]:
        _out().print(render.fields(account_worth))
        _out().print()
        _out().print(render.table(account_worth["balances"], render.BALANCES, empty="No balances."))
        _out().print()
        _out().print(render.table(account_worth["positions"], render.POSITIONS, empty="No positions."))


@app.command()
def alerts(as_json: AsJson = False) -> None:
    """What the firm was told lately."""
    with _signed_in() as (client, _):
        page = client.alerts()
    _show_list(dict(page), render.ALERTS, as_json, empty="No alerts.")


@app.command()
def events(
    since: Annotated[int, typer.Option(help="The last sequence number you have.", min=0)] = 0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """An account's events after a sequence number."""
    with _signed_in() as (client, saved):
        page = client.events(since, account_id=_account(account, saved))
    _show_list(dict(page), render.EVENTS, as_json, empty="Nothing new.")


@app.command()
def health(api_url: ApiUrl = None, as_json: AsJson = False) -> None:
    """The state of every dependency; exit code 1 when one is down."""
    with Client(api_url or session.local_endpoints()["api_url"]) as client:
        answer = client.health()
    if as_json:
        _print_json(answer)
        return
    rows = [{"dependency": name} | told for name, told in answer["dependencies"].items()]
    _out().print(render.table(rows, render.HEALTH, empty="No dependencies."))


@limits_app.command("tree")
def limits_tree(as_json: AsJson = False) -> None:
    """The tree of nodes, with every limit and how much of it is used."""
    with _signed_in() as (client, _):
        answer = client.limits_tree()
    if as_json:
        _print_json(answer)
        return
    for root in answer["items"]:
        _out().print(render.limits_tree(root))


@limits_app.command("usage")
def limits_usage(node_id: str, as_json: AsJson = False) -> None:
    """One node's limits and their use."""
    with _signed_in() as (client, _):
        answer = client.limits_usage(node_id)
    _show_list(answer, render.USAGE, as_json, empty="No limits on this node.")


@limits_app.command("set")
def limits_set(
    node_id: str,
    limit_type: Annotated[str, typer.Argument(help="Such as MAX_ORDER_QTY.")],
    value: str,
    instrument: Annotated[str, typer.Option(help="A symbol, or * for all.")] = "*",
) -> None:
    """Set a node's limit, or change it."""
    with _signed_in() as (client, _):
        answer = client.set_limit(node_id, limit_type.upper(), value=value, instrument=instrument)
    _show_record(answer, as_json=False)
    for warning in answer["warnings"]:
        _out().print(f"[yellow]note:[/] {escape(warning)}")


@limits_app.command("kill")
def limits_kill(node_id: str, reason: Reason) -> None:
    """Stop a node: no new orders, open ones cancelled."""
    with _signed_in() as (client, _):
        answer = client.kill(node_id, reason)
    _show_record(answer, as_json=False)
    _out().print(f"{len(answer['canceled'])} orders cancelled.")
    if answer["failed"]:
        _complain("these may still be open; the call may be repeated")
        _out().print(render.table(answer["failed"], render.FAILED_CANCELS, empty=""))
        raise typer.Exit(1)


@limits_app.command("rearm")
def limits_rearm(node_id: str, reason: Reason) -> None:
    """Let a stopped node trade again."""
    with _signed_in() as (client, _):
        answer = client.rearm(node_id, reason)
    _show_record(answer, as_json=False)


@contextmanager
def _signed_in() -> Iterator[tuple[Client, SavedSignIn]]:
    saved = session.load()
    with Client(saved.api_url, session=saved.session) as client:
        try:
            yield client, saved
        finally:
            # A refreshed session is kept even when the call itself failed.
            if client.session is not None and client.session != saved.session:
                session.save(SavedSignIn(saved.api_url, saved.username, saved.account_ids, client.session))


def _account(chosen: str | None, saved: SavedSignIn) -> str:
    if chosen:
        return chosen
    if not saved.account_ids:
        raise SetupError(f"{saved.username} has no account of their own: say --account")
    return saved.account_ids[0]


def _price(at: str | None, market: bool) -> str | None:
    if (at is None) != market:
        raise typer.BadParameter("say either --at PRICE or --market")
    return at


def _show_record(record: Json, as_json: bool) -> None:
    if as_json:
        _print_json(record)
    else:
        _out().print(render.fields(record))


def _show_list(page: Json, columns: dict[str, str], as_json: bool, *, empty: str) -> None:
    if as_json:
        _print_json(page)
    else:
        _out().print(render.table(page["items"], columns, empty=empty))


def _print_json(answer: Json) -> None:
    print(json.dumps(answer, indent=2))


def _out() -> Console:
    # Piped output is not cut at 80 columns: a script wants whole ids.
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"[red]error:[/] {escape(message)}", highlight=False)


def _say_problem(problem: Problem) -> None:
    # API Gateway itself answers 403, and no problem document, when the authorizer says no.
    not_let_in = problem.status == 401 or problem.code == "HTTP_403"
    hint = ": run `breakwater sign-in`" if not_let_in and session.session_file().exists() else ""
    traced = f" [{problem.correlation_id}]" if problem.correlation_id else ""
    wrong = "".join(f"; {error['field']}: {error['message']}" for error in problem.document.get("errors", []))
    _complain(f"{problem}{wrong}{hint}{traced}")
    if problem.refusals:
        Console(stderr=True, width=160).print(render.table(problem.refusals, render.REFUSALS, empty=""))
