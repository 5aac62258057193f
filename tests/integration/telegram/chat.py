"""A firm, its people, and the bot between them: the function's own handler, a real database, and a local Telegram."""

import itertools
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from functions.alerting import app as alerting_app
from functions.telegram import app as telegram_app
from local_cloud.outbox.messages import Message
from local_cloud.outbox.server import Outbox
from tests.integration.orders.conftest import Desk
from tests.unit.runtime.http_events import LambdaContext, caller_context, http_event

SECRET = "shown-by-telegram"
CHAT = 1001


@dataclass
class Chats:
    """What people write reaches the handler at once; what the bot says is in the outbox."""

    desk: Desk
    outbox: Outbox
    _update_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # people -----------------------------------------------------------------------------------------------------

    def person(self, username: str, role: str, *, node_id: uuid.UUID | None = None) -> uuid.UUID:
        """A user; of the first account and what is below the node, if the role does not see all."""
        user_id = uuid.uuid4()
        self.desk.admin(
            "INSERT INTO identity.users (user_id, tenant_id, username, subject, email, role)"
            " VALUES (%s, %s, %s, %s, '', %s)",
            *(user_id, self.desk.firm.tenant_id, username, username, role),
        )
        access = [("account", self.desk.firm.account_ids[0])] if role == "trader" else []
        for kind, given in [*access, *([] if node_id is None else [("node", node_id)])]:
            self.desk.admin(
                f"INSERT INTO identity.{kind}_access (user_id, {kind}_id, tenant_id) VALUES (%s, %s, %s)",
                *(user_id, given, self.desk.firm.tenant_id),
            )
        return user_id

    def ask(self, method: str, username: str, role: str, **context: str) -> tuple[int, Any]:
        """Of /contacts/me/telegram, as somebody who is signed in."""
        caller = caller_context(role, self.desk.firm.tenant_id, subject=username, username=username, **context)
        event = http_event(method, "/contacts/me/telegram", caller=caller)
        answer = alerting_app.handler(event, LambdaContext())
        return answer["statusCode"], json.loads(answer["body"] or "null")

    def code(self, username: str, role: str, **context: str) -> str:
        status, told = self.ask("POST", username, role, **context)
        assert status == 201, told
        return str(told["code"])

    def link(self, username: str, role: str, chat_id: int = CHAT, **more: Any) -> uuid.UUID:
        """A new person, whom the chat speaks for."""
        user_id = self.person(username, role, **more)
        assert f"speaks for {username}" in self.say(f"/link {self.code(username, role)}", chat_id)
        return user_id

    # the talk ---------------------------------------------------------------------------------------------------

    def say(self, text: str, chat_id: int = CHAT) -> str:
        """What the bot answers."""
        before = self._newest_id()
        self.tell({"message": {"message_id": 1, "chat": {"id": chat_id, "type": "private"}, "text": text}})
        return "\n".join(sent["message"] for sent in reversed(self.sent_since(before)))

    def press(self, caption: str, chat_id: int = CHAT) -> str:
        """What the bot answers to the newest button that begins so."""
        before = self._newest_id()
        self.tell(self.press_update(caption, chat_id))
        return "\n".join(sent["message"] for sent in reversed(self.sent_since(before)))

    def press_update(self, caption: str, chat_id: int = CHAT) -> dict[str, Any]:
        sent = self.outbox.telegram.button(chat_id, caption)
        assert sent is not None, f"no button {caption}"
        button = next(each for each in sent["details"]["buttons"] if each["text"].startswith(caption))
        message = {"message_id": sent["details"]["message_id"], "chat": {"id": chat_id, "type": "private"}}
        return {"callback_query": {"id": "7", "from": {"id": chat_id}, "message": message, "data": button["told"]}}

    def tell(self, update: dict[str, Any], *, secret: str = SECRET, status: int = 200) -> Any:
        """An update under the next id, or its own, as Telegram posts it."""
        headers = {"x-telegram-bot-api-secret-token": secret}
        body = {"update_id": next(self._update_ids)} | update
        answer = telegram_app.handler(
            http_event("POST", "/telegram/webhook", body=body, headers=headers), LambdaContext()
        )
        assert answer["statusCode"] == status, answer
        return json.loads(answer["body"])

    def sent_since(self, message_id: int, chat_id: int | None = None) -> list[Message]:
        found = self.outbox.messages.newest(kind="telegram", after=message_id)
        return [each for each in found if chat_id in {None, each["details"]["chat_id"]}]

    def _newest_id(self) -> int:
        newest = self.outbox.messages.newest(limit=1)
        return newest[0]["id"] if newest else 0

    # what is in the database ------------------------------------------------------------------------------------

    def events(self, topic: str) -> list[tuple[str | None, dict[str, Any]]]:
        """Actor and payload."""
        with psycopg.connect(self.desk.urls.admin) as connection:
            return connection.execute(
                "SELECT actor, payload FROM trading.events WHERE topic = %s ORDER BY recorded_no", (topic,)
            ).fetchall()

    def node_state(self, node_id: uuid.UUID) -> str:
        [(state,)] = self.desk.admin("SELECT state FROM limits.nodes WHERE node_id = %s", node_id)
        return str(state)


def eventually(look: Any, within_s: float = 10.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
