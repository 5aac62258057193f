"""The bot of Telegram, where `cdk.json` names one under `telegram`."""

import json
import re

from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.findings import accept

_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")


def bot_username(scope: Construct) -> str | None:
    """The context `telegram`: an object, or its JSON where a command line says it; None where it is not set.

    ValueError for one that is not a bot_username alone.
    """
    told = scope.node.try_get_context("telegram")
    bot = json.loads(told) if isinstance(told, str) and told else told
    if not bot:
        return None
    if not isinstance(bot, dict) or bot.keys() != {"bot_username"} or not _USERNAME.fullmatch(str(bot["bot_username"])):
        raise ValueError("telegram: it is an object with the bot_username, without its @, see docs/telegram.md")
    return str(bot["bot_username"])


class TelegramSecret(Construct):
    """`{"bot_token", "webhook_secret"}`: the token is put there by an operator, what Telegram shows us is made here."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.Key) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="The token of the Telegram bot, and what Telegram proves itself with",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"bot_token": ""}),
                generate_string_key="webhook_secret",
                exclude_punctuation=True,  # Telegram takes letters, digits, underscores and hyphens.
                password_length=48,
            ),
        )
        accept(self.secret, "SMG4", "BotFather makes tokens, at an operator's word: docs/telegram.md says how.")
