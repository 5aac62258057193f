"""Which shard a symbol belongs to. All its orders, its book and its part of the journal are there and nowhere else."""

import zlib

SHARDS = 16


def shard_of(symbol: str) -> int:
    """From 0 to SHARDS - 1, the same for ever and in every process: journals are written by it.

    CRC-32, because it is defined to the bit; Python's own `hash` of a string differs from process to process.
    """
    return zlib.crc32(symbol.encode()) % SHARDS
