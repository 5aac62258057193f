"""ccxt as we use it: it speaks to no host but the one it is told, and its exceptions mean what they mean."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from ccxt.base import errors

from fargate_engine.venues.ccxt_failures import failure_of
from fargate_engine.venues.ccxt_loading import load_exchange
from fargate_engine.venues.configuration import Credentials, VenueSettings
from fargate_engine.venues.failures import NotAtVenue, NotSent, OutcomeUnknown, VenueRefused

HERE = "http://127.0.0.1:9"


@pytest.fixture(params=["binance", "bybit"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    venue = VenueSettings(name="V", exchange=request.param, credentials="c", base_url=HERE)
    loaded = await load_exchange(venue, Credentials("key", "secret"), lambda *_: None)
    yield loaded
    await loaded.close()


def urls_in(told: Any, seen: set[int]) -> Iterator[str]:
    """Every text with a scheme in whatever the object holds."""
    if id(told) in seen:
        return
    seen.add(id(told))
    if isinstance(told, str):
        if "://" in told and not told.startswith("data:"):
            yield told
    elif isinstance(told, dict):
        for key, value in told.items():
            yield from urls_in(key, seen)
            yield from urls_in(value, seen)
    elif isinstance(told, list | tuple | set):
        for each in told:
            yield from urls_in(each, seen)


async def test_pointed_elsewhere_no_url_names_another_host(exchange: Any) -> None:
    found = list(urls_in(vars(exchange), set()))
    assert len(found) > 20
    assert {urlsplit(exchange.implode_hostname(url)).netloc for url in found} == {"127.0.0.1:9"}
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):
            signed = exchange.sign("x", [name, "get"] if exchange.id == "bybit" else [name], "GET", {})
            assert urlsplit(signed["url"]).netloc == "127.0.0.1:9"


async def test_in_a_sandbox_only_its_hosts_are_left() -> None:
    venue = VenueSettings(name="V", exchange="binance", credentials="c", sandbox=True)
    loaded = await load_exchange(venue, Credentials("key", "secret"), lambda *_: None)
    assert urlsplit(loaded.urls["api"]["private"]).netloc == "testnet.binance.vision"
    await loaded.close()


async def test_elsewhere_the_spot_table_of_errors_holds() -> None:
    venue = VenueSettings(name="V", exchange="binance", credentials="c", base_url=HERE)
    loaded = await load_exchange(venue, Credentials("key", "secret"), lambda *_: None)
    told = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    with pytest.raises(errors.InsufficientFunds):
        loaded.handle_errors(400, "", f"{HERE}/api/v3/order", "POST", {}, str(told), told, {}, "")
    await loaded.close()


def test_the_engine_imports_no_ccxt_before_a_venue_is_configured() -> None:
    code = "import sys, fargate_engine.app; sys.exit(any(name.partition('.')[0] == 'ccxt' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def all_errors(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for each in kind.__subclasses__():
        yield from all_errors(each)


def test_every_exception_of_ccxt_is_a_refusal_or_leaves_the_outcome_open() -> None:
    ambiguous = (errors.OperationFailed,)
    refused_before = (errors.DDoSProtection, errors.RateLimitExceeded, errors.InvalidNonce)
    for kind in set(all_errors(errors.BaseError)):
        failure = failure_of(kind("words"))
        if issubclass(kind, refused_before):
            assert isinstance(failure, NotSent), kind
        elif issubclass(kind, ambiguous):
            assert isinstance(failure, OutcomeUnknown), kind
        elif issubclass(kind, errors.OrderNotFound):
            assert isinstance(failure, NotAtVenue), kind


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InsufficientFunds("x"), "INSUFFICIENT_FUNDS"),
        (errors.OrderImmediatelyFillable("x"), "POST_ONLY_WOULD_TAKE"),
        (errors.InvalidOrder("x"), "VENUE_INVALID_ORDER"),
        (errors.BadSymbol("x"), "UNKNOWN_SYMBOL"),
        (errors.BadRequest("x"), "VENUE_BAD_REQUEST"),
        (errors.PermissionDenied("x"), "VENUE_NOT_PERMITTED"),
        (errors.AccountNotEnabled("x"), "VENUE_NOT_PERMITTED"),
        (errors.MarketClosed("x"), "VENUE_CLOSED"),
    ],
)
def test_a_refusal_has_a_code_of_ours(error: Exception, code: str) -> None:
    failure = failure_of(error)
    assert isinstance(failure, VenueRefused)
    assert failure.code == code


@pytest.mark.parametrize(
    "error",
    [
        errors.ExchangeError("an error that nobody has a name for"),
        errors.InvalidOrder("Duplicate order sent."),
        TimeoutError(),
        ValueError("not JSON"),
        KeyError("orderId"),
        ConnectionResetError(),
    ],
)
def test_what_is_not_known_to_be_a_refusal_is_none(error: Exception) -> None:
    assert isinstance(failure_of(error), OutcomeUnknown)


def test_a_signature_stays_out_of_the_words() -> None:
    error = errors.RequestTimeout("binance GET https://api.binance.com/api/v3/order?timestamp=1&signature=abc")
    assert "signature" not in failure_of(error).message


def test_what_the_exchange_has_waited_for_in_vain_may_be_done() -> None:
    told = '{"retCode":170146,"retMsg":"Order creation timeout","result":{}}'
    assert isinstance(failure_of(errors.InvalidOrder(f"bybit {told}")), OutcomeUnknown)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Account has insufficient balance for requested action.", VenueRefused),
        ("Duplicate order sent.", OutcomeUnknown),
    ],
)
def test_of_a_replace_that_failed_in_part_the_words_of_that_part_are_told(words: str, kind: type[Exception]) -> None:
    """Binance says first, and at length, what it has cancelled."""
    canceled = {"symbol": "ETHUSDT", "origClientOrderId": "b" * 36, "status": "CANCELED", "more": "x" * 400}
    halves = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "cancelResponse": canceled}
    data = halves | {"newOrderResponse": {"code": -2010, "msg": words}}
    told = json.dumps({"code": -2021, "msg": "Order cancel-replace partially failed.", "data": data})
    failure = failure_of(errors.OperationRejected(f"binance {told}"))
    assert isinstance(failure, kind)
    assert failure.message == f"OperationRejected: Order cancel-replace partially failed. {words}"
