"""A replace that a venue has not decided yet."""

from dataclasses import dataclass

from fargate_engine.terms import Reason, WorkingTerms

LOST_IN_REPLACE = Reason("REPLACE_HALF_DONE", "the venue cancelled it to replace it, and did not take the new terms")
REPLACED_AFTER_ALL = Reason(
    "REPLACE_NOT_REFUSED", "the venue has it with terms that were refused here, or asked for by nobody: it was ended"
)
NOT_REPLACED = Reason("VENUE_NEVER_ARRIVED", "the venue has the order as it was, and no replace can arrive any more")


@dataclass(slots=True)
class PendingReplace:
    """`client_id` is the order's at the venue under these terms: another one than it has, where the venue renames it.

    `never_after`: asked later than this (monotonic), the order as it was means that the replace never arrived.
    """

    terms: WorkingTerms
    client_id: str
    is_sent: bool = False
    never_after: float = 0.0
    refusal: Reason | None = None  # The venue has said no: which terms the order has is asked all the same.

    def is_less_than(self, before: WorkingTerms) -> bool:
        """Less at the same price: no venue cancels an order for that."""
        return self.terms.limit_ticks == before.limit_ticks and self.terms.quantity_lots < before.quantity_lots
