import numpy as np
import pytest
from matching_core import MatchingCore

from tests.benchmarks import workload


@pytest.mark.skipif(not workload.SHARED.exists(), reason="../shared/bench is not here")
def test_the_core_trades_what_the_common_workload_must_trade_to_the_last_fill() -> None:
    common = workload.load("w1")
    core = MatchingCore()
    core.apply(workload.listing())
    core.apply(common.prefill)
    events = [core.apply(batch) for batch in np.array_split(common.operations, 100)]
    assert workload.is_as_expected(common, events)
    events[50] = events[50][::-1]
    assert not workload.is_as_expected(common, events)  # The comparison sees a fill out of order.
