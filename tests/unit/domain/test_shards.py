import pytest

from breakwater.domain.shards import SHARDS, shard_of


@pytest.mark.parametrize(("symbol", "shard"), [("BTC/USDT", 15), ("ETH/USDT", 5), ("SOL/USDT", 11)])
def test_a_symbol_stays_in_its_shard_for_ever(symbol: str, shard: int) -> None:
    assert shard_of(symbol) == shard  # Journals are written by it: a change here orphans every order that rests.


def test_every_shard_gets_its_part() -> None:
    shards = [shard_of(f"S{number}/USDT") for number in range(1600)]
    assert {shards.count(shard) for shard in range(SHARDS)} <= set(range(50, 151))
