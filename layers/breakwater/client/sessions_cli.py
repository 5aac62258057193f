"""`breakwater users sessions`, `end-session`, `totp` and `reset-totp`: where somebody is signed in, and with what."""

from typing import Annotated

import typer
from rich.markup import escape

from breakwater.client.lookup import find_session_id, find_user
from breakwater.client.terminal import AsJson, out, show_list, signed_in

SESSIONS = {
    "session": "session_id",
    "from": "source_ip",
    "second factor": "has_second_factor",
    "since": "signed_in_at",
    "last seen": "last_seen_at",
    "": "is_current",
}

UserOrSelf = Annotated[str | None, typer.Option("--user", help="Username, or the user's id; you by default.")]


def list_sessions(user: UserOrSelf = None, as_json: AsJson = False) -> None:
    """Where you are signed in, or somebody else is."""
    with signed_in() as (client, _):
        found = client.sessions(None if user is None else find_user(client, user)["user_id"])
    words = [
        {
            **each,
            "is_current": "this one" if each["is_current"] else "",
            "has_second_factor": "yes" if each["has_second_factor"] else "no",
        }
        for each in found
    ]
    show_list({"items": found if as_json else words}, SESSIONS, as_json, empty="No sessions.")


def end_session(
    session_id: Annotated[str, typer.Argument(help="Its id, or the id's beginning.")], user: UserOrSelf = None
) -> None:
    """End one session of yours, or of somebody else: it is over within five seconds."""
    with signed_in() as (client, _):
        user_id = None if user is None else find_user(client, user)["user_id"]
        client.end_session(find_session_id(client, session_id, user_id), user_id)
    out().print("Ended.")


def enrol_totp(
    code: Annotated[str | None, typer.Option(help="The code of the secret that you were shown before.")] = None,
) -> None:
    """Enrol a second factor: put the secret into an authenticator app, and give its code."""
    with signed_in() as (client, _):
        if code is None:
            enrolment = client.enrol_totp()
            out().print(f"Secret: {escape(enrolment['secret'])}", highlight=False, soft_wrap=True)
            out().print(f"Or as a QR code: {escape(enrolment['otpauth_uri'])}", highlight=False, soft_wrap=True)
            code = typer.prompt("Code")
        client.verify_totp(str(code).strip())
    out().print("Enrolled. Sign in with --code from now on.")


def reset_totp(user: Annotated[str, typer.Argument(help="Username, or the user's id.")]) -> None:
    """Take somebody's second factor, such as of a lost telephone, and end his sessions: he enrols another."""
    with signed_in() as (client, _):
        client.reset_totp(find_user(client, user)["user_id"])
    out().print("Reset.")
