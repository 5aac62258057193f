"""Anchors of the audit trail in memory: signed as KMS does it, and kept as a bucket under Object Lock keeps them."""

import uuid
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from breakwater.domain.audit_chain import StoredAnchor
from breakwater.errors import NotFound, Unavailable
from breakwater.services.audit_sealing import TrailRewound


@dataclass
class Anchorage:
    """`is_down`: it stores nothing."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    stored: dict[tuple[uuid.UUID, int], StoredAnchor] = field(default_factory=dict)
    is_down: bool = False
    key_id: str = "key"

    def sign(self, document: bytes) -> bytes:
        return self.key.sign(document, ec.ECDSA(SHA256()))

    def store(self, tenant_id: uuid.UUID, sequence: int, anchor: StoredAnchor) -> None:
        if self.is_down:
            raise Unavailable("the anchor could not be stored")
        if self.stored.setdefault((tenant_id, sequence), anchor) != anchor:
            raise TrailRewound("another is stored already")

    def fetch(self, tenant_id: uuid.UUID, sequence: int) -> StoredAnchor:
        if (tenant_id, sequence) not in self.stored:
            raise NotFound("not where it was stored")
        return self.stored[tenant_id, sequence]

    def sequences_after(self, tenant_id: uuid.UUID, sequence: int, at_most: int) -> list[int]:
        return sorted(at for of, at in self.stored if of == tenant_id and at > sequence)[:at_most]

    def public_key(self) -> str:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
