"""`breakwater oauth-clients`: what third parties come in with."""

from typing import Annotated

import typer

from breakwater.client.lookup import find_user
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, show_list, signed_in

CLIENTS = {
    "client": "client_id",
    "name": "name",
    "acts as": "username",
    "scopes": "scopes_words",
    "from": "ip_words",
    "made": "created_at",
    "by": "made_by",
    "last used": "last_used_at",
    "used from": "last_used_from",
    "a minute": "requests_per_minute_max",
    "expires": "expires_at",
    "revoked": "revoked_at",
    "older secret until": "older_secret_ends_at",
}

oauth_clients_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="OAuth clients, for third parties.")


@oauth_clients_app.command("list")
def list_oauth_clients(as_json: AsJson = False) -> None:
    """Every client of the organisation. No secret is shown to anybody."""
    with signed_in() as (client, _):
        found = client.oauth_clients()
    rows = found if as_json else [_row(each) for each in found]
    show_list({"items": rows}, CLIENTS, as_json, empty="No clients.")


@oauth_clients_app.command("create")
def create_oauth_client(
    name: str,
    *,
    user: Annotated[str, typer.Option(help="Whose rights it narrows: username, or the user's id.")],
    scope: Annotated[list[str], typer.Option(help="read, trade, cancel_only or admin; once for each.")],
    ip: Annotated[list[str] | None, typer.Option(help="A network it may be used from, once for each.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="Such as 2027-01-01T00:00:00Z; by default never.")] = None,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute at the API, if not the usual.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a client, such as `breakwater oauth-clients create reports --user viewer1 --scope read`."""
    with signed_in() as (client, _):
        made = client.create_oauth_client(
            name,
            find_user(client, user)["user_id"],
            scope,
            ip_allow=ip or None,
            expires_at=expires_at,
            requests_per_minute_max=per_minute,
        )
    if as_json:
        print_json(made)
        return
    _show(made)


@oauth_clients_app.command("rotate")
def rotate_oauth_client(
    client_id: str,
    *,
    overlap_s: Annotated[int, typer.Option(help="For so long the secret before works as well.")] = 86_400,
    as_json: AsJson = False,
) -> None:
    """Give it another secret. With an overlap of 0 what the one before has bought ends with it."""
    with signed_in() as (client, _):
        rotated = client.rotate_oauth_client(client_id, overlap_s=overlap_s)
    if as_json:
        print_json(rotated)
        return
    _show(rotated)
    out().print(f"The secret before works until {rotated['older_works_until']}.")


@oauth_clients_app.command("revoke")
def revoke_oauth_client(client_id: str) -> None:
    """With all of its tokens. They are believed for five seconds more, at the most."""
    with signed_in() as (client, _):
        client.revoke_oauth_client(client_id)
    out().print(f"Client {client_id} is revoked.")


def _show(made: Json) -> None:
    out().print(f"client_id      [bold]{made['client_id']}[/]")
    out().print(f"client_secret  [bold]{made['client_secret']}[/]", soft_wrap=True)
    out().print("The secret is shown now and never again.", style="yellow")


def _row(client: Json) -> Json:
    networks = ", ".join(client["ip_allow"]) or "anywhere"
    return {**client, "scopes_words": ", ".join(client["scopes"]), "ip_words": networks}
