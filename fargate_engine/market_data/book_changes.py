"""Which levels of a book changed since when: one record for all subscribers, however slow each of them is."""

from breakwater.domain.orders import Side
from fargate_engine.market_data.l2_book import L2Book, Levels

CHANGES_MAX = 8_192  # Prices of a side that are remembered; who missed more gets the whole book.


class BookChanges:
    """Each price with the id of the update that changed it last, oldest first.

    So the changes after any update are the end of it, and those of one price are one already.
    """

    def __init__(self, update_id: int) -> None:
        self.known_since_id = update_id  # What changed at or before it is not remembered.
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def record(self, update_id: int, bids: Levels, asks: Levels) -> None:
        for changes, levels in ((self._bids, bids), (self._asks, asks)):
            for price_ticks, _ in levels:
                changes.pop(price_ticks, None)  # So that it comes last again.
                changes[price_ticks] = update_id
            if len(changes) > CHANGES_MAX:
                self._forget_half(changes)

    def after(self, update_id: int, book: L2Book) -> tuple[Levels, Levels]:
        """(bids, asks) that changed after that update, as they are now. Only for an id that is known."""
        return _after(self._bids, update_id, book, Side.BUY), _after(self._asks, update_id, book, Side.SELL)

    def _forget_half(self, changes: dict[int, int]) -> None:
        for price_ticks in list(changes)[: CHANGES_MAX // 2]:
            self.known_since_id = max(self.known_since_id, changes.pop(price_ticks))


def _after(changes: dict[int, int], update_id: int, book: L2Book, side: Side) -> Levels:
    levels = []
    for price_ticks, changed_id in reversed(changes.items()):
        if changed_id <= update_id:
            break
        levels.append((price_ticks, book.lots_at(side, price_ticks)))
    return tuple(levels)
