"""Mutual TLS between functions and engines: what each side shows, and whose certificates it believes (decision 106).

A secret holds one side's `{"certificate", "private_key", "authorities"}`, each in PEM: the certificate with what leads
to its authority, its key, and the authorities that the other side's certificates may be from.
"""

import json
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FIELDS = ("certificate", "private_key", "authorities")


class BadIdentity(Exception):
    """The secret is not whole, or OpenSSL does not take what is in it; the message names no part of the key."""


@dataclass(frozen=True, slots=True, repr=False)  # Without a repr: there is a private key in it.
class Identity:
    """What one side shows, and whom it believes; each in PEM."""

    certificate: str
    private_key: str
    authorities: str

    @classmethod
    def of(cls, secret_text: str) -> "Identity":
        """BadIdentity names what is missing."""
        try:
            told = json.loads(secret_text)
        except ValueError as error:
            raise BadIdentity("the secret is not JSON") from error
        for field in FIELDS:
            if not isinstance(told, dict) or not isinstance(told.get(field), str) or "-----BEGIN " not in told[field]:
                raise BadIdentity(f"the secret's `{field}` is not PEM")
        return cls(**{field: told[field] for field in FIELDS})


def client_context(identity: Identity) -> ssl.SSLContext:
    """Takes a server's certificate for its name alone. BadIdentity."""
    return _filled(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), identity)


def server_context(identity: Identity) -> ssl.SSLContext:
    """A client's certificate that is shown must be right; whether one was shown is for the server to ask. BadIdentity.

    A balancer's health check shows none.
    """
    context = _filled(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), identity)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0
    return context


def _filled(context: ssl.SSLContext, identity: Identity) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # No session outlives a certificate: each connection shows its own anew. Since TLS 1.3 the option alone does not end
    # them, it only keeps them at the server.
    context.options |= ssl.OP_NO_TICKET
    try:
        context.load_verify_locations(cadata=identity.authorities)
        with _file_of(f"{identity.certificate}\n{identity.private_key}\n") as path:
            context.load_cert_chain(path)
    except ssl.SSLError as error:
        raise BadIdentity(f"OpenSSL does not take it: {error.reason or 'not a certificate'}") from error
    return context


@contextmanager
def _file_of(text: str) -> Iterator[str]:
    """A path that the text is read from: OpenSSL loads a key from a file alone, and the engine can write none.

    On Linux it is memory without a name. Elsewhere (a developer's machine) a file of the owner's, deleted at once.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        yield file.name
