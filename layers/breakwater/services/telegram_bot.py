"""The bot: what a linked person may do from his chat, with his own permissions as they are now.

Each update takes effect once. The person is looked up for each, and asks the same services as the HTTP API does, in
his own name; the audit trail says that it was by Telegram.
"""

import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from breakwater.db.alerts import AlertFilter
from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.orders import OrderFilter
from breakwater.db.telegram import LinkedUser, find_chat, take_update
from breakwater.domain.telegram import Pressed, Said, read_update, secret_hash
from breakwater.errors import Rejection, SecondFactorRequired, Unavailable
from breakwater.services import acknowledgements, alert_views, brakes, health, limit_tree, orders, queries
from breakwater.services import telegram_texts as texts
from breakwater.services.brakes import StateChange
from breakwater.services.engine_client import EngineClient
from breakwater.services.telegram_alerts import ACKNOWLEDGE, alert_text, buttons_of, unlink_blocked
from breakwater.services.telegram_api import BotApi, Button, ChatRefused, MessageRefused, TelegramUnavailable
from breakwater.services.telegram_links import VIA, ActorsTransactions, caller_of, end_link_of, redeem

REASON_WAITED_FOR = timedelta(minutes=5)
CONFIRMED_WITHIN = timedelta(seconds=60)
REASON_CHARACTERS_MAX = 200
ORDERS_SHOWN_MAX = 20
ALERTS_SHOWN_MAX = 10
NODES_SHOWN_MAX = 10
KILL = "kill:"
KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Means:
    """What the bot works with."""

    bot: BotApi
    untenanted: Callable[[], AbstractContextManager[Connection]]
    transactions_of: ActorsTransactions
    engine: EngineClient
    second_factor_roles: frozenset[str]
    log: Callable[[str], None]


def answer(told: Mapping[str, Any], means: Means, correlation_id: str, at: datetime) -> None:
    """Do what an update asks for and say so in its chat. One that was told before does nothing.

    Unavailable only while it is not known whether it was told before: then Telegram tells it again. Afterwards the
    person does, if he is told that something did not answer, or of nothing.
    """
    update = read_update(told)
    if update is None:
        return
    with means.untenanted() as connection:
        if not take_update(connection, update.update_id):
            return
    try:
        _answer(update, means, correlation_id, at)
    except ChatRefused:
        unlink_blocked(update.chat.chat_id, _finder(means), means.transactions_of, correlation_id=correlation_id, at=at)
    except (TelegramUnavailable, MessageRefused) as error:
        means.log(error.message)


def _answer(update: Said | Pressed, means: Means, correlation_id: str, at: datetime) -> None:
    if not update.chat.is_private:
        if isinstance(update, Said) and update.command is not None:
            means.bot.send(update.chat.chat_id, texts.ONLY_PRIVATE)
        return
    try:
        if isinstance(update, Said) and update.command in {"link", "start"} and update.argument:
            _link(update, means, correlation_id, at)
            return
        linked = _finder(means)(update.chat.chat_id)
        if linked is None:
            _say_not_linked(update, means)
            return
        talk = _Talk(means, linked, update.chat.chat_id, correlation_id, at)
        if isinstance(update, Pressed):
            talk.pressed(update)
        else:
            talk.said(update)
    except (ChatRefused, TelegramUnavailable, MessageRefused):
        raise
    except SecondFactorRequired:
        _say_no(update, means, texts.SECOND_FACTOR_FIRST)
    except Rejection as refused:
        _say_no(update, means, texts.refused_text(refused.message))
    except Unavailable:
        _say_no(update, means, texts.UNAVAILABLE)


def _finder(means: Means) -> Callable[[int], LinkedUser | None]:
    def find(chat_id: int) -> LinkedUser | None:
        with means.untenanted() as connection:
            return find_chat(connection, chat_id)

    return find


def _link(said: Said, means: Means, correlation_id: str, at: datetime) -> None:
    username = redeem(
        said.argument,
        said.chat.chat_id,
        untenanted=means.untenanted,
        transactions_of=means.transactions_of,
        correlation_id=correlation_id,
        at=at,
    )
    means.bot.send(said.chat.chat_id, texts.linked_text(username))


def _say_not_linked(update: Said | Pressed, means: Means) -> None:
    if isinstance(update, Pressed):
        means.bot.answer_press(update.callback_id, "This chat speaks for nobody.")
    else:
        means.bot.send(update.chat.chat_id, texts.NOT_LINKED)


def _say_no(update: Said | Pressed, means: Means, text: str) -> None:
    if isinstance(update, Pressed):
        means.bot.answer_press(update.callback_id)
    means.bot.send(update.chat.chat_id, text)


class _Talk:
    """One update of one person: what he asks for, and what he is told."""

    def __init__(self, means: Means, linked: LinkedUser, chat_id: int, correlation_id: str, at: datetime) -> None:
        self._means = means
        self._user_id = linked.user_id
        self._chat_id = chat_id
        self._at = at
        self._caller = caller_of(linked, means.second_factor_roles, correlation_id)
        self._transactions = means.transactions_of(f"{linked.username}/{VIA}")

    def said(self, said: Said) -> None:
        commands: dict[str, Callable[[str], None]] = {
            "positions": self._positions,
            "orders": self._orders,
            "limits": self._limits,
            "alerts": self._alerts,
            "ack": self._acknowledge_numbered,
            "kill": self._ask_to_kill,
            "status": self._status,
            "unlink": self._unlink,
            "help": self._help,
            "start": self._help,
        }
        if said.command is None:
            self._reason_or_nothing(said.argument)
        elif said.command in commands:
            commands[said.command](said.argument)
        else:
            self._say(texts.NOT_UNDERSTOOD)

    def pressed(self, pressed: Pressed) -> None:
        if pressed.told.startswith(ACKNOWLEDGE):
            self._acknowledge_pressed(pressed)
        elif pressed.told.startswith(KILL):
            self._kill(pressed)
        elif pressed.told == KEEP:
            with self._tx() as tx:
                tx.telegram.forget_kill(self._user_id)
            self._done(pressed, texts.KILL_FORGOTTEN)
        else:
            self._means.bot.answer_press(pressed.callback_id)

    # what is read -----------------------------------------------------------------------------------------------

    def _positions(self, _: str) -> None:
        with self._tx() as tx:
            held = queries.positions(self._caller, tx, account_id=None, at=self._at)["items"]
            names = self._account_names(tx)
        self._say(texts.positions_text(held, names))

    def _orders(self, _: str) -> None:
        with self._tx() as tx:
            wanted = OrderFilter(open_only=True)
            found, cursor = orders.page(
                self._caller, tx, account_id=None, wanted=wanted, cursor=None, limit=ORDERS_SHOWN_MAX
            )
            names = self._account_names(tx)
        self._say(texts.orders_text(found, names, are_more=cursor is not None))

    def _limits(self, _: str) -> None:
        with self._tx() as tx:
            roots = limit_tree.tree(self._caller, tx, self._at)["items"]
        self._say(texts.limits_text(roots))

    def _status(self, _: str) -> None:
        self._caller.require_second_factor()
        found = health.check({"database": self._ask_database, "engine": self._means.engine.unserved_shards})
        self._say(texts.status_text(self._caller, found, health.worst(found)))

    def _help(self, _: str) -> None:
        self._say(texts.help_text())

    def _ask_database(self) -> Sequence[int]:
        with self._means.untenanted():
            return ()

    def _account_names(self, tx: TenantTransaction) -> dict[str, str]:
        accounts = tx.identity.accounts(orders.visible_accounts(self._caller, tx, None))
        return {str(account.account_id): account.name for account in accounts}

    # alerts -----------------------------------------------------------------------------------------------------

    def _alerts(self, _: str) -> None:
        with self._tx() as tx:
            shown = alert_views.alerts(self._caller, tx, wanted=AlertFilter(), cursor=None, limit=ALERTS_SHOWN_MAX)[
                "items"
            ]
            tx.telegram.show_alerts(self._user_id, [alert.alert_id for alert in shown])
        self._say(texts.alerts_text(shown))

    def _acknowledge_numbered(self, argument: str) -> None:
        number = int(argument) if argument.isascii() and argument.isdecimal() and len(argument) < 4 else 0
        alert = None
        with self._tx() as tx:
            self._caller.require("alerts:read")
            shown = tx.telegram.shown_alerts(self._user_id)
            if 1 <= number <= len(shown):
                alert = acknowledgements.acknowledge(shown[number - 1], self._caller, "TELEGRAM", tx, self._at)
        self._say(texts.ACK_WHICH if alert is None else texts.taken_up_text(alert))

    def _acknowledge_pressed(self, pressed: Pressed) -> None:
        try:
            alert_id = uuid.UUID(pressed.told.removeprefix(ACKNOWLEDGE))
        except ValueError:  # Not a button of ours.
            self._means.bot.answer_press(pressed.callback_id)
            return
        with self._tx() as tx:
            alert = acknowledgements.acknowledge(alert_id, self._caller, "TELEGRAM", tx, self._at)
        self._means.bot.answer_press(pressed.callback_id, "Acknowledged")
        self._means.bot.edit(self._chat_id, pressed.message_id, alert_text(alert), buttons=buttons_of(alert))

    # kill -------------------------------------------------------------------------------------------------------

    def _ask_to_kill(self, argument: str) -> None:
        self._caller.require("risk:stop")
        if not argument:
            self._say(texts.KILL_WHICH)
            return
        with self._tx() as tx:
            found = limit_tree.find_nodes(argument, self._caller, tx, self._at)["items"]
            if len(found) == 1:
                node_id = uuid.UUID(found[0]["node_id"])
                tx.identity.require_node(self._caller.subject, self._caller.role, node_id)
                tx.telegram.ask_why(self._user_id, node_id, self._at + REASON_WAITED_FOR)
        if len(found) == 1:
            self._say(texts.why_text(found[0]["name"]), asks=True)
        else:
            self._say(texts.which_node_text(found[:NODES_SHOWN_MAX]))

    def _reason_or_nothing(self, words: str) -> None:
        """The reason that was asked for, and the button that confirms; a token of its own each time."""
        reason = words[:REASON_CHARACTERS_MAX]
        token = secrets.token_urlsafe(16)
        with self._tx() as tx:
            expires_at = self._at + CONFIRMED_WITHIN
            node_id = None
            if reason:
                node_id = tx.telegram.ask_whether(
                    self._user_id, reason, secret_hash(token), at=self._at, expires_at=expires_at
                )
            node = None if node_id is None else tx.limits.node(node_id, self._at)
        if node is None:
            self._say(texts.NOT_UNDERSTOOD)
            return
        seconds = int(CONFIRMED_WITHIN.total_seconds())
        buttons = [Button(f"Stop {node.name}"[:60], f"{KILL}{token}"), Button("No", KEEP)]
        self._say(texts.whether_text(node.name, reason, seconds), buttons=buttons)

    def _kill(self, pressed: Pressed) -> None:
        token_hash = secret_hash(pressed.told.removeprefix(KILL))
        with self._tx() as tx:
            asked = tx.telegram.take_kill(self._user_id, token_hash, self._at)
        if asked is None:
            self._done(pressed, texts.KILL_TOO_LATE)
            return
        change = StateChange(node_id=asked[0], reason=asked[1])
        killed = brakes.kill(change, self._caller, self._transactions, self._means.engine, self._at)
        self._done(pressed, texts.killed_text(killed, self._caller.username, change.reason))

    # the link ---------------------------------------------------------------------------------------------------

    def _unlink(self, _: str) -> None:
        with self._tx() as tx:
            end_link_of(
                self._user_id,
                self._caller.username,
                tx,
                self._at,
                by=f"{self._caller.username}/{VIA}",
                correlation_id=self._caller.correlation_id,
            )
        self._say(texts.UNLINKED)

    # how it is said ---------------------------------------------------------------------------------------------

    def _tx(self) -> AbstractContextManager[TenantTransaction]:
        return self._transactions(self._caller.tenant_id)

    def _say(self, text: str, *, buttons: Sequence[Button] = (), asks: bool = False) -> None:
        self._means.bot.send(self._chat_id, text, buttons=buttons, asks=asks)

    def _done(self, pressed: Pressed, text: str) -> None:
        """The message that had the button says what came of it, and has none any more."""
        self._means.bot.answer_press(pressed.callback_id)
        try:
            self._means.bot.edit(self._chat_id, pressed.message_id, text)
        except MessageRefused:  # He has deleted it.
            self._say(text)
