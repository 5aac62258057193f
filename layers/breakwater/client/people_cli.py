"""`breakwater users`, `groups` and `accounts`: who belongs to the organisation, and which accounts are whose."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.lookup import find_account_id, find_group, find_node_id, find_user
from breakwater.client.pages import every
from breakwater.client.sessions_cli import end_session, enrol_totp, list_sessions, reset_totp
from breakwater.client.shapes import Amount, Json
from breakwater.client.terminal import AsJson, out, print_json, show_list, signed_in

USERS = {
    "user": "username",
    "role": "role",
    "accounts": "accounts_words",
    "state": "state",
    "email": "email",
    "since": "created_at",
}
GROUPS = {"group": "name", "members": "members_words", "accounts": "accounts_words", "since": "created_at"}
ACCOUNTS = {"account": "name", "kind": "kind", "base": "base_currency", "id": "account_id"}


class RoleName(StrEnum):
    """The roles that an organisation gives; system administrators come with provisioning."""

    TRADER = "trader"
    VIEWER = "viewer"
    DESK_HEAD = "desk_head"
    FUND_MANAGER = "fund_manager"
    RISK_MANAGER = "risk_manager"
    ORGANISATION_ADMIN = "organisation_admin"
    AUDITOR = "auditor"


User = Annotated[str, typer.Argument(help="Username, or the user's id.")]
Group = Annotated[str, typer.Argument(help="The group's name, or its id.")]
AccountOf = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account, by name or id.")]
NodeOf = Annotated[str, typer.Argument(metavar="NODE", help='Such as "Desk A", or the beginning of its id.')]
RoleOf = Annotated[RoleName, typer.Argument(metavar="ROLE", help=", ".join(RoleName), case_sensitive=False)]
Temporary = Annotated[
    str | None,
    typer.Option(
        envvar="BREAKWATER_TEMPORARY_PASSWORD",
        help="Send no mail: you tell the user this one, and he chooses his own at his first sign-in.",
    ),
]

users_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Users: their roles and accounts.")
groups_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Groups, whose members share accounts.")
accounts_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Trading accounts.")


users_app.command("sessions")(list_sessions)
users_app.command("end-session")(end_session)
users_app.command("totp")(enrol_totp)
users_app.command("reset-totp")(reset_totp)


@users_app.command("list")
def list_users(as_json: AsJson = False) -> None:
    """Everybody in the organisation."""
    with signed_in() as (client, _):
        found = list(every(client.users))
        names = {} if as_json else _account_names(client)
    rows = found if as_json else [_row(each, names) for each in found]
    show_list({"items": rows}, USERS, as_json, empty="No users.")


@users_app.command("show")
def show_user(user: User, as_json: AsJson = False) -> None:
    """One user, and by which ways he has his accounts."""
    with signed_in() as (client, _):
        found = find_user(client, user)
        if as_json:
            print_json(found)
            return
        nodes = client.nodes()
        groups = client.groups()
    accounts = {node["account_id"]: node["name"] for node in nodes if node["account_id"]}
    told = _row(found, accounts) | {
        "given": _named(found["given_account_ids"], accounts),
        "assigned to": _named(found["node_ids"], {node["node_id"]: node["name"] for node in nodes}),
        "groups": _named(found["group_ids"], {group["group_id"]: group["name"] for group in groups}),
    }
    told["accounts"] = told.pop("accounts_words")
    out().print(render.fields({name: value for name, value in told.items() if name not in {"is_disabled"}}))


@users_app.command("invite")
def invite(
    username: str,
    email: str,
    role: RoleOf,
    *,
    temporary_password: Temporary = None,
    issuer_subject: Annotated[
        str | None, typer.Option(help="What the firm's own OIDC issuer calls him (`sub`): he signs in there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Invite somebody, such as `breakwater users invite dora dora@example.com desk_head`.

    He gets a temporary password by mail, and chooses his own when he first signs in.
    """
    with signed_in() as (client, _):
        created = client.invite(
            username, email, role, temporary_password=temporary_password, issuer_subject=issuer_subject
        )
    if as_json:
        print_json(created)
        return
    told = f"a mail to {email}" if temporary_password is None else "the password that you tell him"
    told = told if issuer_subject is None else "his sign-in at the issuer"
    out().print(f"{escape(username)} is invited as {role}, with {told}.", highlight=False)


@users_app.command("invite-again")
def invite_again(user: User, temporary_password: Temporary = None) -> None:
    """Another temporary password, for somebody who has not signed in yet."""
    with signed_in() as (client, _):
        client.invite_again(find_user(client, user)["user_id"], temporary_password=temporary_password)
    out().print("Invited again.")


@users_app.command("role")
def set_role(user: User, role: RoleOf, as_json: AsJson = False) -> None:
    """Another role; it counts within five seconds."""
    _change(user, as_json, role=role)


@users_app.command("disable")
def disable(user: User, as_json: AsJson = False) -> None:
    """End all his sessions, keys and connections, within five seconds; nothing of his is deleted."""
    _change(user, as_json, is_disabled=True)


@users_app.command("enable")
def enable(user: User, as_json: AsJson = False) -> None:
    """Let him in again, with the role and the keys he had."""
    _change(user, as_json, is_disabled=False)


@users_app.command("give")
def give_account(user: User, account: AccountOf) -> None:
    """Give him an account."""
    with signed_in() as (client, _):
        client.give_account(find_user(client, user)["user_id"], find_account_id(client, account))
    out().print("Given.")


@users_app.command("take")
def take_account(user: User, account: AccountOf) -> None:
    """Take an account away; by a group or a node he may reach it still."""
    with signed_in() as (client, _):
        client.take_account(find_user(client, user)["user_id"], find_account_id(client, account))
    out().print("Taken.")


@users_app.command("assign")
def assign(user: User, node: NodeOf) -> None:
    """Assign him to a node, such as a desk: all accounts below it are his, those that come later too."""
    with signed_in() as (client, _):
        client.give_node(find_user(client, user)["user_id"], find_node_id(client, node))
    out().print("Assigned.")


@users_app.command("unassign")
def unassign(user: User, node: NodeOf) -> None:
    """Take him off a node."""
    with signed_in() as (client, _):
        client.take_node(find_user(client, user)["user_id"], find_node_id(client, node))
    out().print("Taken off.")


@groups_app.command("list")
def list_groups(as_json: AsJson = False) -> None:
    """All groups with their members and accounts."""
    with signed_in() as (client, _):
        found = client.groups()
        members = {} if as_json else {user["user_id"]: user["username"] for user in every(client.users)}
        accounts = {} if as_json else _account_names(client)
    rows = [
        {
            **group,
            "members_words": _named(group["member_ids"], members),
            "accounts_words": _named(group["account_ids"], accounts),
        }
        for group in found
    ]
    show_list({"items": found if as_json else rows}, GROUPS, as_json, empty="No groups.")


@groups_app.command("create")
def create_group(name: str, as_json: AsJson = False) -> None:
    """Make a group, with nobody and nothing in it."""
    with signed_in() as (client, _):
        created = client.create_group(name)
    if as_json:
        print_json(created)
    else:
        out().print(f"Group {escape(created['name'])} is made.", highlight=False)


@groups_app.command("delete")
def delete_group(group: Group) -> None:
    """Delete a group; its members lose what they have by it."""
    with signed_in() as (client, _):
        client.delete_group(find_group(client, group)["group_id"])
    out().print("Deleted.")


@groups_app.command("add")
def add_member(group: Group, user: User) -> None:
    """Make somebody a member."""
    with signed_in() as (client, _):
        client.add_member(find_group(client, group)["group_id"], find_user(client, user)["user_id"])
    out().print("Added.")


@groups_app.command("remove")
def remove_member(group: Group, user: User) -> None:
    """Make somebody a member no more."""
    with signed_in() as (client, _):
        client.remove_member(find_group(client, group)["group_id"], find_user(client, user)["user_id"])
    out().print("Removed.")


@groups_app.command("give")
def give_group_account(group: Group, account: AccountOf) -> None:
    """Give its members an account."""
    with signed_in() as (client, _):
        client.give_group_account(find_group(client, group)["group_id"], find_account_id(client, account))
    out().print("Given.")


@groups_app.command("take")
def take_group_account(group: Group, account: AccountOf) -> None:
    """Take an account from the group."""
    with signed_in() as (client, _):
        client.take_group_account(find_group(client, group)["group_id"], find_account_id(client, account))
    out().print("Taken.")


@accounts_app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """The accounts you reach."""
    with signed_in() as (client, _):
        found = client.accounts()
    show_list({"items": found}, ACCOUNTS, as_json, empty="No accounts.")


@accounts_app.command("create")
def create_account(
    name: str,
    *,
    under: Annotated[str, typer.Option(help='The node above it, such as "Desk A": who is assigned there has it.')],
    live: Annotated[
        bool, typer.Option("--live", help="With the balances its venue says; by default it is paper.")
    ] = False,
    base: Annotated[str | None, typer.Option(help="Base currency; USDT by default.")] = None,
    balance: Annotated[
        list[str] | None, typer.Option(help="What a paper account begins with, such as USDT=100000; once for each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an account below a node of the tree."""
    balances: dict[str, Amount] = {}
    for told in balance or []:
        asset, equals, total = told.partition("=")
        if not equals:
            raise typer.BadParameter(f"{told!r} is not such as USDT=100000", param_hint="--balance")
        balances[asset.upper()] = total
    with signed_in() as (client, _):
        created = client.create_account(
            find_node_id(client, under),
            name,
            kind="LIVE" if live else None,
            base_currency=base and base.upper(),
            balances=balances or None,
        )
    if as_json:
        print_json(created)
    else:
        out().print(f"Account {escape(created['name'])} is made: {created['account_id']}", highlight=False)


def _change(user: str, as_json: bool, *, role: str | None = None, is_disabled: bool | None = None) -> None:
    with signed_in() as (client, _):
        changed = client.change_user(find_user(client, user)["user_id"], role=role, is_disabled=is_disabled)
    if as_json:
        print_json(changed)
        return
    state = "disabled" if changed["is_disabled"] else "enabled"
    out().print(f"{escape(changed['username'])} is {changed['role']}, and {state}.", highlight=False)


def _account_names(client: Client) -> dict[str, str]:
    return {node["account_id"]: node["name"] for node in client.nodes() if node["account_id"]}


def _row(user: Json, accounts: dict[str, str]) -> Json:
    return {
        **user,
        "accounts_words": "all" if user["sees_all_accounts"] else _named(user["account_ids"], accounts),
        "state": "disabled" if user["is_disabled"] else "enabled",
    }


def _named(ids: Iterable[str], names: dict[str, str]) -> str:
    """Those without a name by the beginning of their ids: a node of the tree may have been deleted meanwhile."""
    return ", ".join(sorted(names.get(each, each[: render.SHORT_ID_CHARS]) for each in ids))
