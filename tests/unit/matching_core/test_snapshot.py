import numpy as np
import pytest
from matching_core import BadSnapshot, MatchingCore

from tests.unit.matching_core.commands import listed_core, random_flow, submits


@pytest.fixture(scope="module")
def snapshot() -> bytes:
    core = listed_core()
    core.apply(random_flow(2_000, seed=3))
    return core.snapshot()


def test_a_restored_core_goes_on_as_if_it_had_never_stopped(snapshot: bytes) -> None:
    flow = random_flow(4_000, seed=5)
    flow["order_id"] += 10_000
    flow["at_ns"] += 10_000
    first = listed_core()
    first.apply(random_flow(2_000, seed=3))
    second = MatchingCore.restore(snapshot)
    assert second.state_hash() == first.state_hash()
    assert second.snapshot() == snapshot
    assert second.apply(flow).tobytes() == first.apply(flow).tobytes()
    assert second.state_hash() == first.state_hash()
    assert (second.live_orders, second.next_event_seq, second.now_ns) == (
        first.live_orders,
        first.next_event_seq,
        first.now_ns,
    )


def test_a_snapshot_that_was_cut_anywhere_is_refused(snapshot: bytes) -> None:
    for length in [*range(200), *range(200, len(snapshot), 97), len(snapshot) - 1]:
        with pytest.raises(BadSnapshot):
            MatchingCore.restore(snapshot[:length])


def test_a_snapshot_with_any_byte_changed_is_refused(snapshot: bytes) -> None:
    for position in np.random.default_rng(1).choice(len(snapshot), 500, replace=False):
        damaged = bytearray(snapshot)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises(BadSnapshot):
            MatchingCore.restore(bytes(damaged))


@pytest.mark.parametrize("bytes_of_it", [b"\xff" * 100_000, bytes(100_000), b"snapshot"])
def test_what_never_was_a_snapshot_is_refused_as_a_value_error(bytes_of_it: bytes) -> None:
    with pytest.raises(ValueError, match=r".+") as raised:
        MatchingCore.restore(bytes_of_it)
    assert isinstance(raised.value, BadSnapshot)


def test_a_snapshot_longer_than_it_says_is_refused(snapshot: bytes) -> None:
    with pytest.raises(BadSnapshot):
        MatchingCore.restore(snapshot + b"\0")


def test_a_core_too_small_for_the_orders_refuses_the_snapshot() -> None:
    core = listed_core()
    core.apply(submits(order_id=[1, 2, 3]))
    with pytest.raises(BadSnapshot):
        MatchingCore.restore(core.snapshot(), orders=0, orders_max=2)
    assert MatchingCore.restore(core.snapshot(), orders=0, orders_max=3).live_orders == 3


def test_a_snapshot_of_another_version_is_refused_as_that(snapshot: bytes) -> None:
    for version in (1, 3):
        with pytest.raises(BadSnapshot, match="another version"):
            MatchingCore.restore(snapshot[:8] + version.to_bytes(8, "little") + snapshot[16:])


def test_only_bytes_are_a_snapshot() -> None:
    with pytest.raises(TypeError):
        MatchingCore.restore("snapshot")  # type: ignore[arg-type]  # That is what is tested.
