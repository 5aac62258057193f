"""Who is signed in on this machine, and what the local run says about itself."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from breakwater.client.shapes import Json, Session


class SetupError(Exception):
    """Something on this machine is missing or broken; the message says what to do."""


@dataclass(frozen=True)
class SavedSignIn:
    api_url: str
    username: str
    account_ids: list[str]
    session: Session


def endpoints_file() -> Path:
    """What `make up` writes, in this folder unless BREAKWATER_LOCAL_DIR says where."""
    return Path(os.environ.get("BREAKWATER_LOCAL_DIR", ".local")) / "endpoints.json"


def session_file() -> Path:
    chosen = os.environ.get("BREAKWATER_SESSION")
    return Path(chosen) if chosen else Path.home() / ".config" / "breakwater" / "session.json"


def save(signed_in: SavedSignIn) -> None:
    """Readable by its owner only, from its first byte on."""
    path = session_file()
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(signed_in), file)
        draft.replace(path)
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from error


def load() -> SavedSignIn:
    saved = _read_json(session_file(), missing="not signed in: run `breakwater sign-in`")
    try:
        return SavedSignIn(**(saved | {"session": Session(**saved["session"])}))
    except (KeyError, TypeError) as error:
        raise SetupError(f"{session_file()} is not a session: run `breakwater sign-in` again") from error


def forget() -> None:
    session_file().unlink(missing_ok=True)


def local_endpoints() -> Json:
    """Of the running local platform: api_url, ws_url, engine_url, database_url, outbox_url, users."""
    path = endpoints_file()
    missing = f"no platform runs here, since there is no {path}: run `make up` first, or say --api-url"
    return _read_json(path, missing=missing)


def local_password(endpoints: Json, username: str) -> str | None:
    return next((user["password"] for user in endpoints["users"] if user["username"] == username), None)


def _read_json(path: Path, *, missing: str) -> Json:
    try:
        parsed = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise SetupError(missing) from error
    except (OSError, ValueError) as error:
        raise SetupError(f"cannot read {path}: it is no JSON file that this user may read") from error
    if not isinstance(parsed, dict):
        raise SetupError(f"cannot read {path}: it holds no JSON object")
    return parsed
