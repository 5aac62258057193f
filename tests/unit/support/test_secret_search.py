"""The search of tests/e2e/test_seeded_secrets.py finds what it looks for."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.support.secret_search import secrets_in, told

SECRET = 'Aa1+x_Y-zq7w8e9r0t1y2/"='
SECRETS = {"it": SECRET, "another": "Aa1+nowhere-to-be-found"}


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps({"password": SECRET}),
        f"GET /?key={quote(SECRET, safe='')}",
        f"\\x{SECRET.encode().hex()}",
        SECRET.encode().hex().upper(),
        json.dumps({"body": json.dumps({"password": SECRET})}),
        repr(json.dumps({"password": SECRET})),
        str(("row", json.dumps({"password": SECRET}))).replace('"', '""'),
        f"\\x{json.dumps({'password': SECRET}).encode().hex()}",
        base64.b64encode(json.dumps({"password": SECRET}).encode()).decode(),
        *(base64.b64encode(b"x" * before + SECRET.encode() + b"after").decode() for before in range(3)),
    ],
)
def test_a_secret_is_found_however_it_was_written(written: str) -> None:
    assert secrets_in(f"2026-01-01 INFO {written} and more", SECRETS) == ["it"]


def test_what_is_told_of_it_does_not_hold_it() -> None:
    (words,) = told([("a log", f"x {SECRET} y"), ("another", "nothing")], SECRETS)
    assert words == "it in a log"
