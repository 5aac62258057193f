"""Anchors of the audit trail: signed by KMS, kept in a bucket that lets nobody change or delete them for years."""

import base64
import json
import textwrap
import uuid
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.domain.audit_chain import StoredAnchor
from breakwater.errors import NotFound, Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings
from breakwater.services.audit_sealing import TrailRewound

_IS_THERE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
_IS_NOT_THERE = frozenset({"NoSuchKey", "404"})


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

    def store(self, tenant_id: uuid.UUID, sequence: int, anchor: StoredAnchor) -> None:
        """In one object, so that there is none without its hashes; never over another."""
        try:
            client("s3").put_object(
                Bucket=settings().audit_bucket,
                Key=_key(tenant_id, sequence),
                Body=_object(anchor),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",  # S3 asks for one where a lock keeps what is written.
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _IS_THERE:
                raise Unavailable("the anchor could not be stored") from error
            if self.fetch(tenant_id, sequence) != anchor:
                raise TrailRewound(f"another anchor of record {sequence} is stored already") from error
        except BotoCoreError as error:
            raise Unavailable("the anchor could not be stored") from error

    def fetch(self, tenant_id: uuid.UUID, sequence: int) -> StoredAnchor:
        key = _key(tenant_id, sequence)
        try:
            told = json.loads(client("s3").get_object(Bucket=settings().audit_bucket, Key=key)["Body"].read())
            signature, hashes = (base64.b64decode(told[part]) for part in ("signature", "hashes"))
            return StoredAnchor(told["document"], signature, hashes)
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"the anchor {key} is not one of ours") from error
        except ClientError as error:
            if error.response["Error"]["Code"] in _IS_NOT_THERE:
                raise NotFound(f"the anchor {key} is not where it was stored") from error
            raise Unavailable("the anchors could not be read") from error
        except BotoCoreError as error:
            raise Unavailable("the anchors could not be read") from error

    def sequences_after(self, tenant_id: uuid.UUID, sequence: int, at_most: int) -> list[int]:
        wanted: dict[str, Any] = {"Prefix": _folder(tenant_id), "MaxKeys": at_most}
        if sequence:
            wanted["StartAfter"] = _key(tenant_id, sequence)
        try:
            listed = client("s3").list_objects_v2(Bucket=settings().audit_bucket, **wanted)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the anchors could not be listed") from error
        return [int(found["Key"].rpartition("/")[2].partition(".")[0]) for found in listed.get("Contents", [])]

    def public_key(self) -> str:
        return _public_key(self.key_id)


def _folder(tenant_id: uuid.UUID) -> str:
    return f"anchors/{tenant_id}/"


def _key(tenant_id: uuid.UUID, sequence: int) -> str:
    """Sorted as the sequences are."""
    return f"{_folder(tenant_id)}{sequence:016d}.json"


def _object(anchor: StoredAnchor) -> bytes:
    parts = {"signature": anchor.signature, "hashes": anchor.hashes}
    told = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps({"document": anchor.document, **told}).encode()


@cache
def _public_key(key_id: str) -> str:
    try:
        der = client("kms").get_public_key(KeyId=key_id)["PublicKey"]
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the public key could not be read") from error
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
