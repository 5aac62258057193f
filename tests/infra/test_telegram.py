"""The bot of Telegram: a secret where one is named, which one function reads, and nothing where there is none."""

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from infra_cdk.constructs.telegram_bot import TelegramSecret, bot_username


@pytest.mark.parametrize("told", [{"bot_username": "firm_bot"}, '{"bot_username": "firm_bot"}'])
def test_a_bot_is_named_by_an_object_or_its_json(told: Any) -> None:
    assert bot_username(App(context={"telegram": told})) == "firm_bot"


@pytest.mark.parametrize("told", [None, "", {}])
def test_without_one_there_is_no_bot(told: Any) -> None:
    assert bot_username(App(context={"telegram": told})) is None


@pytest.mark.parametrize(
    "told",
    [
        {"bot_username": "@firm_bot"},
        {"bot_username": ""},
        {"bot_username": "firm_bot", "bot_token": "1:x"},  # In cdk.json it would be in the repository.
        ["firm_bot"],
        {"name": "firm_bot"},
    ],
)
def test_one_that_is_not_right_is_noticed_before_it_is_deployed(told: Any) -> None:
    with pytest.raises(ValueError, match="telegram"):
        bot_username(App(context={"telegram": told}))


def test_what_telegram_shows_us_is_made_and_its_token_is_not_in_the_template() -> None:
    stack = Stack(App(), "S")
    TelegramSecret(stack, "Telegram", key=kms.Key(stack, "Key"))
    [secret] = Template.from_stack(stack).find_resources("AWS::SecretsManager::Secret").values()
    made = secret["Properties"]["GenerateSecretString"]
    assert json.loads(made["SecretStringTemplate"]) == {"bot_token": ""}
    assert (made["GenerateStringKey"], made["PasswordLength"]) == ("webhook_secret", 48)
    assert made["ExcludePunctuation"] is True  # Telegram takes letters, digits, underscores and hyphens.
    assert "KmsKeyId" in secret["Properties"]
