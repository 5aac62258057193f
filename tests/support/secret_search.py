"""Whether a secret stands in a text, in any of the forms in which a careless line would write it."""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

CORE_CHARS_MIN = 12


def forms_of(secret: str) -> set[str]:
    """As it is, escaped for JSON and for a URL, in hex, and in base64 wherever it begins in what was encoded."""
    # Whatever stands around a secret may be escaped twice, or with it: its longest plain part is looked for as well.
    core = max(re.findall(r"[A-Za-z0-9_-]+", secret), key=len, default="")
    return _forms(secret) | (_forms(core) if len(core) >= CORE_CHARS_MIN else set())


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = {base64.b64encode(b"\0" * shift + raw).decode() for shift in range(3)}
    # The ends of base64 depend on what stands beside it.
    middles = {text[4:].rstrip("=")[:-2] for text in encoded}
    return {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), raw.hex()} | middles


def secrets_in(text: str, secrets: dict[str, str]) -> list[str]:
    """The names of those that stand in it."""
    folded = text.lower()
    return [
        name
        for name, secret in secrets.items()
        if any(form in text or (form.lower() == form.casefold() and form in folded) for form in forms_of(secret))
    ]


def told(places: Iterable[tuple[str, str]], secrets: dict[str, str]) -> list[str]:
    """Where each secret stands, in words that do not hold it."""
    return [f"{name} in {place}" for place, text in places for name in secrets_in(text, secrets)]
