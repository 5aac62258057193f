"""Telegram's bot: its token, and what Telegram proves itself with, from a secret that is read again as it ages."""

import hmac
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.db.alerts import Alert
from breakwater.db.telegram import LinkedUser, find_chat
from breakwater.errors import NotAuthenticated, NotFound, Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.database import transactions_of, untenanted_transaction
from breakwater.runtime.settings import settings
from breakwater.services.telegram_alerts import send_alerts
from breakwater.services.telegram_api import BotApi

API_URL = "https://api.telegram.org"
KEPT_S = 300.0
ASKED_AGAIN_AFTER_S = 5.0  # A new secret is soon known; whoever guesses does not make us ask each time.


@dataclass(frozen=True, slots=True)
class BotSecret:
    """`api_url` is another than Telegram's own on one machine alone, or with a Bot API server of the firm's."""

    bot_token: str
    webhook_secret: str
    api_url: str

    @classmethod
    def of(cls, text: str) -> "BotSecret":
        """Unavailable for what was written by hand, and wrongly."""
        try:
            told = json.loads(text)
            return cls(
                str(told.get("bot_token", "")),
                str(told["webhook_secret"]),
                str(told.get("api_url") or API_URL).rstrip("/"),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Unavailable("the secret of the Telegram bot cannot be read as one") from None


def check_telegram(shown: str) -> None:
    """NotAuthenticated unless it is what Telegram was given to show; NotFound where there is no bot."""
    if not _bot().accepts(shown):
        raise NotAuthenticated("this is not Telegram")


def bot_api() -> BotApi:
    """NotFound where there is no bot; Unavailable when its secret cannot be read, or has no token yet."""
    return _bot().api()


def send_to_chat(
    alerts: Sequence[Alert], chat_id: int, *, at: datetime, count: int = 1, note: str | None = None
) -> None:
    """As `send_alerts` does it and raises; NotFound where there is no bot, which is final as well."""

    def find(chat_id: int) -> LinkedUser | None:
        with untenanted_transaction() as connection:
            return find_chat(connection, chat_id)

    send_alerts(
        alerts,
        chat_id,
        bot=bot_api(),
        find_chat=find,
        transactions_of=transactions_of,
        at=at,
        count=count,
        note=note,
    )


class Bot:
    """`read`: the secret's text as it is now; Unavailable when it is not to be had."""

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._secret: BotSecret | None = None
        self._api: BotApi | None = None
        self._api_of: BotSecret | None = None
        self._read_at = 0.0

    def accepts(self, shown: str) -> bool:
        if self._matches(self._known(), shown):
            return True
        return self._clock() - self._read_at >= ASKED_AGAIN_AFTER_S and self._matches(self._known(age_s_max=0), shown)

    def api(self) -> BotApi:
        """One as long as the secret is the same: it remembers when Telegram asked to wait."""
        secret = self._known()
        if not secret.bot_token:
            raise Unavailable("the Telegram bot has no token yet")
        if self._api is None or self._api_of != secret:
            self._api, self._api_of = BotApi(secret.api_url, secret.bot_token), secret
        return self._api

    def _known(self, age_s_max: float = KEPT_S) -> BotSecret:
        if self._secret is None or self._clock() - self._read_at >= age_s_max:
            try:
                self._secret = BotSecret.of(self._read())
            except Unavailable:
                if self._secret is None:
                    raise
                # What was right a while ago: alerts do not wait for Secrets Manager.
            self._read_at = self._clock()
        return self._secret

    def _matches(self, secret: BotSecret, shown: str) -> bool:
        return secret.webhook_secret != "" and hmac.compare_digest(secret.webhook_secret.encode(), shown.encode())


def _bot() -> Bot:
    arn = settings().telegram_secret_arn
    if arn is None:
        raise NotFound("there is no Telegram bot here")
    return _bot_of(arn)


@cache
def _bot_of(secret_arn: str) -> Bot:
    return Bot(lambda: _secret_text(secret_arn))


def _secret_text(secret_arn: str) -> str:
    try:
        text: str = client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the secret of the Telegram bot could not be read") from error
    return text
