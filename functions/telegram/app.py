"""The webhook of the Telegram bot: whatever people write to it comes here, once or more often."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel

from breakwater.domain.access_tokens import second_factor_roles
from breakwater.runtime.api import PUBLIC, CorrelationId, create_api, lambda_handler
from breakwater.runtime.database import transactions_of, untenanted_transaction
from breakwater.runtime.engine import engine_client
from breakwater.runtime.observability import logger
from breakwater.runtime.settings import settings
from breakwater.runtime.telegram import bot_api, check_telegram
from breakwater.services import telegram_bot
from breakwater.services.telegram_bot import Means

api = create_api(service="telegram")

Secret = Annotated[str, Header(alias="X-Telegram-Bot-Api-Secret-Token", max_length=256)]


class Taken(BaseModel):
    """It need not be told again."""

    ok: bool = True


@api.post("/telegram/webhook", dependencies=[PUBLIC])
def take_telegram_update(update: dict[str, Any], correlation_id: CorrelationId, secret: Secret = "") -> Taken:
    """An Update of the Bot API; from Telegram alone, which shows the secret that it was given with the webhook."""
    check_telegram(secret)
    means = Means(
        bot=bot_api(),
        untenanted=untenanted_transaction,
        transactions_of=transactions_of,
        engine=engine_client(),
        second_factor_roles=second_factor_roles(settings().second_factor_roles),
        log=lambda reason: logger().warning("the chat was not told", reason=reason),
    )
    telegram_bot.answer(update, means, correlation_id, datetime.now(UTC))
    return Taken()


handler = lambda_handler(api)
