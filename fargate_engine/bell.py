"""A bell that many sources ring and one task waits for."""

import asyncio
from typing import Protocol


class Rings[Source](Protocol):
    def ring(self, source: Source, /) -> None: ...


class Bell[Source]:
    """A source that rings twice before it is answered has rung once: what waits here is bounded by what can ring."""

    def __init__(self) -> None:
        self._rung: dict[Source, None] = {}
        self._event = asyncio.Event()

    def ring(self, source: Source, /) -> None:
        self._rung[source] = None
        self._event.set()

    def forget(self, source: Source, /) -> None:
        """One that left."""
        self._rung.pop(source, None)

    async def wait(self) -> None:
        """Until it rings; at once when it has rung."""
        await self._event.wait()

    def answer(self) -> list[Source]:
        """Those that rang; it is quiet again."""
        self._event.clear()
        rung, self._rung = list(self._rung), {}
        return rung
