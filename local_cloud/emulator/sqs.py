"""SQS: a FIFO queue forgets old deduplication ids without going through all of them for every message."""

from typing import Any

from ministack.services import sqs

from .patching import rewrite_function

_REBUILD = """\
    q["dedup_cache"] = {
        k: v for k, v in q["dedup_cache"].items()
        if v["expire"] > now
    }
"""


def apply() -> None:
    rewrite_function(
        sqs,
        "_prune_dedup",
        (_REBUILD, '    _breakwater_forget_expired(q["dedup_cache"], now)\n'),
        _breakwater_forget_expired=forget_expired,
    )


def forget_expired(cache: dict[str, dict[str, Any]], now: float) -> None:
    """Remove what has expired. Ids stand in the order of their sending, and all are kept equally long."""
    while cache:
        oldest = next(iter(cache))
        if cache[oldest]["expire"] > now:
            return
        del cache[oldest]
