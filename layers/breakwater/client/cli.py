"""The `breakwater` command."""

from typing import Annotated

import typer

from breakwater.client import render, session
from breakwater.client.alerts_cli import alerts_app
from breakwater.client.api import Client
from breakwater.client.arguments import (
    Account,
    At,
    ForTheDay,
    GoodTill,
    Located,
    Market,
    OrderId,
    OwnId,
    PostOnly,
    ReduceOnly,
    SideOf,
    Strategy,
    Symbol,
    Tif,
    account_of,
    lifetime,
    one_price,
)
from breakwater.client.audit_cli import audit_app
from breakwater.client.bracket_cli import bracket
from breakwater.client.credentials_cli import credentials_app
from breakwater.client.digests_cli import digests_app
from breakwater.client.keys_cli import keys_app
from breakwater.client.limits_cli import limits_app
from breakwater.client.lookup import find_account_id, find_node_id, find_order_id
from breakwater.client.metric_rules_cli import list_metrics, rules_app
from breakwater.client.oauth_cli import oauth_clients_app
from breakwater.client.operations_cli import consumers, dlq_app, events_app
from breakwater.client.order_render import children_state, order_fields, order_list
from breakwater.client.people_cli import accounts_app, groups_app, users_app
from breakwater.client.placing import send_order, send_replace, show_placed, show_preview, show_replaced
from breakwater.client.plugins import ExtensibleGroup
from breakwater.client.rota_cli import rota_app
from breakwater.client.session import SavedSignIn
from breakwater.client.shapes import FINAL_STATUSES
from breakwater.client.telegram_cli import telegram_app
from breakwater.client.terminal import (
    AsJson,
    out,
    print_json,
    show_list,
    signed_in,
)
from breakwater.client.transport import Problem
from breakwater.client.webhooks_cli import webhooks_app
from breakwater.client.work_cli import execution, work

app = typer.Typer(
    cls=ExtensibleGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Trade under the firm's limits.",
)
app.add_typer(alerts_app, name="alerts")
app.add_typer(limits_app, name="limits")
app.add_typer(keys_app, name="keys")
app.add_typer(oauth_clients_app, name="oauth-clients")
app.add_typer(webhooks_app, name="webhooks")
alerts_app.add_typer(rules_app, name="rules")
alerts_app.command("metrics")(list_metrics)
app.add_typer(audit_app, name="audit")
app.add_typer(digests_app, name="digests")
app.add_typer(users_app, name="users")
app.add_typer(groups_app, name="groups")
app.add_typer(accounts_app, name="accounts")
app.add_typer(credentials_app, name="credentials")
app.add_typer(events_app, name="events")
app.add_typer(dlq_app, name="dlq")
app.add_typer(alerts_app, name="alerts")
app.add_typer(rota_app, name="rota")
app.add_typer(telegram_app, name="telegram")


ApiUrl = Annotated[str | None, typer.Option(help="By default that of the local run in this folder.")]


@app.command()
def sign_in(
    user: Annotated[str, typer.Option(help="User name; the local run knows its own passwords.", prompt=True)],
    password: Annotated[str | None, typer.Option(envvar="BREAKWATER_PASSWORD", show_envvar=True)] = None,
    code: Annotated[str | None, typer.Option(help="Second factor, if the user has one.")] = None,
    new_password: Annotated[
        str | None,
        typer.Option(
            envvar="BREAKWATER_NEW_PASSWORD", help="Your own, in place of the temporary one of an invitation."
        ),
    ] = None,
    api_url: ApiUrl = None,
) -> None:
    """Sign in and remember the session."""
    known = {} if api_url else session.local_endpoints()
    secret = password or (session.local_password(known, user) if known else None)
    secret = secret or typer.prompt("Password", hide_input=True)
    with Client(api_url or known["api_url"]) as client:
        started = client.sign_in(user, secret, code, new_password=new_password)
        try:
            account_ids = client.me()["account_ids"]
        except Problem as problem:
            if problem.code != "SECOND_FACTOR_REQUIRED":
                raise
            session.save(SavedSignIn(api_url or known["api_url"], user, [], started))
            out().print("Your role asks for a second factor: run `breakwater users totp`, then sign in with --code.")
            return
        session.save(SavedSignIn(api_url or known["api_url"], user, account_ids, started))
    out().print(f"Signed in as [bold]{user}[/], accounts: {', '.join(account_ids) or 'none'}.")


@app.command()
def sign_out(
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Every session of yours, on whatever machine.")
    ] = False,
) -> None:
    """End the session, here and on the server."""
    saved = session.load()
    session.forget()  # First, so that it is gone here even when the server does not answer.
    with Client(saved.api_url, session=saved.session) as client:
        client.sign_out(everywhere=everywhere)
    out().print("Signed out.")


@app.command()
def place(
    side: SideOf,
    quantity: str,
    symbol: Symbol,
    *,
    at: At = None,
    market: Market = False,
    tif: Tif = None,
    until: GoodTill = None,
    day: ForTheDay = False,
    post_only: PostOnly = False,
    reduce_only: ReduceOnly = False,
    strategy: Strategy = None,
    located: Located = False,
    own_id: OwnId = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Place an order.

    Such as `breakwater place buy 0.5 ETH/USDT --at 2684.10`, or with --market in place of a price.
    """
    price = one_price(at, market)
    time_in_force, expire_time = lifetime(tif, until, day)
    with signed_in() as (client, saved):
        order = send_order(
            client,
            account_of(client, account, saved),
            symbol.upper(),
            side.name,
            quantity,
            price=price,
            own_id=own_id,
            time_in_force=time_in_force,
            expire_time=expire_time,
            post_only=post_only,
            reduce_only=reduce_only,
            strategy_id=strategy and find_node_id(client, strategy),
            located=located,
        )
    show_placed(order, as_json)


app.command()(work)
app.command()(bracket)


@app.command()
def preview(
    side: SideOf,
    quantity: str,
    symbol: Symbol,
    *,
    at: At = None,
    market: Market = False,
    strategy: Strategy = None,
    located: Located = False,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """What the limits would say to an order.

    The verdict of each, the fees and the price. Nothing is placed and nothing reserved.
    """
    price = one_price(at, market)
    with signed_in() as (client, saved):
        answer = client.preview(
            account_of(client, account, saved),
            symbol.upper(),
            side.name,
            quantity,
            price=price,
            strategy_id=strategy and find_node_id(client, strategy),
            located=located,
        )
    show_preview(answer, as_json)


@app.command()
def replace(
    order_id: OrderId,
    *,
    price: Annotated[str | None, typer.Option(help="Another limit price.")] = None,
    quantity: Annotated[str | None, typer.Option(help="Another quantity, with what has traded.")] = None,
    own_id: OwnId = None,
    as_json: AsJson = False,
) -> None:
    """Give an order that rests another price, another quantity, or both.

    A smaller quantity at the same price keeps its place in the book; anything else loses it.
    """
    with signed_in() as (client, _):
        whole_id = find_order_id(client, order_id)
        order, replaced = send_replace(client, whole_id, quantity=quantity, price=price, own_id=own_id)
    show_replaced(order, replaced, as_json)


@app.command()
def cancel(order_id: OrderId, as_json: AsJson = False) -> None:
    """Cancel an order; one that has ended already is an error."""
    with signed_in() as (client, _):
        order = client.cancel(find_order_id(client, order_id))
    show_placed(order, as_json)


@app.command()
def orders(
    status: Annotated[str | None, typer.Option(help="Such as NEW.")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Those that may still trade.")] = False,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """The latest orders."""
    with signed_in() as (client, _):
        account_id = account and find_account_id(client, account)
        page = client.orders(account_id=account_id, status=status and status.upper(), open_only=open_only)
    if as_json:
        print_json(dict(page))
    else:
        out().print(order_list(page["items"], empty="No orders."))


@app.command()
def order(order_id: OrderId, as_json: AsJson = False) -> None:
    """One order, the steps of its saga and its replaces.

    With how its children stand, where the router works it.
    """
    with signed_in() as (client, _):
        whole_id = find_order_id(client, order_id)
        found, steps, replaces = client.order(whole_id), client.saga(whole_id), client.replaces(whole_id)
        worked = client.execution(whole_id) if found.get("execution") and not as_json else None
    if as_json:
        print_json(dict(found) | {"saga": steps, "replaces": replaces})
        return
    out().print(order_fields(found))
    if found["status"] not in FINAL_STATUSES:
        out().print("It is still working.", style="dim")
    if worked is not None:
        out().print()
        out().print(children_state(worked))
        out().print(f"`breakwater execution {whole_id[:8]}` tells more, and what it cost.", style="dim")
    out().print()
    out().print(render.table(steps["items"], render.SAGA, empty="No saga steps."))
    if replaces["items"]:
        out().print()
        out().print(render.table(replaces["items"], render.REPLACES, empty=""))


app.command()(execution)


@app.command()
def trades(account: Account = None, as_json: AsJson = False) -> None:
    """The latest trades."""
    with signed_in() as (client, _):
        page = client.trades(account_id=account and find_account_id(client, account))
    show_list(dict(page), render.TRADES, as_json, empty="No trades.")


@app.command()
def positions(account: Account = None, as_json: AsJson = False) -> None:
    """Positions, marked at the reference price."""
    with signed_in() as (client, _):
        page = client.positions(account_id=account and find_account_id(client, account))
    show_list(dict(page), render.POSITIONS, as_json, empty="No positions.")


@app.command()
def portfolio(account: Account = None, as_json: AsJson = False) -> None:
    """Balances, equity and P&L."""
    with signed_in() as (client, _):
        answer = client.portfolio(account_id=account and find_account_id(client, account))
    if as_json:
        print_json(answer)
        return
    for account_worth in answer["items"]:
        out().print(render.fields(account_worth))
        out().print()
        out().print(render.table(account_worth["balances"], render.BALANCES, empty="No balances."))
        out().print()
        out().print(render.table(account_worth["positions"], render.POSITIONS, empty="No positions."))


app.command()(consumers)


@app.command()
def health(api_url: ApiUrl = None, as_json: AsJson = False) -> None:
    """The state of every dependency; exit code 1 unless all are up."""
    with Client(api_url or session.local_endpoints()["api_url"]) as client:
        answer = client.health()
    if as_json:
        print_json(answer)
    rows = [{"dependency": name} | told for name, told in answer["dependencies"].items()]
    if not as_json:
        out().print(render.table(rows, render.HEALTH, empty="No dependencies."))
        for row in rows:
            if unserved := row.get("unserved_shards"):
                shards = ", ".join(map(str, unserved))
                out().print(f"{row['dependency']}: nobody takes orders in the symbols of these shards: {shards}")
            if late := row.get("late"):
                out().print(f"{row['dependency']}: late are {', '.join(late)} (breakwater consumers)")
    if answer["status"] != "UP":
        raise typer.Exit(1)
