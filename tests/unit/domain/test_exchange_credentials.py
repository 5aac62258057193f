"""Sealed for one place, and opened in no other."""

import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.exchange_credentials import ExchangeSecret, NotOpened, Place, seal, unseal

KEY, NONCE = bytes(range(32)), bytes(12)
PLACE = Place(uuid.UUID(int=1), uuid.UUID(int=2), "BINANCE")
CREDENTIAL = uuid.UUID(int=3)
SECRET = ExchangeSecret("public-key-wxyz", "hush-hush")
BOUND = PLACE.additional_data(CREDENTIAL, 1)
ELSEWHERE = [
    replace(PLACE, tenant_id=uuid.UUID(int=9)).additional_data(CREDENTIAL, 1),
    replace(PLACE, account_id=uuid.UUID(int=9)).additional_data(CREDENTIAL, 1),
    replace(PLACE, venue="BYBIT").additional_data(CREDENTIAL, 1),
    PLACE.additional_data(uuid.UUID(int=9), 1),
    PLACE.additional_data(CREDENTIAL, 2),
]


@given(api_key=st.text(min_size=1), secret=st.text(min_size=1))
def test_what_is_sealed_is_opened_again(api_key: str, secret: str) -> None:
    told = ExchangeSecret(api_key, secret)
    assert unseal(seal(told, KEY, NONCE, BOUND), KEY, NONCE, BOUND) == told


@pytest.mark.parametrize("bound", ELSEWHERE)
def test_it_opens_for_no_other_tenant_account_venue_credential_or_version(bound: bytes) -> None:
    with pytest.raises(NotOpened):
        unseal(seal(SECRET, KEY, NONCE, BOUND), KEY, NONCE, bound)


def test_a_changed_bit_a_cut_and_another_key_open_nothing_and_tell_nothing() -> None:
    sealed = seal(SECRET, KEY, NONCE, BOUND)
    flipped = bytes([sealed[0] ^ 1]) + sealed[1:]
    for ciphertext, key in ((flipped, KEY), (sealed[:-1], KEY), (sealed, bytes(32))):
        with pytest.raises(NotOpened) as raised:
            unseal(ciphertext, key, NONCE, BOUND)
        assert "hush" not in str(raised.value)
        assert raised.value.__cause__ is None


def test_the_ciphertext_holds_neither_and_no_text_of_it_does() -> None:
    assert b"hush" not in seal(SECRET, KEY, NONCE, BOUND)
    assert "hush" not in repr(SECRET)
    assert "public" not in repr(SECRET)


def test_of_a_short_key_nothing_is_shown() -> None:
    assert SECRET.api_key_end == "wxyz"
    assert ExchangeSecret("wxyz", "s").api_key_end == "****"
