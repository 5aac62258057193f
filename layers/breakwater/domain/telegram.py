"""What a chat of Telegram says, as far as we understand it, and how we write to one.

Shapes and bounds: https://core.telegram.org/bots/api#update
"""

import hashlib
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TEXT_UNITS_MAX = 4_096  # Of UTF-16, which is what Telegram counts in.
LINE_CHARACTERS_MAX = 300
CODE_LIFE_S = 600
# As Crockford has it: nothing that is read as something else, and none of the letters that spell words. 60 bits.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12
_READ_AS = str.maketrans("ILO", "110")
_CODE = re.compile(rf"[{CODE_ALPHABET}]{{{CODE_LENGTH}}}")
_COMMAND = re.compile(r"/([a-z_]{1,32})(?:@\w{1,64})?(?:\s+(.*))?", re.S | re.I)
_CHAT_IDS = range(-(2**63), 2**63)  # What the database keeps of one.


@dataclass(frozen=True, slots=True)
class Chat:
    """`is_private`: a person alone with the bot. Its id is then the person's."""

    chat_id: int
    is_private: bool


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody wrote something."""

    update_id: int
    chat: Chat
    text: str

    @property
    def command(self) -> str | None:
        """Its name in small letters, without the slash and the bot's own name; None for what is no command."""
        match = _COMMAND.fullmatch(self.text.strip())
        return None if match is None else match.group(1).lower()

    @property
    def argument(self) -> str:
        """What follows a command; all of it where there is none. Blanks count once."""
        match = _COMMAND.fullmatch(self.text.strip())
        return " ".join((self.text if match is None else match.group(2) or "").split())


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button under a message of ours; `told` is what we wrote behind it."""

    update_id: int
    chat: Chat
    callback_id: str
    message_id: int
    told: str


def read_update(told: Mapping[str, Any]) -> Said | Pressed | None:
    """None for what the bot does not answer: pictures, edits, what other kinds of chat tell, and nonsense."""
    try:
        if "callback_query" in told:
            return _pressed(told)
        message = told["message"]
        text = message["text"]
        if not isinstance(text, str):
            return None
        return Said(_whole(told["update_id"]), _chat(message["chat"]), text)
    except (KeyError, TypeError, ValueError):
        return None


def _pressed(told: Mapping[str, Any]) -> Pressed | None:
    query = told["callback_query"]
    message = query["message"]
    chat = _chat(message["chat"])
    if query["from"]["id"] != chat.chat_id:  # Not the person of a private chat.
        chat = Chat(chat.chat_id, is_private=False)
    return Pressed(_whole(told["update_id"]), chat, str(query["id"]), _whole(message["message_id"]), str(query["data"]))


def _chat(told: Mapping[str, Any]) -> Chat:
    return Chat(_whole(told["id"]), told.get("type") == "private")


def _whole(told: Any) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or told not in _CHAT_IDS:
        raise ValueError("no whole number that we could keep")
    return told


# codes and buttons ------------------------------------------------------------------------------------------------


def read_code(typed: str) -> str | None:
    """A code as it was made, however it was typed; None for what is none."""
    code = re.sub(r"[\s-]", "", typed).upper().translate(_READ_AS)
    return code if _CODE.fullmatch(code) else None


def shown_code(code: str) -> str:
    """In groups of four, to be read and typed."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def secret_hash(secret: str) -> bytes:
    """As codes and the tokens of buttons are kept: they live for minutes, and are not guessed from their hash."""
    return hashlib.sha256(secret.encode()).digest()


# texts ------------------------------------------------------------------------------------------------------------


def escaped(text: object) -> str:
    """For the HTML mode, and on one line: names and reasons are written by whoever likes to."""
    line = " ".join(str(text).split())
    cut = line if len(line) <= LINE_CHARACTERS_MAX else f"{line[: LINE_CHARACTERS_MAX - 1]}…"
    return html.escape(cut, quote=False)


def fitted(lines: Iterable[str], *, room: int = TEXT_UNITS_MAX) -> str:
    """As many of the lines as one message holds, each whole; how many are left out stands at the end."""
    wanted = list(lines)
    kept: list[str] = []
    used = 0
    for place, line in enumerate(wanted):
        ending = f"… and {len(wanted) - place} more"
        is_last = place == len(wanted) - 1
        if used + _units(line) + 1 + (0 if is_last else _units(ending) + 1) > room:
            return "\n".join([*kept, ending])
        kept.append(line)
        used += _units(line) + 1
    return "\n".join(kept)


def bar(percent: float, *, width: int = 10) -> str:
    """Such as ▓▓▓░░░░░░░; more than all of it is full."""
    filled = max(0, min(width, round(percent / 100 * width)))
    return "▓" * filled + "░" * (width - filled)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
