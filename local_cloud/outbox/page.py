"""The outbox as a page: what was sent, the newest first, and a form to write to the bot."""

import html
from urllib.parse import urlencode

from local_cloud.outbox.messages import KINDS, Message

SHOWN_MAX = 200
_PAGE = """<!doctype html><meta charset="utf-8">{refresh}<title>Breakwater: outbox</title>
<style>body{{font:16px system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}}
article{{border:1px solid #ccc;border-radius:8px;margin:1rem 0;padding:0 1rem}}pre{{white-space:pre-wrap}}
form{{display:inline-block;margin:0 .5rem 1rem 0}}</style>
<h1>Sent by this platform</h1><p>Nothing left this machine. The same as JSON: <a href="/messages">/messages</a>, and in
the terminal: <code>breakwater outbox</code></p><p>{kinds}</p>{chat}{articles}"""
_ARTICLE = """<article><h2>{subject}</h2><p>{kind} to <b>{to}</b>, {sent_at}</p>{body}{buttons}</article>"""
_TEXT = "<pre>{message}</pre>"
# Without scripts and of no origin, as a mail program shows it.
_MAIL = """<details><summary>as text</summary><pre>{message}</pre></details>
<iframe sandbox srcdoc="{html}" style="width:100%;height:40rem;border:1px solid #ccc"></iframe>"""
_CHAT = """<form method="post" action="/telegram/say">As the person of chat
<input name="chat_id" value="{chat_id}" size="8"> <input name="text" size="40" autofocus placeholder="/help">
<button>say</button></form>"""
_BUTTON = """<form method="post" action="/telegram/press"><input type="hidden" name="chat_id" value="{chat_id}">
<input type="hidden" name="message_id" value="{message_id}"><input type="hidden" name="told" value="{told}">
<button>{text}</button></form>"""


def page(messages: list[Message], *, kind: str | None, to: str | None) -> str:
    """It looks again by itself, but for where somebody may be typing."""
    is_chat = kind == "telegram"
    return _PAGE.format(
        refresh="" if is_chat else '<meta http-equiv="refresh" content="5">',
        kinds=" · ".join(_link(each, kind) for each in (None, *KINDS)),
        chat=_CHAT.format(chat_id=html.escape(to or "1001")) if is_chat else "",
        articles="".join(_article(message) for message in messages[:SHOWN_MAX]),
    )


def chat_address(chat_id: str) -> str:
    return f"/?{urlencode({'kind': 'telegram', 'to': chat_id})}"


def _link(kind: str | None, chosen: str | None) -> str:
    name = kind or "all"
    return f"<b>{name}</b>" if kind == chosen else f'<a href="/{"" if kind is None else f"?kind={kind}"}">{name}</a>'


def _article(message: Message) -> str:
    told = {name: html.escape(str(message[name])) for name in ("subject", "kind", "to", "sent_at", "message", "html")}
    details = message["details"]
    buttons = "".join(
        _BUTTON.format(
            chat_id=details["chat_id"],
            message_id=details["message_id"],
            told=html.escape(button["told"]),
            text=html.escape(button["text"]),
        )
        for button in details.get("buttons", [])
    )
    body = (_MAIL if message["html"] else _TEXT).format(**told)
    return _ARTICLE.format(**told, body=body, buttons=buttons)
