"""Everything that was sent, in one place: who takes it, how it is shown, and how people answer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from breakwater.client.cli import app
from breakwater.errors import Unavailable
from breakwater.services.telegram_api import BotApi, Button, ChatRefused, MessageRefused, TelegramUnavailable
from local_cloud.outbox.messages import MESSAGES_MAX, Messages
from local_cloud.outbox.server import Outbox
from local_cloud.outbox.telegram import BOT_TOKEN, BOT_USERNAME
from local_cloud.platform import LocalCloudError
from local_cloud.telegram_webhook import set_webhook
from tests.support.loopback import QuietHandler, served

CHAT = 1001
MAIL = {"kind": "email", "to": "ada@firm.example", "subject": "A limit was reached", "message": "70 %"}


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    opened = Outbox(0)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def run(outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The `breakwater` command beside this outbox."""
    monkeypatch.setenv("BREAKWATER_LOCAL_DIR", str(tmp_path))
    (tmp_path / "endpoints.json").write_text(json.dumps({"outbox_url": outbox.url}))
    return lambda *arguments: CliRunner().invoke(app, ["outbox", *arguments])


def post(outbox: Outbox, path: str, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{outbox.url}{path}", content=content, headers=headers)


def listed(outbox: Outbox, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = httpx.get(f"{outbox.url}/messages", params=query).json()["items"]
    return items


def test_every_kind_is_listed_the_newest_first_and_by_kind_and_receiver(outbox: Outbox) -> None:
    assert post(outbox, "/messages", MAIL).status_code == 200
    assert post(outbox, "/messages", MAIL | {"kind": "sms", "to": "+4912345678"}).status_code == 200
    assert post(outbox, "/slack/risk", {"text": "Desk A is SUSPENDED"}).text == "ok"
    post(outbox, "/webhooks/ours", {"event": 1}, **{"Breakwater-Topic": "alerts.AlertRaised.v1"})
    BotApi(f"{outbox.url}/telegram", BOT_TOKEN).send(CHAT, "<b>Hi</b>")
    assert [sent["kind"] for sent in listed(outbox)] == ["telegram", "webhook", "slack", "sms", "email"]
    assert [sent["to"] for sent in listed(outbox, kind="email")] == ["ada@firm.example"]
    assert [sent["kind"] for sent in listed(outbox, to="FIRM")] == ["email"]
    assert [sent["kind"] for sent in listed(outbox, after="3")] == ["telegram", "webhook"]
    assert [sent["kind"] for sent in listed(outbox, limit="1")] == ["telegram"]
    assert httpx.get(f"{outbox.url}/messages?kind=pigeon").status_code == 400
    [call] = listed(outbox, kind="webhook")
    assert (call["subject"], call["message"]) == ("alerts.AlertRaised.v1", '{"event": 1}')
    assert call["details"]["answered"] == 200


def test_the_oldest_are_forgotten() -> None:
    messages = Messages()
    for number in range(MESSAGES_MAX + 5):
        messages.add("email", "a", str(number), "")
    kept = messages.newest()
    assert (len(kept), kept[-1]["subject"]) == (MESSAGES_MAX, "5")


def test_the_page_shows_what_was_sent_as_text(outbox: Outbox) -> None:
    post(outbox, "/messages", MAIL | {"subject": "<script>alert(1)</script>"})
    page = httpx.get(outbox.url).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page


def test_a_mail_in_html_is_shown_as_it_looks_without_its_scripts(outbox: Outbox) -> None:
    post(outbox, "/messages", MAIL | {"html": '<b>70 %</b><script>alert("x")</script>'})
    [sent] = listed(outbox)
    assert (sent["message"], sent["html"][:11]) == ("70 %", "<b>70 %</b>")
    page = httpx.get(outbox.url).text
    assert 'sandbox srcdoc="&lt;b&gt;70 %&lt;/b&gt;&lt;script' in page
    assert "<b>70" not in page


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"kind": "email"}', b'{"kind": "pigeon"}'])
def test_what_is_no_message_is_refused(outbox: Outbox, body: bytes) -> None:
    assert post(outbox, "/messages", body).status_code == 400
    assert listed(outbox) == []


def test_pages_of_others_write_nothing_here(outbox: Outbox) -> None:
    told = {"chat_id": CHAT, "text": "/kill Desk A"}
    assert post(outbox, "/telegram/say", told, Origin="https://evil.example").status_code == 403
    assert post(outbox, "/telegram/say", told, Origin=outbox.url).status_code == 200


@pytest.mark.parametrize(
    ("channel", "body", "status", "text"),
    [
        ("risk", b'{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "in a block"}}]}', 200, "ok"),
        ("risk", b"nonsense", 400, "invalid_payload"),
        ("risk", b"[]", 400, "invalid_payload"),
        ("risk", b'{"text": " "}', 400, "no_text"),
        ("gone", b'{"text": "x"}', 404, "no_service"),
        ("archived", b'{"text": "x"}', 410, "channel_is_archived"),
        ("slow", b'{"text": "x"}', 429, "rate_limited"),
    ],
)
def test_slack_answers_as_slack_does(outbox: Outbox, channel: str, body: bytes, status: int, text: str) -> None:
    answer = post(outbox, f"/slack/{channel}", body)
    assert (answer.status_code, answer.text) == (status, text)
    assert len(listed(outbox)) == (status == 200)
    assert ("Retry-After" in answer.headers) == (status == 429)


def test_a_receiver_of_webhooks_answers_what_its_name_asks_for(outbox: Outbox) -> None:
    assert post(outbox, "/webhooks/status-503", {}).status_code == 503
    assert listed(outbox)[0]["details"]["answered"] == 503


# Telegram ---------------------------------------------------------------------------------------------------------


def test_telegram_takes_what_telegram_takes(outbox: Outbox) -> None:
    bot = BotApi(f"{outbox.url}/telegram", BOT_TOKEN)
    message_id = bot.send(CHAT, "<b>Stop?</b>", buttons=[Button("Yes", "kill:1"), Button("No", "keep")])
    [sent] = listed(outbox)
    assert (sent["to"], sent["message"]) == ("1001", "Stop?")
    assert [button["text"] for button in sent["details"]["buttons"]] == ["Yes", "No"]
    bot.edit(CHAT, message_id, "done")
    bot.edit(CHAT, message_id, "done")  # What is so already is no error.
    assert outbox.telegram.button(CHAT, "Yes") is None
    bot.answer_press("no such press")  # Nor is a button that has stopped waiting.


@pytest.mark.parametrize(
    ("text", "button", "reason"),
    [
        ("<b>open", "x", "can't parse entities"),
        ("</b>", "x", "can't parse entities"),
        ("1 < 2", "x", "can't parse entities"),
        ("a & b", "x", "can't parse entities"),
        ("<script>x</script>", "x", "can't parse entities"),
        ("", "x", "text is empty"),
        ("x" * 4_097, "x", "too long"),
        ("ok", "x" * 65, "BUTTON_DATA_INVALID"),
    ],
)
def test_telegram_refuses_what_telegram_refuses(outbox: Outbox, text: str, button: str, reason: str) -> None:
    with pytest.raises(MessageRefused, match=reason):
        BotApi(f"{outbox.url}/telegram", BOT_TOKEN).send(CHAT, text, buttons=[Button("b", button)])
    assert listed(outbox) == []


def test_a_wrong_token_or_no_server_may_pass_and_the_token_stands_in_no_error(outbox: Outbox) -> None:
    for url in (f"{outbox.url}/telegram", "http://127.0.0.1:9"):
        with pytest.raises(TelegramUnavailable) as refused:
            BotApi(url, "424242:another-token").send(CHAT, "x")
        assert isinstance(refused.value, Unavailable)
        assert "another-token" not in f"{refused.value!r} {refused.value.__cause__!r}"
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_blocked_bot_is_refused_for_good_and_429_says_for_how_long(outbox: Outbox) -> None:
    now = 100.0
    bot = BotApi(f"{outbox.url}/telegram", BOT_TOKEN, clock=lambda: now)
    post(outbox, "/telegram/block", {"chat_id": CHAT})
    with pytest.raises(ChatRefused):
        bot.send(CHAT, "x")
    post(outbox, "/telegram/busy", {"seconds": 30})
    with pytest.raises(TelegramUnavailable) as refused:
        bot.send(1002, "x")
    assert refused.value.retry_after_s == pytest.approx(30, abs=1)
    post(outbox, "/telegram/busy", {"seconds": 0})
    with pytest.raises(TelegramUnavailable):
        bot.send(1002, "x")
    now += 31
    bot.send(1002, "x")
    assert [sent["to"] for sent in listed(outbox)] == ["1002"]


@pytest.mark.parametrize(("status", "body"), [(500, b""), (502, b"<html>"), (200, b"[]"), (200, b'{"ok": false}')])
def test_what_cannot_be_read_is_no_answer(status: int, body: bytes) -> None:
    class Broken(QuietHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

    with served(Broken) as url, pytest.raises(TelegramUnavailable):
        BotApi(url, BOT_TOKEN).send(CHAT, "x")


def test_the_webhook_is_set_with_the_secret_that_telegram_shows(outbox: Outbox) -> None:
    secret = {"bot_token": BOT_TOKEN, "webhook_secret": "shown", "api_url": f"{outbox.url}/telegram"}
    assert set_webhook(secret, "https://api.example.com/") == BOT_USERNAME
    told = outbox.telegram.call(BOT_TOKEN, "getWebhookInfo", {})[1]["result"]
    assert told["url"] == "https://api.example.com/telegram/webhook"
    with pytest.raises(LocalCloudError, match="getMe: Unauthorized") as refused:
        set_webhook(secret | {"bot_token": "1:wrong-token"}, "https://api.example.com")
    assert "wrong-token" not in str(refused.value)
    with pytest.raises(LocalCloudError, match="no bot_token yet"):
        set_webhook(secret | {"bot_token": ""}, "https://api.example.com")
    with pytest.raises(LocalCloudError, match="unallowed characters"):
        set_webhook(secret | {"webhook_secret": "ä"}, "https://api.example.com")


# the command ------------------------------------------------------------------------------------------------------


def test_the_command_lists_what_was_sent(outbox: Outbox, run: Any) -> None:
    assert "Nothing was sent yet." in run().stdout
    post(outbox, "/messages", MAIL | {"subject": "one\x1b[2Jline"})
    post(outbox, "/slack/risk", {"text": "Desk A is SUSPENDED\nby a breach"})
    lines = run().stdout.splitlines()
    assert "slack    to risk: Desk A is SUSPENDED" in lines[0]
    assert lines[1].strip() == "by a breach"
    assert "email    to ada@firm.example: one [2Jline" in lines[2]
    assert [json.loads(line)["kind"] for line in run("--json").stdout.splitlines()] == ["slack", "email"]
    assert len(run("--kind", "sms", "--json").stdout.splitlines()) == 0
    assert "--kind is one of" in run("--kind", "pigeon").stderr


def test_the_command_writes_to_the_bot_and_presses_buttons(outbox: Outbox, run: Any) -> None:
    told: list[dict[str, Any]] = []
    outbox.telegram.tell = lambda update: told.append(update) or 1  # type: ignore[method-assign,func-returns-value]
    assert run("say", "/help", "--chat", "7").exit_code == 0
    BotApi(f"{outbox.url}/telegram", BOT_TOKEN).send(7, "Stop?", buttons=[Button("Stop Desk A", "kill:1")])
    assert run("press", "stop", "--chat", "7").exit_code == 0
    assert told[0]["message"]["text"] == "/help"
    assert told[1]["callback_query"]["data"] == "kill:1"
    missing = run("press", "Acknowledge", "--chat", "7")
    assert (missing.exit_code, missing.stderr.count("\n")) == (1, 1)


def test_without_a_local_run_one_line_says_so(run: Any, tmp_path: Path, outbox: Outbox) -> None:
    (tmp_path / "endpoints.json").write_text(json.dumps({"outbox_url": "http://127.0.0.1:9"}))
    (tmp_path / "endpoints.json").unlink()
    told = run()
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (1, "", 1)
    assert "`make up` starts one" in told.stderr
    (tmp_path / "endpoints.json").write_text(json.dumps({"outbox_url": "http://127.0.0.1:9"}))
    told = run("--follow")
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "`make up` starts it" in told.stderr
