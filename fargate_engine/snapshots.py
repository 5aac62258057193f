"""Snapshots of a shard's state in object storage: what a restart need not replay.

An object is the digest of the journal row that it stands on, and what `ShardState.snapshot` gave then, which has its
own checksum. Its key has the row's number: `shards/<shard>/<sequence number, 20 digits>.snapshot`. Losing all of them
loses time only: the journal has everything.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from fargate_engine import aws

_LOG = logging.getLogger(__name__)

SNAPSHOT_COMMANDS = 50_000  # After so many commands a new one is worth its cost,
SNAPSHOT_PAUSE_S = 60.0  # and so long after the one before: a shard in full flow is not stopped each second for it.
DIGEST_BYTES = 32
KEYS_MAX = 100_000  # A listing ends here: 30 days of snapshots (then the bucket forgets them) are fewer.


@dataclass(frozen=True, slots=True)
class Snapshot:
    """As it was stored; whether it is whole, and of this journal, is for recovery.py to find out."""

    journal_digest: bytes
    state: bytes


class SnapshotStore:
    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._newest_seqs: dict[int, int] = {}  # By shard: the number of the newest one that was stored,
        self._tried_at: dict[int, float] = {}  # and when one was taken last, stored or not.
        self._saving: dict[int, asyncio.Task[None]] = {}
        self.failure: str | None = None  # Of the last attempt to save one.

    def is_due(self, shard: int, seq: int) -> bool:
        """Whether a snapshot after row `seq` is worth while now. One at a time for each shard."""
        is_far = seq - self._newest_seqs.get(shard, 0) >= SNAPSHOT_COMMANDS
        is_rested = time.monotonic() - self._tried_at.get(shard, -SNAPSHOT_PAUSE_S) >= SNAPSHOT_PAUSE_S
        return is_far and is_rested and shard not in self._saving

    def is_new(self, shard: int, seq: int) -> bool:
        """Whether the newest one, as far as this engine knows, is older than row `seq`."""
        return seq > self._newest_seqs.get(shard, 0) and shard not in self._saving

    def save(self, shard: int, seq: int, snapshot: Snapshot) -> None:
        """Upload it in the background. A failure is logged and seen in `/health`; the next snapshot may succeed."""
        task = asyncio.create_task(self._save(shard, seq, snapshot))
        self._saving[shard], self._tried_at[shard] = task, time.monotonic()
        task.add_done_callback(lambda _: self._saving.pop(shard))

    async def finish(self, timeout_s: float) -> None:
        """Wait for what is still being uploaded."""
        if self._saving:
            await asyncio.wait(self._saving.values(), timeout=timeout_s)

    async def keys(self, shard: int) -> list[str]:
        """The shard's snapshots, newest first. AwsUnavailable when they cannot be listed."""
        keys: list[str] = []
        parameters = {"Bucket": self._bucket, "Prefix": f"shards/{shard:02}/"}
        while len(keys) < KEYS_MAX:
            page = await aws.call(self._s3.list_objects_v2, **parameters)
            keys += [found["Key"] for found in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                break
            parameters["ContinuationToken"] = page["NextContinuationToken"]
        return sorted(keys, reverse=True)

    async def load(self, key: str) -> Snapshot:
        """AwsUnavailable when it cannot be read."""
        content = await aws.call(self._read, key=key)
        return Snapshot(content[:DIGEST_BYTES], content[DIGEST_BYTES:])

    def _read(self, key: str) -> bytes:
        content: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return content

    async def _save(self, shard: int, seq: int, snapshot: Snapshot) -> None:
        key = f"shards/{shard:02}/{seq:020}.snapshot"
        body = snapshot.journal_digest + snapshot.state
        try:
            await aws.call(self._s3.put_object, Bucket=self._bucket, Key=key, Body=body)
        except aws.AwsUnavailable as error:
            self.failure = error.message
            _LOG.warning("snapshot %s was not stored: %s", key, error.message)
            return
        self.failure = None
        self._newest_seqs[shard] = seq
        _LOG.info("snapshot %s stored, %d bytes", key, len(body))
