"""What a chat says, as far as it is understood, and how we write to one."""

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.telegram import (
    CODE_ALPHABET,
    CODE_LENGTH,
    LINE_CHARACTERS_MAX,
    TEXT_UNITS_MAX,
    Chat,
    Pressed,
    Said,
    bar,
    escaped,
    fitted,
    read_code,
    read_update,
    shown_code,
)

CHAT = Chat(7, is_private=True)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
PARTS = st.dictionaries(
    st.sampled_from(["update_id", "message", "callback_query", "chat", "from", "id", "text", "data", "message_id"]),
    ANY_JSON,
    max_size=6,
)


def said(text: str) -> Said:
    return Said(1, CHAT, text)


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/kill Desk A", "kill", "Desk A"),
        ("/KILL@firm_bot   Desk \n A ", "kill", "Desk A"),
        ("/start", "start", ""),
        ("/start ABC-DEF", "start", "ABC-DEF"),
        (" /help ", "help", ""),
        ("/", None, "/"),
        ("kill Desk A", None, "kill Desk A"),
        ("reason /kill", None, "reason /kill"),
        ("/kill;drop", None, "/kill;drop"),
        ("", None, ""),
    ],
)
def test_a_command_is_a_slash_and_a_name_and_the_rest_is_its_argument(
    text: str, command: str | None, argument: str
) -> None:
    assert (said(text).command, said(text).argument) == (command, argument)


def test_a_message_and_a_pressed_button_are_read() -> None:
    chat = {"id": 7, "type": "private", "first_name": "T"}
    assert read_update({"update_id": 3, "message": {"chat": chat, "text": "hi", "entities": []}}) == Said(3, CHAT, "hi")
    query: dict[str, Any] = {"id": "9", "from": {"id": 7}, "message": {"message_id": 4, "chat": chat}, "data": "keep"}
    assert read_update({"update_id": 3, "callback_query": query}) == Pressed(3, CHAT, "9", 4, "keep")
    pressed = read_update({"update_id": 3, "callback_query": query | {"from": {"id": 8}}})
    assert pressed is not None
    assert not pressed.chat.is_private


@given(
    PARTS
    | st.fixed_dictionaries({"message": PARTS, "update_id": st.integers()})
    | PARTS.map(lambda each: {"callback_query": each})
)
def test_whatever_comes_is_understood_or_left(told: Any) -> None:
    assert isinstance(read_update(told), Said | Pressed | None)


@given(st.text(alphabet=CODE_ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH))
def test_a_code_is_read_however_it_is_typed(code: str) -> None:
    assert read_code(code) == read_code(shown_code(code)) == read_code(f" {shown_code(code).lower()} ") == code


@pytest.mark.parametrize("typed", ["", "ABC", "A" * 13, "U" * 12, "ÄBCDEFGHJKMN", "ABCDEFGHJKM\0", "\uff11" * 12])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert read_code(typed) is None


def test_letters_that_look_like_digits_are_read_as_those() -> None:
    assert read_code("oOiIlLoOiIlL") == "001111001111"


@given(st.text())
def test_a_text_of_others_is_one_line_without_markup(text: str) -> None:
    told = escaped(text)
    assert not re.search(r"[<>\n\r]", told)
    assert "&" not in re.sub(r"&(amp|lt|gt);", "", told)
    assert len(html.unescape(told)) <= LINE_CHARACTERS_MAX or "&" in text


@given(st.lists(st.text(alphabet="ab😀<&", min_size=1, max_size=LINE_CHARACTERS_MAX), max_size=80))
def test_a_text_fits_a_message_and_says_what_it_leaves_out(lines: list[str]) -> None:
    told = fitted([escaped(line) for line in lines])
    assert len(told.encode("utf-16-le")) // 2 <= TEXT_UNITS_MAX
    shown = told.split("\n") if lines else []
    left = re.fullmatch(r"… and (\d+) more", shown[-1]) if shown else None
    assert len(shown) - 1 + int(left.group(1)) == len(lines) if left else len(shown) == len(lines)


@pytest.mark.parametrize(
    ("percent", "told"),
    [(0, "░" * 10), (4, "░" * 10), (25, "▓▓░░░░░░░░"), (100, "▓" * 10), (250, "▓" * 10), (-5, "░" * 10)],
)
def test_a_bar_is_as_full_as_the_limit(percent: float, told: str) -> None:
    assert bar(percent) == told
