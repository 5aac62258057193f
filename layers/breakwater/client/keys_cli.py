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
    "last used": "last_used_at",
    "by": "last_used_from",
    "a minute": "requests_per_minute_max",
    "expires": "expires_at",
    "revoked": "revoked_at",
    "replaced by": "replaced_by",
}
PEM_BYTES_MAX = 500
PublicKey = Annotated[Path | None, typer.Option(help="PEM of an Ed25519 key, which only signs.")]

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
    public_key: PublicKey = None,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute at the API, if not the usual.")] = None,
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
            requests_per_minute_max=per_minute,
        )
    if as_json:
        print_json(created)
        return
    _show(created)


@keys_app.command("rotate")
def rotate_key(
    key_id: str,
    *,
    overlap_s: Annotated[int, typer.Option(help="For so long the old key works as well.")] = 86_400,
    public_key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Make the key that takes its place, with the same scopes, networks and account; the old one ends by itself."""
    pem = None if public_key is None else _read(public_key)
    with signed_in() as (client, _):
        rotated = client.rotate_api_key(key_id, overlap_s=overlap_s, public_key=pem)
    if as_json:
        print_json(rotated)
        return
    _show(rotated)
    out().print(f"{key_id} works until {rotated['works_until']}; `breakwater keys revoke {key_id}` ends it now.")


@keys_app.command("revoke")
def revoke_key(key_id: str) -> None:
    """And every key that was made with it. They are believed for five seconds more, at the most."""
    with signed_in() as (client, _):
        client.revoke_api_key(key_id)
    out().print(f"Key {key_id} is revoked.")


def _show(made: Json) -> None:
    out().print(f"API key     [bold]{made['key_id']}[/]")
    if made["api_key"] is not None:
        out().print(f"secret      [bold]{made['api_key']}[/]", soft_wrap=True)
        out().print("The secret is shown now and never again.", style="yellow")


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
