"""Whether an export of the audit trail is what was written: offline, from docs/audit.md alone, with a public key."""

import base64
import binascii
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BufferedReader, RawIOBase
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

EXPORT, RECORDS, ANCHORS = "export.json", "records.jsonl", "anchors.jsonl"
DIGEST_BYTES = 32
GENESIS = bytes(DIGEST_BYTES)  # What stands before the first record and the first anchor.
BUFFER_BYTES = 1024 * 1024
LINE_BYTES_MAX = 16 * 1024 * 1024


class NotAnExport(Exception):
    """The file cannot be verified at all; the message says why."""


class Tampered(Exception):
    """What was found first. `sequence`: the record's; of an anchor, the first that it vouches for."""

    def __init__(self, sequence: int, what: str) -> None:
        super().__init__(what)
        self.sequence = sequence
        self.what = what


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that a restore of the database lost, as two persons said and the anchor behind them is signed with.

    What they were is in every export from before: their anchors are here, and still vouch for it.
    """

    first_sequence: int
    sequence: int
    reason: str
    asked_by: str
    approved_by: str
    said_at: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`records` from `first_sequence` on are as they were anchored, but for those in `gaps`, which are not there.

    For `unanchored` more, behind, nothing vouches.
    """

    tenant_id: str
    first_sequence: int
    records: int
    unanchored: int
    anchors: int
    anchored_at: str
    key_fingerprint: str  # SHA-256 of the public key's DER.
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class _Anchor:
    first_sequence: int
    sequence: int
    head_before: bytes
    head: bytes
    anchor_before: bytes
    digest: bytes  # Of its document.
    hashes: list[bytes]
    anchored_at: str
    gap: Gap | None


def verify(path: Path, public_key: bytes | None = None) -> Verified:
    """Raises Tampered for the first thing that is not as it was, NotAnExport for a file that is none.

    `public_key`: PEM; without it the one in the file is believed, whose fingerprint is then to be compared.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            told = json.loads(archive.read(EXPORT))
            key = _key(public_key or told["public_key"].encode())
            tenant_id, first, anchored = told["tenant_id"], int(told["first_sequence"]), int(told["anchored_sequence"])
            anchors = list(_anchors(archive, key, tenant_id, first))
            last = anchors[-1].sequence if anchors else first - 1
            if last < anchored:
                raise Tampered(last + 1, "its anchor is missing")
            if not anchors:
                raise NotAnExport(f"nothing in {path} is anchored yet: there is nothing to hold it against")
            gaps = _gaps(anchors)
            there = [each for each in anchors if not any(_is_lost(each, gap) for gap in gaps)]
            with archive.open(RECORDS) as lines:
                unanchored = _compare(_lines(lines), there, int(told["sequence"]))
            if unanchored != max(int(told["sequence"]) - last, 0):
                raise Tampered(last + 1, "the records behind the last anchor are more or fewer than the export says")
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise NotAnExport(f"{path} is no export of an audit trail: {error or type(error).__name__}") from error
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise NotAnExport(f"{path} is no export of an audit trail: {error or type(error).__name__}") from error
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Verified(
        tenant_id=tenant_id,
        first_sequence=first,
        records=sum(len(each.hashes) for each in there),
        unanchored=unanchored,
        anchors=len(anchors),
        anchored_at=anchors[-1].anchored_at,
        key_fingerprint=hashlib.sha256(der).hexdigest(),
        gaps=tuple(gaps),
    )


def _key(pem: bytes) -> EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotAnExport("the public key is not one in PEM") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise NotAnExport("the public key is not of an elliptic curve")
    return key


def _anchors(
    archive: zipfile.ZipFile, key: EllipticCurvePublicKey, tenant_id: str, first_sequence: int
) -> Iterator[_Anchor]:
    """Each signed, each following the one before."""
    before: _Anchor | None = None
    with archive.open(ANCHORS) as lines:
        for line in _lines(lines):
            expected = first_sequence if before is None else before.sequence + 1
            anchor = _anchor(json.loads(line), key, tenant_id, expected)
            if anchor.first_sequence != expected:
                raise Tampered(expected, "its anchor is missing")
            if anchor.first_sequence == 1 and (anchor.head_before, anchor.anchor_before) != (GENESIS, GENESIS):
                raise Tampered(1, "its anchor follows one that cannot be")
            if before is not None and (anchor.head_before, anchor.anchor_before) != (before.head, before.digest):
                raise Tampered(expected, "its anchor does not follow the one before")
            yield anchor
            before = anchor


def _anchor(told: dict[str, Any], key: EllipticCurvePublicKey, tenant_id: str, expected: int) -> _Anchor:
    document = told["document"].encode("ascii", errors="replace")
    try:
        key.verify(base64.b64decode(told["signature"], validate=True), document, ECDSA(SHA256()))
        hashes = base64.b64decode(told["hashes"], validate=True)
    except (InvalidSignature, binascii.Error) as error:
        raise Tampered(expected, "its anchor is not signed by this key") from error
    said = json.loads(document)
    first, last = int(said["first_sequence"]), int(said["sequence"])
    head = before = bytes.fromhex(said["head_before"])
    listed = [hashes[at : at + DIGEST_BYTES] for at in range(0, len(hashes), DIGEST_BYTES)]
    for each in listed:
        head = hashlib.sha256(head + each).digest()
    fits = len(listed) == last - first + 1 and hashlib.sha256(hashes).hexdigest() == said["hashes_digest"]
    if not fits or head.hex() != said["head"]:
        raise Tampered(expected, "the hashes beside its anchor are not those that were signed")
    if said["tenant_id"] != tenant_id:
        raise Tampered(expected, "its anchor is of another organisation")
    digest = hashlib.sha256(document).digest()
    anchor_before = bytes.fromhex(said["anchor_before"])
    gap = None
    if "gap" in said:
        gap = Gap(**said["gap"], said_at=said["anchored_at"])
        # Of what comes right before, by two: else it could be said of anything.
        if not 0 < gap.first_sequence <= gap.sequence == first - 1 or gap.asked_by == gap.approved_by:
            raise Tampered(expected, "its anchor names a gap that cannot be")
    return _Anchor(first, last, before, head, anchor_before, digest, listed, said["anchored_at"], gap)


def _gaps(anchors: list[_Anchor]) -> list[Gap]:
    """Those that the anchors name, each of whole anchors; one that a later one holds within it is said by that."""
    gaps = [anchor.gap for anchor in anchors if anchor.gap is not None]
    for gap in gaps:
        for anchor in anchors:
            if anchor.first_sequence < gap.first_sequence <= anchor.sequence:
                raise Tampered(gap.first_sequence, "a gap begins within what is anchored")
    return [gap for gap in gaps if not any(_holds(other, gap) for other in gaps if other is not gap)]


def _holds(one: Gap, other: Gap) -> bool:
    return one.first_sequence <= other.first_sequence and other.sequence <= one.sequence


def _is_lost(anchor: _Anchor, gap: Gap) -> bool:
    return gap.first_sequence <= anchor.first_sequence and anchor.sequence <= gap.sequence


def _compare(lines: Iterator[bytes], anchors: list[_Anchor], sequence: int) -> int:
    """How many lines are left behind the last anchor. `sequence`: up to which the export says it goes."""
    sha256 = hashlib.sha256
    for number, anchor in enumerate(anchors):
        found = [sha256(line).digest() for line in islice(lines, len(anchor.hashes))]
        if found != anchor.hashes:
            rest = [sha256(line).digest() for line in lines]
            expected = [each for later in anchors[number:] for each in later.hashes]
            numbers = [each for later in anchors[number:] for each in range(later.first_sequence, later.sequence + 1)]
            behind = max(sequence - anchors[-1].sequence, 0)
            is_short = len(found) + len(rest) < len(expected) + behind
            raise _first_difference(found + rest, expected, numbers, is_short=is_short)
    return sum(1 for _ in lines)


def _first_difference(found: list[bytes], expected: list[bytes], numbers: list[int], *, is_short: bool) -> Tampered:
    """`numbers`: of those expected. `is_short`: there are fewer lines than the export says."""
    at = next((at for at, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other), len(found))
    sequence = numbers[at]
    if at == len(found):
        return Tampered(sequence, f"the export ends before it: {len(expected) - at} records were cut from the end")
    stands_later = expected[at] in found[at + 1 :]
    if found[at] in expected[at + 1 :]:
        return Tampered(sequence, "it stands later: the records were reordered" if stands_later else "it was removed")
    if stands_later:
        return Tampered(sequence, "before it another was inserted")
    return Tampered(sequence, "it was removed" if is_short else "it was changed")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    # The archive's own reader goes through lines in Python, several times slower than all the hashing.
    buffered = BufferedReader(cast("RawIOBase", file), BUFFER_BYTES)
    return (line.rstrip(b"\n") for line in iter(partial(buffered.readline, LINE_BYTES_MAX), b""))
