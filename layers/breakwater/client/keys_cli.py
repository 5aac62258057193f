"""`breakwater keys`: API keys, for programs and for bots."""

from pathlib import Path
from typing import Annotated

import typer

from breakwater.client.arguments import Account
from breakwater.client.lookup import find_account_id
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, complain, out, print_json, show_list, signed_in

KEYS = {
    "key": "key_id",
    "name": "name",
    "user": "username",
    "scopes": "scopes_words",
    "from": "ip_words",
    "made": "created_at",
    "expires": "expires_at",
    "revoked": "revoked_at",
}
PEM_BYTES_MAX = 500

keys_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="API keys, for programs and for bots.")


@keys_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Your keys; of the whole organisation for those who manage its users."""
    with signed_in() as (client, _):
        found = client.api_keys()
    rows = found if as_json else [_row(each) for each in found]
    show_list({"items": rows}, KEYS, as_json, empty="No keys.")


@keys_app.command("create")
def create_key(
    name: str,
    *,
    scope: Annotated[list[str], typer.Option(help="read, trade, cancel_only or admin; once for each.")],
    account: Account = None,
    ip: Annotated[list[str] | None, typer.Option(help="A network it may be used from, once for each.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="Such as 2027-01-01T00:00:00Z; by default never.")] = None,
    public_key: Annotated[Path | None, typer.Option(help="PEM of an Ed25519 key, which only signs.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, such as `breakwater keys create my-bot --scope read --scope trade`.

    A bot written for Binance takes the key's id as its API key and the key itself as its secret; it trades the account
    that is named here, or the only one of its user.
    """
    pem = None if public_key is None else _read(public_key)
    with signed_in() as (client, _):
        created = client.create_api_key(
            name,
            scope,
            expires_at=expires_at,
            account_id=account and find_account_id(client, account),
            ip_allow=ip or None,
            public_key=pem,
        )
    if as_json:
        print_json(created)
        return
    out().print(f"API key     [bold]{created['key_id']}[/]")
    if created["api_key"] is not None:
        out().print(f"secret      [bold]{created['api_key']}[/]", soft_wrap=True)
        out().print("The secret is shown now and never again.", style="yellow")


@keys_app.command("revoke")
def revoke_key(key_id: str) -> None:
    """It is believed for five seconds more, at the most."""
    with signed_in() as (client, _):
        client.revoke_api_key(key_id)
    out().print(f"Key {key_id} is revoked.")


def _read(path: Path) -> str:
    try:
        with path.open() as file:
            return file.read(PEM_BYTES_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        complain(f"{path} cannot be read: {reason}")
        raise typer.Exit(1) from error


def _row(key: Json) -> Json:
    return {**key, "scopes_words": ", ".join(key["scopes"]), "ip_words": ", ".join(key["ip_allow"]) or "anywhere"}
