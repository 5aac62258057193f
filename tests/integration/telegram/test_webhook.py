"""What comes to the webhook: from Telegram alone, once, and answered 200 whatever it is."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from breakwater.errors import DatabaseUnavailable
from functions.telegram import app as telegram_app
from tests.contract.http_gateway import serve
from tests.integration.telegram.chat import CHAT, SECRET, Chats, eventually
from tests.unit.runtime.http_events import LambdaContext, http_event


def said(text: str, chat_id: int = CHAT, kind: str = "private") -> dict[str, Any]:
    return {"message": {"message_id": 1, "chat": {"id": chat_id, "type": kind}, "text": text}}


@pytest.mark.parametrize("secret", ["", "shown-by-telegraf", SECRET + "x", "ключ"])
def test_who_does_not_show_the_secret_is_refused(chats: Chats, secret: str) -> None:
    assert chats.tell(said("/help"), secret=secret, status=401)["code"] == "NOT_AUTHENTICATED"
    assert chats.outbox.messages.newest() == []


def test_an_update_that_comes_twice_takes_effect_once(chats: Chats) -> None:
    chats.link("tara", "trader")
    before = len(chats.outbox.messages.newest())
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(lambda _: chats.tell({"update_id": 77, **said("/help")}), range(3)))
    assert len(chats.outbox.messages.newest()) == before + 1


def test_what_was_told_is_forgotten_after_two_days(chats: Chats) -> None:
    chats.tell(said("/help"))
    chats.desk.admin("UPDATE alerts.telegram_updates SET taken_at = now() - interval '3 days'")
    chats.tell({"update_id": 99, **said("/help")})
    assert chats.desk.admin("SELECT update_id FROM alerts.telegram_updates") == [(99,)]


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"message": None},
        {"message": {"chat": {"id": "x"}, "text": "/help"}},
        {"message": {"chat": {"id": 2**70, "type": "private"}, "text": "/help"}},
        {"message": {"chat": {"id": CHAT, "type": "private"}, "photo": []}},
        {"message": {"chat": {"id": CHAT, "type": "private"}, "text": 7}},
        {"edited_message": {"chat": {"id": CHAT, "type": "private"}, "text": "/help"}},
        {"update_id": True, **said("/help")},
        {"callback_query": {"id": "1", "from": {"id": CHAT}, "data": "ack:1"}},
    ],
)
def test_what_the_bot_does_not_understand_is_answered_and_does_nothing(chats: Chats, update: dict[str, Any]) -> None:
    assert chats.tell(update) == {"ok": True}
    assert chats.outbox.messages.newest() == []


def test_a_body_that_is_too_large_is_refused(chats: Chats) -> None:
    assert chats.tell(said("x" * 70_000), status=413)["code"] == "BODY_TOO_LARGE"


def test_the_bot_talks_in_private_chats_alone(chats: Chats) -> None:
    chats.person("tara", "trader")
    code = chats.code("tara", "trader")
    for kind in ("group", "supergroup", "channel"):
        chats.tell(said(f"/link {code}", -100500, kind))
        assert "private chat" in chats.outbox.messages.newest()[0]["message"]
    chats.tell(said("we talk about something else", -100500, "group"))
    assert len(chats.outbox.messages.newest()) == 3
    assert "speaks for tara" in chats.say(f"/link {code}")
    # A button of a message in somebody else's chat.
    press = {"id": "1", "from": {"id": 555}, "message": {"message_id": 1, "chat": {"id": CHAT, "type": "private"}}}
    chats.tell({"callback_query": {**press, "data": "keep"}})
    assert len(chats.outbox.messages.newest()) == 4


def test_while_the_database_is_away_telegram_tells_it_again(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise DatabaseUnavailable("the database did not answer in time")

    with monkeypatch.context() as broken:
        broken.setattr(telegram_app, "untenanted_transaction", away)
        assert chats.tell({"update_id": 5, **said("/help")}, status=503)["code"] == "DATABASE_UNAVAILABLE"
    assert chats.tell({"update_id": 5, **said("/help")}) == {"ok": True}
    assert "speaks for nobody" in chats.outbox.messages.newest()[0]["message"]


def test_a_telegram_that_is_away_or_asks_to_wait_costs_no_second_effect(chats: Chats) -> None:
    chats.link("tara", "trader")
    chats.outbox.telegram.be_busy(30)
    started = time.monotonic()
    assert chats.tell(said("/unlink")) == {"ok": True}
    assert time.monotonic() - started < 5
    chats.outbox.telegram.be_busy(0)
    assert chats.desk.admin("SELECT telegram_chat_id FROM alerts.contacts") == [(None,)]


def test_who_blocks_the_bot_is_unlinked(chats: Chats) -> None:
    chats.link("tara", "trader")
    chats.outbox.telegram.block(CHAT, is_blocked=True)
    assert chats.tell(said("/positions")) == {"ok": True}
    assert chats.desk.admin("SELECT telegram_chat_id FROM alerts.contacts") == [(None,)]
    assert chats.events("identity.ChatLinkChanged.v1")[-1][1]["reason"] == "BLOCKED"


def test_the_local_telegram_delivers_to_the_webhook_in_order_and_again_after_a_failure(chats: Chats) -> None:
    chats.person("tara", "trader")
    failures = iter([503])

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        failed = next(failures, None)
        if failed is not None:
            return {"statusCode": failed, "headers": {}, "body": "", "isBase64Encoded": False}
        return telegram_app.handler(event, context)

    with serve({"telegram": handler}, {}) as url:
        told = {"url": f"{url}/telegram/webhook", "secret_token": SECRET}
        assert chats.outbox.telegram.call(chats_token(chats), "setWebhook", told)[1]["ok"]
        chats.outbox.telegram.say(CHAT, f"/link {chats.code('tara', 'trader')}")
        chats.outbox.telegram.say(CHAT, "/status")
        sent = eventually(lambda: len(found := chats.outbox.messages.newest()) == 2 and found)
    assert "speaks for tara" in sent[1]["message"]
    assert "You are tara, trader" in sent[0]["message"]


def chats_token(chats: Chats) -> str:
    return chats.outbox.telegram._token


def test_a_request_without_a_body_is_refused_in_words(chats: Chats) -> None:
    event = http_event("POST", "/telegram/webhook", headers={"x-telegram-bot-api-secret-token": SECRET})
    assert telegram_app.handler(event, LambdaContext())["statusCode"] == 422
