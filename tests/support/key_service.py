"""The one call of KMS that an engine makes, for one that is a process of its own; and tokens that it then takes."""

import base64
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_KEY = ec.generate_private_key(ec.SECP256R1())


class _Kms(http.server.BaseHTTPRequestHandler):
    """Gives the one public key without which the engine does not begin, and nothing else of AWS."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_asked_for_it = self.headers.get("X-Amz-Target", "").endswith("GetPublicKey")
        der = _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        public = base64.b64encode(der).decode()
        body = json.dumps({"PublicKey": public} if is_asked_for_it else {"__type": "NotFoundException"}).encode()
        self.send_response(200 if is_asked_for_it else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def kms() -> Iterator[str]:
    """Its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Kms) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def token() -> str:
    """As the functions have them."""
    now = int(time.time())
    claims = {"aud": "breakwater-engine", "iss": "breakwater", "sub": "orders", "iat": now, "exp": now + 600}
    return jwt.encode(claims, _KEY, algorithm="ES256")
