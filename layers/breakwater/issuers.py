"""The issuers whose tokens are believed, and their documents: fetched in bounded time, of a bounded size."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import urllib3

from breakwater.domain.access_tokens import SigningKeys, Told, UserPool, unverified_issuer, verify_access_token
from breakwater.domain.oidc import OidcProvider, verify_foreign_token
from breakwater.errors import NotAuthenticated, Unavailable

FETCH_TIMEOUT_S = 3.0  # Of a whole document, and once more for its last bytes.
DOCUMENT_BYTES_MAX = 256 * 1024
_CHUNK_BYTES = 16 * 1024

type Fetch = Callable[[str], dict[str, Any]]


class Issuers:
    """The user pool, and one issuer beside it where it is configured. Each is believed with its own keys alone."""

    def __init__(
        self, pool: UserPool | None, provider: OidcProvider | None, timeout_s: float = FETCH_TIMEOUT_S
    ) -> None:
        if pool is not None and provider is not None and pool.issuer == provider.issuer:
            raise ValueError(f"the user pool and the OIDC provider are both {pool.issuer}")
        self._pool = pool
        self._provider = provider
        self._timeout_s = timeout_s
        self._pool_keys = SigningKeys(self._pool_jwks)
        self._provider_keys = SigningKeys(self._provider_jwks)

    def verify(self, token: str) -> Told:
        """What the token says. NotAuthenticated for any other issuer's, Unavailable while its own does not answer."""
        issuer = unverified_issuer(token)
        if self._provider is not None and issuer == self._provider.issuer:
            return verify_foreign_token(token, self._provider_keys, self._provider)
        if self._pool is not None and issuer == self._pool.issuer:
            return verify_access_token(token, self._pool_keys, issuer=self._pool.issuer, client_id=self._pool.client_id)
        raise NotAuthenticated("the token is of an issuer that is not believed")

    def _pool_jwks(self) -> dict[str, Any]:
        if self._pool is None:
            raise Unavailable("no user pool is configured")
        return fetch_document(self._pool.jwks_url, self._timeout_s)

    def _provider_jwks(self) -> dict[str, Any]:
        if self._provider is None:
            raise Unavailable("no OIDC provider is configured")
        discovered = fetch_document(self._provider.discovery_url, self._timeout_s)
        # Another one's document, by a redirect of names or a mistake, would have us believe another one's keys.
        if discovered.get("issuer") != self._provider.issuer:
            raise Unavailable("the discovery document is of another issuer")
        return fetch_document(_keys_url(discovered.get("jwks_uri"), self._provider), self._timeout_s)


def fetch_document(url: str, timeout_s: float = FETCH_TIMEOUT_S) -> dict[str, Any]:
    """A JSON object. Unavailable for any other answer, a redirect too, for a large one, and for one that takes long."""
    deadline = time.monotonic() + timeout_s
    try:
        timeout = urllib3.Timeout(total=timeout_s)
        response = urllib3.request(
            "GET", url, timeout=timeout, retries=False, redirect=False, preload_content=False, decode_content=False
        )
        try:
            if response.status != 200:
                raise Unavailable(f"the issuer answered {response.status}")
            document = json.loads(_read(response, deadline))
        finally:
            response.close()
    except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
        raise Unavailable("the issuer's document could not be fetched") from error
    if not isinstance(document, dict):
        raise Unavailable("the issuer's document is no JSON object")
    return document


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """A byte now and then would keep each single wait short, and us for ever."""
    read = b""
    while chunk := response.read1(_CHUNK_BYTES):
        read += chunk
        if len(read) > DOCUMENT_BYTES_MAX:
            raise Unavailable(f"the issuer's document has more than {DOCUMENT_BYTES_MAX} bytes")
        if time.monotonic() > deadline:
            raise Unavailable("the issuer's document did not come in time")
    return read


def _keys_url(told: Any, provider: OidcProvider) -> str:
    """Keys come as the issuer itself does: what was fetched in clear anybody on the way may have written."""
    if not isinstance(told, str):
        raise Unavailable("the discovery document names no keys")
    scheme, host = urlsplit(told)[:2]
    is_local = provider.issuer.startswith("http://") and host == urlsplit(provider.issuer).netloc
    if scheme != "https" and not is_local:
        raise Unavailable("the discovery document names keys that are not fetched by https")
    return told
