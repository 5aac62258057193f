"""What VENUES may say, and what comes of the secrets that it names."""

import json
from decimal import Decimal
from typing import Any

import pytest

from breakwater.errors import Unavailable
from fargate_engine import aws
from fargate_engine.venues.configuration import Credentials, VenueSettings, fetch_credentials, parse_venues

BINANCE = {"name": "BINANCE", "exchange": "binance", "credentials": "arn:secret"}


def test_no_variable_is_no_venue() -> None:
    assert parse_venues("") == ()


def test_a_venue_has_a_name_an_exchange_and_a_secret() -> None:
    (venue,) = parse_venues(json.dumps([BINANCE]))
    assert venue == VenueSettings(name="BINANCE", exchange="binance", credentials="arn:secret")


def test_a_venue_charges_what_is_told_and_a_tenth_of_a_percent_where_nothing_is() -> None:
    plain, dear = parse_venues(json.dumps([BINANCE, {**BINANCE, "name": "B", "taker_fee": "0.006"}]))
    assert (plain.taker_fee, dear.taker_fee) == (Decimal("0.001"), Decimal("0.006"))


def test_a_venues_credentials_may_stand_in_the_store() -> None:
    stored = "0b7b0d43-6f4c-4a4f-9d2d-111111111111"
    (venue, other) = parse_venues(json.dumps([{**BINANCE, "credentials": f"store:{stored}"}, {**BINANCE, "name": "B"}]))
    assert str(venue.credential_id) == stored
    assert other.credential_id is None


@pytest.mark.parametrize("url", ["https://testnet.example", "http://127.0.0.1:9000/", "http://localhost:9000"])
def test_another_host_is_https_or_this_machine(url: str) -> None:
    (venue,) = parse_venues(json.dumps([{**BINANCE, "base_url": url}]))
    assert venue.base_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Invalid JSON"),
        (json.dumps([{**BINANCE, "name": "binance"}]), "0.name"),
        (json.dumps([{**BINANCE, "name": "SIM"}]), "SIM is a venue of the engine's own"),
        (json.dumps([{**BINANCE, "exchange": "mtgox"}]), "0.exchange"),
        (json.dumps([{**BINANCE, "credentials": ""}]), "0.credentials"),
        (json.dumps([{**BINANCE, "credentials": "store:main"}]), "0.credentials"),
        (json.dumps([{**BINANCE, "secret": "x"}]), "0.secret"),
        (json.dumps([{**BINANCE, "taker_fee": 0.001}]), "0.taker_fee"),
        (json.dumps([{**BINANCE, "taker_fee": "-0.001"}]), "0.taker_fee"),
        (json.dumps([{**BINANCE, "taker_fee": "1"}]), "0.taker_fee"),
        (json.dumps([BINANCE, BINANCE]), "two venues have one name"),
        (json.dumps([{**BINANCE, "base_url": "http://example.com"}]), "http only to this machine"),
        (json.dumps([{**BINANCE, "base_url": "https://example.com/api"}]), "a scheme, a host"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_venues(text)


class Secrets:
    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        return {"SecretString": self._text}


async def test_a_key_is_fetched_and_shows_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "client", lambda _: Secrets('{"api_key": "key", "secret": "hush"}'))
    (venue,) = parse_venues(json.dumps([BINANCE]))
    credentials = await fetch_credentials(venue)
    assert credentials == Credentials("key", "hush")
    assert "hush" not in repr(credentials)


@pytest.mark.parametrize("text", ["hush", '{"api_key": "k"}', '["hush"]', '{"api_key": "", "secret": "hush"}'])
async def test_a_secret_of_another_form_is_named_without_its_words(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "client", lambda _: Secrets(text))
    (venue,) = parse_venues(json.dumps([BINANCE]))
    with pytest.raises(Unavailable, match="BINANCE") as raised:
        await fetch_credentials(venue)
    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None
