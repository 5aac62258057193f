"""Lists that come in pages, read whole."""

from collections.abc import Callable, Iterator

from breakwater.client.shapes import Json, Page
from breakwater.client.transport import Problem


def every(fetch: Callable[..., Page], **filters: str | None) -> Iterator[Json]:
    """The items of all pages: `every(client.orders, account_id=...)`. Problem where a page leads back to one before."""
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        page = fetch(**filters, cursor=cursor)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
        if cursor in seen:
            raise Problem(502, {"code": "PAGES_REPEAT", "detail": "the server's pages lead back to one that was read"})
        seen.add(cursor)
