"""The bot's secret: believed for a while, asked again for what does not fit, and never needed twice at once."""

import json

import pytest

from breakwater.errors import Unavailable
from breakwater.runtime.telegram import API_URL, ASKED_AGAIN_AFTER_S, KEPT_S, Bot, BotSecret


class Manager:
    def __init__(self, **secret: str) -> None:
        self.secret = {"bot_token": "1:t", "webhook_secret": "old"} | secret
        self.is_away = False
        self.reads = 0
        self.now = 1_000.0
        self.bot = Bot(self._read, lambda: self.now)

    def _read(self) -> str:
        self.reads += 1
        if self.is_away:
            raise Unavailable("away")
        return json.dumps(self.secret)


def test_it_is_read_once_in_five_minutes() -> None:
    manager = Manager()
    assert all(manager.bot.accepts("old") for _ in range(10))
    assert manager.reads == 1
    manager.now += KEPT_S
    assert manager.bot.accepts("old")
    assert manager.reads == 2


def test_a_new_secret_is_soon_known_and_the_old_one_is_over() -> None:
    manager = Manager()
    assert manager.bot.accepts("old")
    manager.secret["webhook_secret"] = "new"
    assert not manager.bot.accepts("new")  # Whoever guesses does not make us ask each time.
    manager.now += ASKED_AGAIN_AFTER_S
    assert manager.bot.accepts("new")
    assert not manager.bot.accepts("old")
    assert manager.reads == 2


def test_what_was_right_goes_on_while_it_cannot_be_read() -> None:
    manager = Manager()
    manager.is_away = True
    with pytest.raises(Unavailable):
        manager.bot.accepts("old")
    manager.is_away = False
    assert manager.bot.accepts("old")
    manager.is_away = True
    manager.now += KEPT_S
    assert manager.bot.accepts("old")
    assert not manager.bot.accepts("other")


def test_an_empty_secret_lets_nobody_in() -> None:
    assert not Manager(webhook_secret="").bot.accepts("")


def test_a_bot_without_a_token_cannot_speak_yet_and_another_token_is_another_client() -> None:
    manager = Manager(bot_token="")
    with pytest.raises(Unavailable, match="no token yet"):
        manager.bot.api()
    manager.secret["bot_token"] = "1:t"
    manager.now += KEPT_S
    first = manager.bot.api()
    assert manager.bot.api() is first
    manager.secret["bot_token"] = "2:t"
    manager.now += ASKED_AGAIN_AFTER_S
    manager.bot.accepts("nonsense")  # Which reads it again.
    assert manager.bot.api() is not first


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", '{"bot_token": "1:t"}'])
def test_what_was_written_wrongly_is_said_without_showing_it(text: str) -> None:
    with pytest.raises(Unavailable, match="cannot be read as one"):
        BotSecret.of(text)


def test_it_speaks_to_telegram_itself_unless_the_secret_says_otherwise() -> None:
    assert BotSecret.of('{"webhook_secret": "x"}').api_url == API_URL
    assert BotSecret.of('{"webhook_secret": "x", "api_url": "http://127.0.0.1:1/"}').api_url == "http://127.0.0.1:1"
