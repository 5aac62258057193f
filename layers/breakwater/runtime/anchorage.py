"""Anchors of the audit trail: signed by KMS, kept in a bucket that lets nobody change or delete them for years."""

import base64
import textwrap
import uuid
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import NotFound, Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings
from breakwater.services.audit import AuditAnchor


class KmsAnchorage:
    @property
    def key_id(self) -> str:
        return settings().audit_key_id

    def sign(self, document: bytes) -> bytes:
        try:
            answer = client("kms").sign(
                KeyId=self.key_id, Message=document, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the anchor could not be signed") from error
        signature: bytes = answer["Signature"]
        return signature

    def store(self, tenant_id: uuid.UUID, sequence: int, document: bytes, signature: bytes, hashes: bytes) -> None:
        """The hashes first: an anchor without them would say less than it vouches for."""
        parts = {"hashes": hashes, "signature": signature, "json": document}
        try:
            for ending, part in parts.items():
                client("s3").put_object(
                    Bucket=settings().audit_bucket,
                    Key=_key(tenant_id, sequence, ending),
                    Body=part,
                    ChecksumAlgorithm="SHA256",  # S3 asks for one where a lock keeps what is written.
                )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the anchor could not be stored") from error

    def fetch(self, tenant_id: uuid.UUID, sequence: int) -> AuditAnchor:
        document, signature, hashes = (
            self._read(_key(tenant_id, sequence, part)) for part in ("json", "signature", "hashes")
        )
        return {
            "document": document.decode("ascii", errors="replace"),
            "signature": base64.b64encode(signature).decode(),
            "hashes": base64.b64encode(hashes).decode(),
        }

    def public_key(self) -> str:
        return _public_key(self.key_id)

    def _read(self, key: str) -> bytes:
        try:
            found: bytes = client("s3").get_object(Bucket=settings().audit_bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise NotFound(f"the anchor {key} is not where it was stored") from error
            raise Unavailable("the anchors could not be read") from error
        except BotoCoreError as error:
            raise Unavailable("the anchors could not be read") from error
        return found


def _key(tenant_id: uuid.UUID, sequence: int, ending: str) -> str:
    return f"anchors/{tenant_id}/{sequence:016d}.{ending}"


@cache
def _public_key(key_id: str) -> str:
    try:
        der = client("kms").get_public_key(KeyId=key_id)["PublicKey"]
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the public key could not be read") from error
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
