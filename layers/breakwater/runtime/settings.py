"""What a function is told by its environment, asked for when it is needed and not before."""

import os
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from breakwater.domain.api_keys import KeyRates
from breakwater.domain.degraded import EmergencyLimits
from breakwater.domain.money import parse_amount


class _Required:
    """An environment variable of the attribute's name in capitals; RuntimeError names the one that is missing."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._variable = name.upper()

    def __get__(self, instance: object, owner: type) -> str:
        value = os.environ.get(self._variable)
        if not value:
            raise RuntimeError(f"the environment variable {self._variable} is not set")
        return value


class _Optional(_Required):
    """The same, or None."""

    def __get__(self, instance: object, owner: type) -> str | None:  # type: ignore[override]  # None is its point.
        return os.environ.get(self._variable) or None


class Settings:
    """The variables of docs/ARCHITECTURE.md, "Environment of a function"."""

    aws_region = _Required()
    aws_endpoint_url = _Optional()  # Set on the local emulator only.
    aws_lambda_function_name = _Required()

    database_url = _Optional()  # A conninfo for tests; functions have the secret.
    database_secret_arn = _Required()
    admin_database_secret_arn = _Required()
    functions_database_secret_arn = _Required()
    engine_database_secret_arn = _Required()
    sealer_database_secret_arn = _Required()

    engine_url_parameter = _Required()
    engine_client_certificate_arn = _Optional()  # What functions show the engine, where it asks for a certificate.
    service_token_key_id = _Required()
    api_key_encryption_key_id = _Required()
    audit_key_id = _Required()
    audit_bucket = _Required()
    exchange_credentials_key_id = _Required()
    order_saga_arn = _Required()
    alert_topic_arn = _Required()
    mail_sender = _Optional()  # The address that digests come from; None: nobody sends them.
    dead_letter_queues = _Required()  # A JSON object of URLs, by the queue whose dead letters lie there.
    alert_escalation_arn = _Required()
    alert_deliveries_queue_url = _Required()
    alerts_queue_url = _Required()  # Of the watch: what is to be told although the relay does not work.
    watched_queues = _Required()  # JSON, by name: {"url": …, "dead_letters_url": …}.
    alert_channels_key_id = _Required()
    slack_hosts = _Optional()  # Of incoming webhooks, by commas; Slack's own where nothing is said.
    sms_sender_id = _Optional()
    public_api_url = _Optional()  # Where people reach the API; None: messages have no link that acknowledges.
    connections_table = _Required()
    websocket_api_endpoint = _Required()
    retry_after_s = _Optional()  # Of a queue's consumer: domain/delivery.py has the usual schedule.
    work_queues = _Required()  # ARNs of all queues that have a consumer, with commas between.

    webhook_secrets_key_id = _Required()
    webhook_calls_queue_url = _Required()
    webhook_retries_queue_url = _Required()
    webhook_local_receivers = _Optional()  # "true" in the local run, and believed nowhere else.
    push_key_id = _Required()  # In KMS: what push services are shown, so that nobody else pushes to our people.
    push_contact = _Optional()  # mailto: or https:, whom a push service may write to.
    telegram_secret_arn = _Optional()  # None: there is no bot.
    telegram_bot_username = _Optional()

    emergency_order_max = _Optional()
    emergency_day_max = _Optional()
    emergency_currency = _Optional()

    api_key_rate_default = _Optional()
    api_key_rate_max = _Optional()

    user_pool_id = _Required()
    user_pool_client_id = _Required()
    oidc_issuer = _Optional()
    oidc_jwks_url = _Optional()
    oidc_provider = _Optional()  # An issuer beside the pool, as domain/oidc.py has it.
    second_factor_roles = _Optional()
    edge_secret_arn = _Optional()  # What CloudFront proves itself with, where it stands in front.

    @property
    def key_rates(self) -> KeyRates:
        """How often API keys may ask. ValueError for what is no such number."""
        told = {"default": self.api_key_rate_default, "max": self.api_key_rate_max}
        return replace(KeyRates(), **{name: int(value) for name, value in told.items() if value is not None})

    @property
    def emergency_limits(self) -> EmergencyLimits:
        """What passes while the ledger is silent for long; ValueError for what is no amount."""
        told: dict[str, Any] = {
            "order_max": _amount(self.emergency_order_max),
            "day_max": _amount(self.emergency_day_max),
            "currency": self.emergency_currency,
        }
        return replace(EmergencyLimits(), **{name: value for name, value in told.items() if value is not None})


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else parse_amount(text)


@cache
def settings() -> Settings:
    return Settings()
