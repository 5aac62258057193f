"""The tour's second half: a breach reaches email, Slack, Telegram and a webhook, escalates, and is acknowledged.

All of it goes by the API, and is read where the local run's messages arrive, in the outbox. What it adds is its own and
taken away at the end: a Slack channel, a webhook, a strategy with a limit, and the chat that speaks for `risk` (one
that spoke for him before has to be linked again). A manager stays, disabled.
"""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import httpx

from breakwater.client.api import Client
from breakwater.client.demo_steps import Step, Unexpected, expect, wait_for
from breakwater.client.pages import every
from breakwater.client.session import local_endpoints, local_password
from breakwater.client.shapes import Json
from breakwater.client.transport import Problem
from breakwater.client.webhooks import SIGNATURE_HEADER, WebhookEvent, WebhookRefused, verify

SYMBOL = "ETH/USDT"
NAME = "demo-alerts"  # Of the Slack channel and of the webhook.
MANAGER = "demo-manager"
QUANTITY_MAX, QUANTITY = "0.001", "0.01"
# An escalation at seconds, which leaves time to press a button between its stages.
FIRST_S, SECOND_S = 5, 25
USUAL_S = (15 * 60, 30 * 60)
ALERT_WITHIN_S = 30
MESSAGE_WITHIN_S = 30
ESCALATED_WITHIN_S = FIRST_S + 30
SILENT_FOR_S = 3  # Beyond the time of the second stage.
ESCALATED = "alerts.AlertEscalated.v1"
RAISED = "alerts.AlertRaised."
NOTE = f"obody has acknowledged this for {FIRST_S} seconds"  # The first letter is as the channel has it.


class AlertTour:
    """The steps, in order; later ones look at what earlier ones made."""

    def __init__(self) -> None:
        self._endpoints = local_endpoints()
        self._outbox = httpx.Client(base_url=self._endpoints["outbox_url"], timeout=5.0)
        self._admin, self._risk, self._trader = (Client(self._endpoints["api_url"]) for _ in range(3))
        self._chat_id = uuid.uuid4().int % 10**9 + 10**6
        self._strategy = f"Demo {uuid.uuid4().hex[:8]}"
        self._undo = ExitStack()

    def steps(self) -> list[Step]:
        return [
            ("ways to tell of alerts", self.set_up),
            ("a chat is linked by a code", self.link_chat),
            ("a strategy's order is refused", self.breach),
            ("told by email", self.read_mail),
            ("told by Slack", self.read_slack),
            ("told by Telegram", self.read_telegram),
            ("told by webhook", self.read_webhook),
            ("nobody answers: escalated", self.read_escalation),
            ("acknowledged in Telegram", self.acknowledge),
            ("the next stage is not told", self.stay_silent),
            ("who was told", self.read_history),
        ]

    def close(self) -> None:
        """Puts everything back, also what a failed step has left."""
        self._undo.close()

    def set_up(self) -> str:
        for client, username in ((self._admin, "admin"), (self._risk, "risk"), (self._trader, "trader1")):
            client.sign_in(username, local_password(self._endpoints, username) or "")
        self._take_away()
        self._undo.callback(self._take_away)
        self._admin.add_alert_channel(NAME, f"{self._endpoints['outbox_url']}/slack/{NAME}")
        made = self._admin.add_webhook(NAME, f"{self._endpoints['outbox_url']}/webhooks/{NAME}", ["alerts.*"])
        self._secret = made["secret"]
        known = next((each for each in every(self._admin.users) if each["username"] == MANAGER), None)
        manager = known or self._admin.invite(MANAGER, f"{MANAGER}@harbour.example", "desk_head")
        self._manager_email = manager["email"]
        self._undo.callback(self._admin.change_user, manager["user_id"], is_disabled=True)
        self._admin.change_user(manager["user_id"], is_disabled=False)
        return f"Slack channel {NAME}, webhook {NAME}, {manager['email']} as {manager['role']}"

    def link_chat(self) -> str:
        code = self._risk.ask_telegram_code()
        self._undo.callback(self._risk.end_telegram_link)
        self._in_telegram("say", text=f"/link {code['code']}")

        def look() -> str | None:
            answers = [sent["subject"] for sent in self._messages("telegram", to=str(self._chat_id))]
            return next((answer for answer in answers if "speaks for risk" in answer), None)

        return f"chat {self._chat_id}: {wait_for(look, within_s=MESSAGE_WITHIN_S, otherwise='the bot did not answer')}"

    def breach(self) -> str:
        """At a new strategy: an alert about it waits for no other, and escalates in seconds."""
        account_id = self._trader.me()["account_ids"][0]
        account = next(each for each in self._risk.nodes() if each["account_id"] == account_id)
        node = self._risk.create_node(account["node_id"], "STRATEGY", self._strategy)
        self._undo.callback(self._risk.delete_node, node["node_id"])
        limit = self._risk.set_limit(node["node_id"], "MAX_ORDER_QTY", value=QUANTITY_MAX, instrument=SYMBOL)
        self._undo.callback(self._risk.delete_limit, limit["limit_id"])
        with self._escalation_at_seconds():
            self._correlation_id = self._refused(account_id, node["node_id"])
            self._alert = wait_for(self._find_alert, within_s=ALERT_WITHIN_S, otherwise="no alert about it")
        self._raised_at = time.monotonic()
        return f"422; {self._alert['severity']}: {self._alert['title']}; stages after {FIRST_S} and {SECOND_S} s"

    def read_mail(self) -> str:
        sent = self._told("email")
        return f"to {sent['to']}: {sent['subject']}"

    def read_slack(self) -> str:
        sent = self._told("slack", to=NAME)
        return f"to {sent['to']}: {sent['subject']}"

    def read_telegram(self) -> str:
        self._in_chat = self._told("telegram", to=str(self._chat_id))
        buttons = ", ".join(f"[{button['text']}]" for button in self._in_chat["details"]["buttons"])
        return f"to chat {self._in_chat['to']}: {self._in_chat['subject']} {buttons}"

    def read_webhook(self) -> str:
        def look() -> WebhookEvent | None:
            return next((event for event in self._events() if event.topic.startswith(RAISED)), None)

        event = wait_for(look, within_s=MESSAGE_WITHIN_S, otherwise="no call about it in the outbox")
        return f"to {NAME}: {event.topic}, signature verified"

    def read_escalation(self) -> str:
        """To the manager, who was not told at once, to Slack, and as an event."""
        mail = self._told("email", to=self._manager_email, is_escalated=True)
        self._told("slack", to=NAME, is_escalated=True)

        def look() -> WebhookEvent | None:
            return next((event for event in self._events() if event.topic == ESCALATED), None)

        event = wait_for(look, within_s=MESSAGE_WITHIN_S, otherwise="no event of it in the outbox")
        stage, waited_s = event.payload["stage"], event.payload["waited_s"]
        return f"after {waited_s} s, as after {stage} min: mail to {mail['to']}, Slack {NAME}, webhook {NAME}"

    def acknowledge(self) -> str:
        button = next(each for each in self._in_chat["details"]["buttons"] if each["text"] == "Acknowledge")
        self._in_telegram("press", message_id=self._in_chat["details"]["message_id"], told=button["told"])

        def look() -> Json | None:
            alert: Json = self._risk.alert(self._alert["alert_id"])["alert"]
            return alert if alert["acknowledged_at"] else None

        alert = wait_for(look, within_s=MESSAGE_WITHIN_S, otherwise="it was not acknowledged")
        told = (alert["acknowledged_by"], alert["acknowledged_via"])
        expect(told == ("risk", "TELEGRAM"), f"it was acknowledged by {told[0]} from {told[1]}")
        return f"by risk, {_seconds_between(alert['created_at'], alert['acknowledged_at']):.1f} s after the breach"

    def stay_silent(self) -> str:
        time.sleep(max(0.0, self._raised_at + SECOND_S + SILENT_FOR_S - time.monotonic()))
        stages = {event.payload["stage"] for event in self._events() if event.topic == ESCALATED}
        expect(stages == {15}, f"the webhook was told of the stages {sorted(stages)}")
        told = {each["stage"] for each in self._risk.alert(self._alert["alert_id"])["deliveries"]}
        expect(told == {0, 15}, f"messages are of the stages {sorted(told)}")
        return f"{SECOND_S} s are over: no event of it, and no message"

    def read_history(self) -> str:
        """As `breakwater alerts show` has it."""
        history = self._risk.alert(self._alert["alert_id"])
        sent = Counter((each["stage"], each["channel"]) for each in history["deliveries"] if each["state"] == "SENT")
        others = [each for each in history["deliveries"] if each["state"] != "SENT"]
        expect(not others, ", ".join(f"{each['channel']} to {each['destination']}: {each['state']}" for each in others))
        at_once, later = (
            ", ".join(f"{count} {channel}" for (stage, channel), count in sorted(sent.items()) if stage == wanted)
            for wanted in (0, 15)
        )
        return f"at once {at_once}; later {later}; ended by {history['alert']['acknowledged_by']}'s acknowledgement"

    # -- what the steps are made of --------------------------------------------------------------------------------

    def _take_away(self) -> None:
        """What has this tour's name, of this run or of one that was cut off."""
        for channel in self._admin.alert_channels():
            if channel["name"] == NAME:
                self._admin.remove_alert_channel(channel["channel_id"])
        for endpoint in self._admin.webhooks():
            if endpoint["name"] == NAME:
                self._admin.remove_webhook(endpoint["endpoint_id"])

    @contextmanager
    def _escalation_at_seconds(self) -> Iterator[None]:
        """What begins meanwhile goes on so, whatever is said later."""
        before = self._admin.escalation()
        waits, bridge = (before["first_s"], before["second_s"]), before["incident_bridge"]
        # A tour that was cut off has left its own.
        first_s, second_s = USUAL_S if waits == (FIRST_S, SECOND_S) else waits
        self._admin.set_escalation(FIRST_S, SECOND_S, incident_bridge=bridge)
        try:
            yield
        finally:
            self._admin.set_escalation(first_s, second_s, incident_bridge=bridge)

    def _refused(self, account_id: str, strategy_id: str) -> str:
        """The correlation id of the refusal."""
        try:
            order = self._trader.place_order(account_id, SYMBOL, "BUY", QUANTITY, strategy_id=strategy_id)
        except Problem as problem:
            expect(problem.code == "LIMIT_EXCEEDED" and problem.status == 422, str(problem))
            return str(problem.correlation_id)
        raise Unexpected(f"it was let through and is {order['status']}")

    def _find_alert(self) -> Json | None:
        found = self._risk.alerts(category="RISK")["items"]
        return next((each for each in found if each["correlation_id"] == self._correlation_id), None)

    def _messages(self, kind: str, to: str = "") -> list[dict[str, Any]]:
        """Of the outbox, the newest first."""
        items: list[dict[str, Any]] = (
            self._outbox.get("/messages", params={"kind": kind, "to": to}).raise_for_status().json()["items"]
        )
        return items

    def _told(self, kind: str, to: str = "", *, is_escalated: bool = False) -> dict[str, Any]:
        """The message about this breach, at once or of the first stage."""

        def look() -> dict[str, Any] | None:
            for sent in self._messages(kind, to):
                whole = json.dumps([sent["message"], sent["details"]])
                if self._correlation_id in whole and (NOTE in whole) == is_escalated:
                    return sent
            return None

        within_s = ESCALATED_WITHIN_S if is_escalated else MESSAGE_WITHIN_S
        return wait_for(look, within_s=within_s, otherwise=f"no {kind} message about it in the outbox")

    def _events(self) -> list[WebhookEvent]:
        """What our webhook was told of the alert, each call believed by the verifier that receivers use."""
        events = []
        for call in self._messages("webhook", to=NAME):
            if self._alert["alert_id"] not in call["message"]:
                continue
            signature = call["details"]["headers"].get(SIGNATURE_HEADER)
            try:
                events.append(verify(call["message"].encode(), signature, [self._secret]))
            except WebhookRefused as refused:
                raise Unexpected(f"a call was not to be believed: {refused}") from refused
        return events

    def _in_telegram(self, doing: str, **told: object) -> None:
        """What the person with the chat does."""
        self._outbox.post(f"/telegram/{doing}", json={"chat_id": self._chat_id, **told}).raise_for_status()


def _seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
