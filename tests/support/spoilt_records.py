"""Commands that no honest caller sends: made of good ones, the same for the same chance."""

import random

from tests.oracle.records import PRICE_MAX, QUANTITY_MAX, Kind

_EXTREMES = (
    *(0, 1, -1, 2, 3, 7, 255, 65_535, 65_536, 2**32 - 1, QUANTITY_MAX - 1, QUANTITY_MAX, QUANTITY_MAX + 1),
    *(PRICE_MAX - 1, PRICE_MAX, PRICE_MAX + 1, 2**62, 2**63 - 1, -(2**63), -PRICE_MAX, -(2**62)),
)
_FIELD_BYTES = (
    *((offset, 8) for offset in (16, 24, 32, 64, 72, 80, 88, 96, 104, 112)),
    *((offset, 4) for offset in (40, 44, 48)),
    *((offset, 1) for offset in range(52, 61)),
)


def spoilt(record: bytes, chance: random.Random) -> bytes:
    """Up to three fields out of all bounds; seldom nothing but noise. The time stays, or nothing would ever be due."""
    changed = bytearray(record)
    if chance.random() < 0.05:
        changed[16:128] = chance.randbytes(112)
        changed[52] = chance.choice(tuple(Kind))
        return bytes(changed)
    for offset, size in chance.choices(_FIELD_BYTES, k=chance.randint(1, 3)):
        value = chance.choice(_EXTREMES) % 2 ** (8 * size)
        changed[offset : offset + size] = value.to_bytes(size, "little")
    return bytes(changed)
