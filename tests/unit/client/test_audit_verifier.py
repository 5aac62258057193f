"""The offline verifier: an export of our own making, and everything that could be done to it."""

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from breakwater.client.audit_verifier import NotAnExport, Tampered, verify

KEY, OTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
TENANT = "0b0e3f8e-7a53-4a5a-8f2e-0d7f3f3f0001"
SPANS = ((1, 4), (5, 5), (6, 10))  # Of the anchors; two records more are not anchored.
ALL = 12


class Export:
    """What a file holds, to be changed before it is written."""

    def __init__(self, gap: dict[str, Any] | None = None) -> None:
        """`gap`: what the last anchor says was lost before it."""
        self.lines = [f'{{"about":"record {number}"}}'.encode() for number in range(1, ALL + 1)]
        self.anchors = []
        head, digest = bytes(32), bytes(32)
        for first, last in SPANS:
            more: dict[str, Any] = {"gap": gap} if gap is not None and (first, last) == SPANS[-1] else {}
            anchor, head, digest = anchor_of(self.lines[first - 1 : last], first, head, digest, **more)
            self.anchors.append(anchor)
        self.told: dict[str, Any] = {
            "tenant_id": TENANT,
            "first_sequence": 1,
            "sequence": ALL,
            "anchored_sequence": 10,
            "public_key": pem(KEY).decode(),
        }

    def write(self, folder: Path) -> Path:
        path = folder / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("export.json", json.dumps(self.told))
            archive.writestr("records.jsonl", b"".join(line + b"\n" for line in self.lines))
            archive.writestr("anchors.jsonl", "".join(json.dumps(anchor) + "\n" for anchor in self.anchors))
        return path


def anchor_of(
    lines: list[bytes],
    first: int,
    head_before: bytes,
    anchor_before: bytes,
    key: ec.EllipticCurvePrivateKey = KEY,
    **more: Any,
) -> tuple[dict[str, str], bytes, bytes]:
    hashes, head = [hashlib.sha256(line).digest() for line in lines], head_before
    for each in hashes:
        head = hashlib.sha256(head + each).digest()
    document = json.dumps(
        {
            "anchor_before": anchor_before.hex(),
            "anchored_at": "2026-01-02T03:04:05.000006Z",
            "first_sequence": first,
            "hashes_digest": hashlib.sha256(b"".join(hashes)).hexdigest(),
            "head": head.hex(),
            "head_before": head_before.hex(),
            "key_id": "key",
            "sequence": first + len(lines) - 1,
            "tenant_id": TENANT,
            **more,
        }
    )
    signature = key.sign(document.encode(), ec.ECDSA(SHA256()))
    anchor = {
        "document": document,
        "signature": base64.b64encode(signature).decode(),
        "hashes": base64.b64encode(b"".join(hashes)).decode(),
    }
    return anchor, head, hashlib.sha256(document.encode()).digest()


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_an_export_that_nobody_has_touched_is_verified(tmp_path: Path) -> None:
    path = Export().write(tmp_path)
    for key in (None, pem(KEY)):
        told = verify(path, key)
        assert (told.tenant_id, told.first_sequence, told.records, told.unanchored) == (TENANT, 1, 10, 2)
        assert (told.anchors, told.anchored_at) == (3, "2026-01-02T03:04:05.000006Z")


@given(number=st.integers(1, 10))
def test_whichever_record_is_changed_removed_or_inserted_is_named(
    tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    for what, spoil in {
        "changed": lambda lines: lines.__setitem__(number - 1, b'{"about":"nothing"}'),
        "removed": lambda lines: lines.pop(number - 1),
        "inserted": lambda lines: lines.insert(number - 1, b'{"about":"nothing"}'),
    }.items():
        export = Export()
        spoil(export.lines)  # type: ignore[no-untyped-call]
        with pytest.raises(Tampered, match=what) as found:
            verify(export.write(tmp_path_factory.mktemp("export")))
        assert found.value.sequence == number


@given(one=st.integers(1, 9), distance=st.integers(1, 9))
def test_records_that_changed_places_are_named_by_the_first(
    tmp_path_factory: pytest.TempPathFactory, one: int, distance: int
) -> None:
    other = min(one + distance, 10)
    export = Export()
    lines = export.lines
    lines[one - 1], lines[other - 1] = lines[other - 1], lines[one - 1]
    with pytest.raises(Tampered, match="reordered") as found:
        verify(export.write(tmp_path_factory.mktemp("export")))
    assert found.value.sequence == one


@given(left=st.integers(0, 9))
def test_what_is_cut_from_the_end_is_named(tmp_path_factory: pytest.TempPathFactory, left: int) -> None:
    export = Export()
    del export.lines[left:]
    with pytest.raises(Tampered, match=f"{10 - left} records were cut from the end") as found:
        verify(export.write(tmp_path_factory.mktemp("export")))
    assert found.value.sequence == left + 1


def _resign(export: Export) -> None:
    """As somebody would who has the database and not the key: all is made anew, and signed by a key of his own."""
    export.lines[2] = b'{"about":"nothing"}'
    export.anchors[0] = anchor_of(export.lines[:4], 1, bytes(32), bytes(32), OTHER_KEY)[0]


def _forge_hashes(export: Export) -> None:
    export.lines[6] = b'{"about":"nothing"}'
    hashes = b"".join(hashlib.sha256(line).digest() for line in export.lines[5:10])
    export.anchors[2]["hashes"] = base64.b64encode(hashes).decode()


@pytest.mark.parametrize(
    ("spoil", "sequence", "what"),
    [
        (_resign, 1, "not signed by this key"),
        (_forge_hashes, 6, "not those that were signed"),
        (lambda export: export.anchors.pop(1), 5, "anchor is missing"),
        (lambda export: export.anchors.pop(), 6, "anchor is missing"),
        (lambda export: export.anchors.clear(), 1, "anchor is missing"),
        (lambda export: export.anchors.insert(1, export.anchors[0]), 5, "anchor is missing"),
        (lambda export: export.anchors[1].update(signature="AAAA"), 5, "not signed by this key"),
        (lambda export: export.anchors[1].update(signature="no base 64"), 5, "not signed by this key"),
        (lambda export: export.told.update(tenant_id="another"), 1, "another organisation"),
    ],
)
def test_anchors_that_are_not_as_they_were_are_named_by_what_they_vouch_for(
    tmp_path: Path, spoil: Callable[[Export], object], sequence: int, what: str
) -> None:
    export = Export()
    spoil(export)
    with pytest.raises(Tampered, match=what) as found:
        verify(export.write(tmp_path), pem(KEY))
    assert found.value.sequence == sequence


def test_an_anchor_of_another_past_does_not_follow_the_one_before(tmp_path: Path) -> None:
    export = Export()
    export.anchors[1] = anchor_of(export.lines[4:5], 5, bytes(32), bytes(32))[0]
    with pytest.raises(Tampered, match="does not follow") as found:
        verify(export.write(tmp_path))
    assert found.value.sequence == 5


@pytest.mark.parametrize(
    "spoil",
    [
        lambda export: export.told.pop("tenant_id"),
        lambda export: export.told.update(public_key="no key"),
        lambda export: export.told.update(first_sequence="many"),
        lambda export: export.anchors.append({"document": 5}),
        lambda export: export.anchors.append("text"),
    ],
)
def test_a_file_that_is_no_export_is_said_to_be_none(tmp_path: Path, spoil: Callable[[Export], object]) -> None:
    export = Export()
    spoil(export)
    with pytest.raises(NotAnExport):
        verify(export.write(tmp_path))


def test_where_nothing_is_anchored_nothing_is_verified(tmp_path: Path) -> None:
    export = Export()
    export.anchors.clear()
    export.told.update(anchored_sequence=0)
    with pytest.raises(NotAnExport, match="is anchored yet"):
        verify(export.write(tmp_path), pem(KEY))


@pytest.mark.parametrize("spoil", [lambda lines: lines.pop(), lambda lines: lines.append(b"{}")])
def test_more_or_fewer_records_behind_the_last_anchor_than_the_export_says_are_told(
    tmp_path: Path, spoil: Callable[[list[bytes]], object]
) -> None:
    export = Export()
    spoil(export.lines)
    with pytest.raises(Tampered, match="more or fewer") as found:
        verify(export.write(tmp_path))
    assert found.value.sequence == 11


def test_the_first_anchor_follows_none(tmp_path: Path) -> None:
    export = Export()
    export.anchors = [anchor_of(export.lines[:10], 1, bytes([1] * 32), bytes(32))[0]]
    with pytest.raises(Tampered, match="follows one that cannot be"):
        verify(export.write(tmp_path))


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_whatever_bit_of_the_file_has_turned_it_is_told_in_words(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    path = Export().write(tmp_path_factory.mktemp("export"))
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with suppress(Tampered, NotAnExport):  # Neither, where the file's own bookkeeping does not matter.
        assert verify(path, pem(KEY)).records == 10


def test_neither_is_any_other_file(tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(b"PK no")
    for path in (other, tmp_path, tmp_path / "none"):
        with pytest.raises(NotAnExport):
            verify(path)


LOST = {"first_sequence": 5, "sequence": 5, "reason": "a restore", "asked_by": "admin", "approved_by": "auditor"}


def test_what_was_lost_is_named_and_the_rest_is_verified(tmp_path: Path) -> None:
    export = Export(LOST)
    del export.lines[4]
    told = verify(export.write(tmp_path))
    assert [(gap.first_sequence, gap.sequence, gap.asked_by, gap.approved_by) for gap in told.gaps] == [
        (5, 5, "admin", "auditor")
    ]
    assert (told.records, told.unanchored, told.anchors) == (9, 2, 3)


@pytest.mark.parametrize(
    ("line", "sequence"), [(3, 4), (4, 6)], ids=["the last before the gap", "the first behind the gap"]
)
def test_a_change_beside_a_gap_is_named_by_its_own_number(tmp_path: Path, line: int, sequence: int) -> None:
    export = Export(LOST)
    del export.lines[4]
    export.lines[line] = b'{"about":"something else"}'
    with pytest.raises(Tampered, match="it was changed") as found:
        verify(export.write(tmp_path))
    assert found.value.sequence == sequence


def test_what_is_said_lost_and_is_there_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Tampered) as found:
        verify(Export(LOST).write(tmp_path))
    assert found.value.sequence == 6


@pytest.mark.parametrize(
    "gap",
    [
        LOST | {"approved_by": "admin"},
        LOST | {"sequence": 4},
        LOST | {"sequence": 6},
        LOST | {"first_sequence": 6},
        LOST | {"first_sequence": 0},
        LOST | {"first_sequence": 3},  # Within an anchor.
    ],
)
def test_a_gap_that_cannot_be_is_none(tmp_path: Path, gap: dict[str, Any]) -> None:
    export = Export(gap)
    del export.lines[4]
    with pytest.raises(Tampered):
        verify(export.write(tmp_path))


def test_records_are_not_lost_because_somebody_leaves_them_out(tmp_path: Path) -> None:
    export = Export()
    del export.lines[4]
    with pytest.raises(Tampered) as found:
        verify(export.write(tmp_path))
    assert found.value.sequence == 5
