"""What was journalled before the core had leases gives the same events and the same state hash as it gave then."""

import hashlib
from dataclasses import replace

import pytest
from matching_core import MatchingCore

from tests.oracle.records import Kind
from tests.support.core_pair import batch_of
from tests.support.core_streams import PROFILES, Profile, records

SEED = 21
COMMANDS = 3_000
SINCE = {Kind.VENUE_REPLACED, Kind.REFUSE_REPLACE}
# Told by the core of the commit before leases: digests of the commands and of their events, the state hash after them.
# Where the commands differ, the streams are made in another way now: all three are to be told again, by a core of then.
# Those with venues were, by the core of the commit before replaces at venues.
RECORDED = {
    "plain": ("8763953d5d3701c9", "d5a5afe53efc4850", 0xBA7BC4664F98661B),
    "deep": ("ab64dcc8a40c0506", "044af55ad39599e9", 0x721ED4B347312B8D),
    "replaces": ("f9f86535c2cc97d5", "1fb96312f99981c0", 0xFB9A3CAB70C7A059),
    "checks": ("f251090a5f97732c", "b7e1c1ecf75d9353", 0x83C5043492BCE62F),
    "stops": ("474183203cd6640a", "274e7213f1469b73", 0x345D06F6E4CA2458),
    "icebergs": ("159ad77d06d3ed42", "b1881e7b07fdffe7", 0x5DA5C9E6B054BF6C),
    "auctions": ("87c9fc402b567988", "f3730a8f5982025f", 0x43DB1EE43164F81E),
    "self-trade": ("73790d0e52c8a0cf", "d37847780c24ef78", 0x1C54AEBD04F9D624),
    "reduce-only": ("b1b37e809c6865f1", "8e9fc6e06da73033", 0x814202F2549235F9),
    "dates": ("07ddc5ca3c66c719", "c50221316de89f1e", 0x8988C400D6A7A487),
    "venues": ("1e7d8794ef4cfc95", "f1578cec54d93c82", 0x473CD36A6C018E35),
    "everything": ("d8aaaebb1c4d6179", "23fbfa6b23bec185", 0x5EF37298EF1DE48D),
    "everything checked": ("7a10efbbecbcc843", "d351baa9f118949e", 0x6718D92AA156CC86),
    "crowded": ("0c3edc1e670f99a8", "04bef5935920356e", 0x1D360C90FC162B9B),
    "far prices": ("74cdfa44ca523647", "eea7412f901d2bbe", 0x3E95DB5BC12D4F4A),
}


@pytest.mark.parametrize("name", RECORDED)
def test_commands_without_leases_give_what_they_gave_before_there_were_any(name: str) -> None:
    commands = list(records(_as_before(PROFILES[name]), SEED, COMMANDS))
    core = MatchingCore()
    events = core.apply(batch_of(commands))
    assert (_digest(b"".join(commands)), _digest(events.tobytes()), core.state_hash()) == RECORDED[name]


def _as_before(profile: Profile) -> Profile:
    """Without what came since: bounds of replaces, and replaces at venues, which no journal had before."""
    since = SINCE | {Kind.REPLACE} if Kind.VENUE_ACCEPTED in profile.kinds else SINCE
    kinds = {kind: weight for kind, weight in profile.kinds.items() if kind not in since}
    return replace(profile, kinds=kinds, rebounds=False)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
