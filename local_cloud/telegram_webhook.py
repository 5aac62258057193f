"""Tells Telegram where the bot's webhook is, and what it has to show there.

`python -m local_cloud.telegram_webhook <outputs file of cdk> [address of the API]`: the address is the front door's,
where there is one, or the API's own.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.platform import LocalCloudError

API_URL = "https://api.telegram.org"
PATH = "/telegram/webhook"
TIMEOUT_SECONDS = 10
UPDATES = ["message", "callback_query"]


def set_webhook(secret: dict[str, Any], api_url: str) -> str:
    """The name of the bot whose webhook it is now. Raises LocalCloudError, never with the token in it."""
    if not secret.get("bot_token"):
        raise LocalCloudError("the secret has no bot_token yet: docs/telegram.md says how it gets there")
    bot = _call(secret, "getMe", {})
    _call(
        secret,
        "setWebhook",
        {
            "url": f"{api_url.rstrip('/')}{PATH}",
            "secret_token": secret["webhook_secret"],
            "allowed_updates": UPDATES,
            "max_connections": 10,
        },
    )
    return str(bot["username"])


def _call(secret: dict[str, Any], method: str, told: dict[str, Any]) -> Any:
    base_url = str(secret.get("api_url") or API_URL)
    request = urllib.request.Request(  # noqa: S310 - Telegram's address, or one that an operator put in the secret
        f"{base_url}/bot{secret['bot_token']}/{method}",
        json.dumps(told).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return json.load(answer)["result"]
    except urllib.error.HTTPError as error:
        raise LocalCloudError(f"Telegram refuses {method}: {_description(error)}") from None
    except (OSError, ValueError, KeyError):
        raise LocalCloudError(f"Telegram did not answer {method}") from None


def _description(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["description"])
    except (ValueError, KeyError, TypeError):
        return str(error.code)


def main(outputs_file: str, api_url: str | None = None) -> int:
    stacks: dict[str, dict[str, str]] = json.loads(Path(outputs_file).read_text())
    outputs = {name: value for stack in stacks.values() for name, value in stack.items()}
    if "TelegramSecretArn" not in outputs:
        print("telegram webhook: name a bot in cdk.json under `telegram`, and deploy", file=sys.stderr)
        return 1
    try:
        client = boto3.client("secretsmanager")
        secret = json.loads(client.get_secret_value(SecretId=outputs["TelegramSecretArn"])["SecretString"])
        username = set_webhook(secret, api_url or outputs["ApiUrl"])
    except (LocalCloudError, BotoCoreError, ClientError) as error:
        print(f"telegram webhook: {error}", file=sys.stderr)
        return 1
    print(f"@{username} tells {api_url or outputs['ApiUrl']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
