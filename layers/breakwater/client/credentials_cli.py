"""`breakwater credentials`: keys of the firm's accounts at exchanges."""

from typing import Annotated

import typer

from breakwater.client.lookup import find_account_id
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, show_list, signed_in

CREDENTIALS = {
    "credential": "credential_id",
    "version": "version",
    "venue": "venue",
    "label": "label",
    "key ends in": "api_key_end",
    "made": "created_at",
    "rotated": "rotated_at",
    "last used": "last_used_at",
    "works until": "retires_at",
    "granted to": "granted_words",
}
KEY_PROMPT, SECRET_PROMPT = "API key of the exchange", "Its secret"

credentials_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Keys of the firm's accounts at exchanges."
)


@credentials_app.command("list")
def list_credentials(as_json: AsJson = False) -> None:
    """Every version that works. Keys and secrets are not shown to anybody."""
    with signed_in() as (client, _):
        found = client.exchange_credentials()
    rows = found if as_json else [_row(each) for each in found]
    show_list({"items": rows}, CREDENTIALS, as_json, empty="No credentials.")


@credentials_app.command("add")
def add_credential(
    venue: str,
    label: str,
    *,
    account: Annotated[str, typer.Option(help="Whose it is: an account's name or id.")],
    as_json: AsJson = False,
) -> None:
    """Keep a key, such as `breakwater credentials add BINANCE main --account "trader1 paper"`.

    Key and secret are asked for: what stands on a command line is read by every user of the machine.
    """
    api_key, secret = _ask()
    with signed_in() as (client, _):
        added = client.add_exchange_credential(
            account_id=find_account_id(client, account), venue=venue, label=label, api_key=api_key, secret=secret
        )
    if as_json:
        print_json(added)
        return
    out().print(f"Kept as [bold]{added['credential_id']}[/]; the engine takes it where VENUES says")
    out().print(f'"credentials": "store:{added["credential_id"]}"', soft_wrap=True)


@credentials_app.command("rotate")
def rotate_credential(
    credential_id: str,
    *,
    overlap_s: Annotated[int, typer.Option(help="For so long the old version is kept.")] = 3_600,
    as_json: AsJson = False,
) -> None:
    """Put a new key of the same account in the place of the old one, which is kept for the overlap."""
    api_key, secret = _ask()
    with signed_in() as (client, _):
        rotated = client.rotate_exchange_credential(credential_id, api_key=api_key, secret=secret, overlap_s=overlap_s)
    if as_json:
        print_json(rotated)
        return
    out().print(f"Version {rotated['version']} is kept. The engine takes it when it next connects.")


@credentials_app.command("grant")
def grant_credential(credential_id: str, account: str) -> None:
    """Let another account trade with it, by the account's name or id. Beside that it is its own account's alone."""
    with signed_in() as (client, _):
        client.grant_exchange_credential(credential_id, find_account_id(client, account))
    out().print(f"{account} may trade with {credential_id}.")


@credentials_app.command("withdraw")
def withdraw_credential(credential_id: str, account: str) -> None:
    """Five seconds later the account places nothing with it any more; what is open stays, and can be cancelled."""
    with signed_in() as (client, _):
        client.withdraw_exchange_credential(credential_id, find_account_id(client, account))
    out().print(f"{account} may no longer trade with {credential_id}.")


@credentials_app.command("delete")
def delete_credential(credential_id: str) -> None:
    """Forget every version of it. At the exchange the key works until it is deleted there too."""
    with signed_in() as (client, _):
        client.delete_exchange_credential(credential_id)
    out().print(f"Credential {credential_id} is forgotten here; delete the key at the exchange as well.")


def _row(credential: Json) -> Json:
    return {**credential, "granted_words": ", ".join(credential["granted_account_ids"])}


def _ask() -> tuple[str, str]:
    api_key: str = typer.prompt(KEY_PROMPT, hide_input=True)
    secret: str = typer.prompt(SECRET_PROMPT, hide_input=True)
    return api_key, secret
