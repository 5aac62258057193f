"""`breakwater telegram`: a code is shown with what to do with it, and a link is seen and ended."""

import json

import pytest

from tests.unit.client.command_line import Api, run, sign_in

ROUTE = "/contacts/me/telegram"
CODE = {
    "code": "ABCD-EFGH-JKMN",
    "link": "https://t.me/firm_bot?start=ABCDEFGHJKMN",
    "bot": "firm_bot",
    "expires_at": "2026-01-01T00:10:00.000000Z",
}


@pytest.fixture(autouse=True)
def signed_in_api(api: Api) -> Api:
    sign_in(api)
    return api


def test_a_code_is_shown_with_the_link_and_the_command_to_type(api: Api) -> None:
    api.answers[f"POST {ROUTE}"] = (201, CODE)
    told = run("telegram", "link")
    assert told.exit_code == 0
    for part in (CODE["link"], "/link ABCD-EFGH-JKMN", "@firm_bot", CODE["expires_at"]):
        assert part in told.stdout
    assert json.loads(run("telegram", "link", "--json").stdout) == CODE


@pytest.mark.parametrize(("is_linked", "words"), [(True, "A chat speaks for you"), (False, "No chat speaks for you")])
def test_status_says_whether_a_chat_is_linked(api: Api, is_linked: bool, words: str) -> None:
    api.answers[f"GET {ROUTE}"] = (200, {"bot": "firm_bot", "is_linked": is_linked})
    assert words in run("telegram", "status").stdout


def test_unlink_ends_the_link(api: Api) -> None:
    api.answers[f"DELETE {ROUTE}"] = (204, None)
    assert run("telegram", "unlink").exit_code == 0
    assert api.asked[-1][0] == f"DELETE {ROUTE}"


def test_without_a_bot_one_line_says_so(api: Api) -> None:
    api.answers[f"POST {ROUTE}"] = (404, {"code": "NOT_FOUND", "detail": "there is no Telegram bot here"})
    told = run("telegram", "link")
    assert told.exit_code == 1
    assert told.stderr.splitlines()[0].startswith("error: ")
    assert "there is no Telegram bot here" in told.stderr
