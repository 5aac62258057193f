"""The engine as a process of its own: all of it, but the three calls of AWS that it makes are answered here.

    python -m tests.benchmarks.engine_process KEY_FILE SNAPSHOT_FOLDER [without-journal]

Its environment is the engine's; without a queue in it nothing is published. With `without-journal` nothing is written
and every commit is done at once.
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from breakwater.db.journal import Journal, JournalRow
from events.envelope import EnvelopeDocument
from fargate_engine import __main__ as engine
from fargate_engine import aws


class _Key:
    """The public half of the key that signs service tokens, and the one of API keys, for KMS."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get_public_key(self, KeyId: str) -> dict[str, bytes]:
        return {"PublicKey": self._file.read_bytes()}

    def decrypt(self, KeyId: str, CiphertextBlob: bytes, EncryptionContext: dict[str, str]) -> dict[str, bytes]:
        """What was never encrypted."""
        return {"Plaintext": CiphertextBlob}


class _Folder:
    """Snapshots as files, for S3."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list_objects_v2(self, Bucket: str, Prefix: str) -> dict[str, Any]:
        files = sorted((self._folder / Prefix).glob("*"))
        return {"Contents": [{"Key": f"{Prefix}{file.name}"} for file in files]}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO((self._folder / Key).read_bytes())}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        file = self._folder / Key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(Body)


async def _done_at_once(
    journal: Journal, row: JournalRow, events: Sequence[EnvelopeDocument], *, second: JournalRow | None = None
) -> None:
    last = second or row
    journal.last_seq, journal.digest = last.last_seq, last.digest


def main(key_file: str, snapshot_folder: str, *options: str) -> int:
    clients = {"kms": _Key(Path(key_file)), "s3": _Folder(Path(snapshot_folder))}
    aws.client = clients.__getitem__  # type: ignore[assignment]  # It answers in the place of boto3.
    if "without-journal" in options:
        Journal.append = _done_at_once  # type: ignore[assignment]
    return engine.main()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
