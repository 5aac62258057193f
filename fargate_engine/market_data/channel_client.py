"""Records an engine's markets from its WebSocket channel, through lost connections, until told to stop."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from breakwater.domain.times import nanoseconds
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, Levels, MarketEvent, MarketTrade
from fargate_engine.market_data.recorder import Recorder

CONNECT_TIMEOUT_S = 10.0
SILENCE_MAX_S = 40.0  # The server beats every 15 s.
RECONNECT_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # Of one outage; the last is repeated.
FAILURES_MAX = 30  # In a row: then somebody has to look.
FINISH_OLD_S = 30.0

type Key = tuple[str, str]  # Venue and symbol.


class RecordingFailed(Exception):
    """It cannot go on, in words for people. What was recorded is in files."""


async def record_channels(
    url: str, markets: list[Key], out: Path, api_key: str, told_to_stop: asyncio.Event
) -> list[Recorder]:
    """Every market with its recorder; all files are whole when it returns or raises."""
    client = _Client(url.rstrip("/") + "/channels", markets, out, api_key)
    recording = asyncio.create_task(client.run())
    told = asyncio.create_task(told_to_stop.wait())
    try:
        await asyncio.wait([recording, told], return_when=asyncio.FIRST_COMPLETED)
        if recording.done():
            recording.result()
    finally:
        told.cancel()
        recording.cancel()
        await asyncio.wait([recording], timeout=CONNECT_TIMEOUT_S)
        client.close()
    return list(client.recorders.values())


class _Client:
    def __init__(self, url: str, markets: list[Key], out: Path, api_key: str) -> None:
        self.recorders: dict[Key, Recorder] = {}
        self._url = url
        self._markets = markets
        self._out = out
        self._headers = {"Authorization": f"ApiKey {api_key}"}
        self._last_trade_id: dict[Key, int] = {}
        self._sequence: dict[Key, int] = {}
        self._session = time.time_ns()
        self._failures = 0  # In a row.
        self._finished_old_at = time.monotonic()

    def close(self) -> None:
        for recorder in self.recorders.values():
            recorder.close()

    async def run(self) -> None:
        """For ever, or RecordingFailed."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                problem = await self._listen(session)
                self._failures += 1
                if self._failures >= FAILURES_MAX:
                    raise RecordingFailed(f"{self._url}: {problem}, {self._failures} times in a row")
                await asyncio.sleep(RECONNECT_S[min(self._failures, len(RECONNECT_S)) - 1])

    async def _listen(self, session: aiohttp.ClientSession) -> str:
        """As long as the connection lives; what ended it."""
        try:
            async with session.ws_connect(self._url, headers=self._headers, max_msg_size=0) as socket:
                for venue, symbol in self._markets:
                    market = {"venue": venue, "symbol": symbol}
                    await socket.send_json({"action": "subscribe", "channel": "markets", **market})
                async for document in _documents(socket):
                    self._failures = 0
                    self._take(document)
                return "the engine closed the connection"
        except aiohttp.WSServerHandshakeError as error:
            if error.status < 500 and error.status != 429:
                raise RecordingFailed(f"the engine answered {error.status}: is the API key right?") from error
            return f"the engine answered {error.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return str(error) or "the engine is silent"

    def _take(self, document: dict[str, Any]) -> None:
        kind, key = document["type"], (document.get("venue", ""), document.get("symbol", ""))
        if kind == "error":
            raise RecordingFailed(f"the engine says {document['code']}: {document['detail']}")
        if kind == "closed":
            raise aiohttp.ClientError("the engine serves the market no more")
        if kind == "snapshot" and key not in self.recorders:
            self.recorders[key] = Recorder(self._out, key[0], _instrument(document), self._session)
        if key in self.recorders:
            recorder = self.recorders[key]
            for event, at_ns in self._events(kind, key, document, recorder.market.instrument):
                recorder.record(event, at_ns)
        if time.monotonic() - self._finished_old_at > FINISH_OLD_S:
            self._finished_old_at = time.monotonic()
            for recorder in self.recorders.values():
                recorder.files.finish_old()

    def _events(
        self, kind: str, key: Key, document: dict[str, Any], instrument: Instrument
    ) -> Iterator[tuple[MarketEvent, int]]:
        if kind in {"snapshot", "update"}:
            bids, asks = _levels(document["bids"], instrument), _levels(document["asks"], instrument)
            if kind == "update" and document["previous_sequence"] != self._sequence.get(key):
                raise aiohttp.ClientError("updates are missing")  # A new connection begins with the whole book.
            self._sequence[key] = document["sequence"]
            yield DepthSnapshot(bids, asks) if kind == "snapshot" else DepthDiff(bids, asks), _at_ns(document["at"])
        for trade in document.get("trades", ()):  # A snapshot brings the last ones again.
            if trade["trade_id"] > self._last_trade_id.get(key, 0):
                self._last_trade_id[key] = trade["trade_id"]
                ((ticks, lots),) = _levels([[trade["price"], trade["quantity"]]], instrument)
                yield MarketTrade(Side(trade["taker"]), ticks, lots, trade["trade_id"]), _at_ns(trade["at"])


async def _documents(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """Until the connection ends; TimeoutError when nothing comes for long, not even a heartbeat."""
    while True:
        message = await socket.receive(timeout=SILENCE_MAX_S)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        yield orjson.loads(message.data)


def _instrument(snapshot: dict[str, Any]) -> Instrument:
    base, _, quote = snapshot["symbol"].partition("/")
    tick_size, lot_size = Decimal(snapshot["tick_size"]), Decimal(snapshot["lot_size"])
    return Instrument(snapshot["symbol"], base, quote, tick_size, lot_size, lot_size)


def _levels(rows: list[list[str]], instrument: Instrument) -> Levels:
    return tuple(
        (int(Decimal(price) / instrument.tick_size), int(Decimal(quantity) / instrument.lot_size))
        for price, quantity in rows
    )


def _at_ns(text: str) -> int:
    return nanoseconds(datetime.fromisoformat(text))
