"""What an account at an exchange is signed with, sealed: AES-256-GCM (NIST SP 800-38D) under a data key of its own.

The additional data names tenant, account, venue and the version: a row that is copied to another opens nowhere.
"""

import json
import uuid
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DATA_KEY_BYTES = 32
NONCE_BYTES = 12
SECRET_LENGTH_MAX = 4_096  # A PEM key fits.
SHOWN_CHARACTERS = 4


class NotOpened(Exception):
    """It was sealed for another place or with another key, or was changed since."""


@dataclass(frozen=True, slots=True)
class ExchangeSecret:
    """In memory only: it shows in no log and no repr."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def api_key_end(self) -> str:
        """What people tell keys apart by. A short key's is padded: it would be all of it."""
        return self.api_key[-SHOWN_CHARACTERS:] if len(self.api_key) >= 2 * SHOWN_CHARACTERS else "****"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed secret belongs."""

    tenant_id: uuid.UUID
    account_id: uuid.UUID
    venue: str

    @property
    def encryption_context(self) -> dict[str, str]:
        """What KMS binds the data key to; it stands in CloudTrail, so it holds no secret."""
        return {"tenant_id": str(self.tenant_id), "account_id": str(self.account_id), "venue": self.venue}

    def additional_data(self, credential_id: uuid.UUID, version: int) -> bytes:
        """JSON, so that no two places are written the same."""
        bound = {**self.encryption_context, "credential_id": str(credential_id), "version": version}
        return json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()


def seal(secret: ExchangeSecret, data_key: bytes, nonce: bytes, additional_data: bytes) -> bytes:
    """The ciphertext with its tag. A data key seals once, so a nonce never comes twice under one."""
    text = json.dumps({"api_key": secret.api_key, "secret": secret.secret}).encode()
    return AESGCM(data_key).encrypt(nonce, text, additional_data)


def unseal(ciphertext: bytes, data_key: bytes, nonce: bytes, additional_data: bytes) -> ExchangeSecret:
    """NotOpened, which tells nothing of what is in it."""
    try:
        told = json.loads(AESGCM(data_key).decrypt(nonce, ciphertext, additional_data))
    except InvalidTag:
        raise NotOpened("the sealed secret does not belong here, or was changed") from None
    return ExchangeSecret(told["api_key"], told["secret"])
