"""`python -m fargate_engine.simulated_exchange`: an exchange to try things at, on this machine alone."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from decimal import Decimal

import uvloop
from aiohttp import web

from breakwater.domain.instruments import Instrument
from fargate_engine.simulated_exchange.accounts import PaperAccount
from fargate_engine.simulated_exchange.faults import Faults
from fargate_engine.simulated_exchange.paper_exchange import PaperExchange
from fargate_engine.simulated_exchange.server import create_server
from fargate_engine.simulated_exchange.switches import Chance
from fargate_engine.venues.simulated import event_sources

_LOG = logging.getLogger(__name__)

HOST = "127.0.0.1"
PORT = 4510
INSTRUMENTS = (
    Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5)),
    Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5)),
)
# Play money at an address that only this machine reaches: no secret. The id is in hex, as those of the platform are.
KEY, SECRET = "facade00", "paper-secret"
BALANCES = {"USDT": Decimal(1_000_000), "BTC": Decimal(100), "ETH": Decimal(1_000)}


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m fargate_engine.simulated_exchange", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--seed", type=int, default=0, help="of the faults that are switched on")
    parser.add_argument("--speed", type=float, default=1.0, help="of the market")
    told = parser.parse_args()
    try:
        uvloop.run(serve(told.port, told.seed, told.speed))
    except OSError as error:
        _LOG.critical("cannot listen on %s:%d: %s", HOST, told.port, error.strerror)
        return 1
    return 0


async def serve(port: int, seed: int, speed: float) -> None:
    """Until told to stop."""
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, told_to_stop.set)
    chance = Chance(seed)
    faults = Faults(chance)
    account = PaperAccount.holding(KEY, SECRET, BALANCES)
    exchange = PaperExchange(INSTRUMENTS, event_sources((), INSTRUMENTS), [account], chance, speed=speed)
    runner = web.AppRunner(create_server(exchange, chance, faults), access_log=None, shutdown_timeout=1)
    running = [asyncio.create_task(exchange.run()), asyncio.create_task(faults.run())]
    try:
        await exchange.opened()
        await runner.setup()
        await web.TCPSite(runner, HOST, port).start()
        _LOG.info("http://%s:%d with the key %r; its switches are at /control", HOST, port, KEY)
        stopping = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait([stopping, *running], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in running:
            task.cancel()
        await runner.cleanup()
    for task in running:
        with contextlib.suppress(asyncio.CancelledError):
            await task


if __name__ == "__main__":
    sys.exit(main())
