"""One venue as the whole process sees it: its private stream, and the poll that finds what the stream has not told."""

import asyncio
import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from breakwater.errors import BreakwaterError, Unavailable
from fargate_engine import metrics
from fargate_engine.terms import Reason
from fargate_engine.venues.client_ids import order_id_of
from fargate_engine.venues.configuration import Credentials, VenueSettings, fetch_credentials
from fargate_engine.venues.exchange_cancel_all import CancelAllSent
from fargate_engine.venues.exchange_client import ExchangeClient
from fargate_engine.venues.failures import KeyRefused, NotSent, OutcomeUnknown, VenueRefused
from fargate_engine.venues.followed import Followed
from fargate_engine.venues.key_accounts import Accounts
from fargate_engine.venues.listings import Listings
from fargate_engine.venues.protocol import FillAtVenue, OrderAtVenue

_LOG = logging.getLogger(__name__)

POLL_S = 5.0
SYMBOLS_POLLED_ALONE_MAX = 10  # From here on one question about all symbols is cheaper.
RELOAD_S = 3_600.0  # Instruments change: a tick, a minimum, a symbol that is closed.
BOOKED_MAX = 200_000  # Fills that are remembered by their ids.
RETRY_S = 1.0  # Doubles up to
RETRY_MAX_S = 30.0
# A private stream that was lost, and has not failed again for so long, stands if its socket is open: what is refused
# there is refused at once. With the pause before it shorter than the 5 s after which its alert is told.
STREAM_SURE_S = 3.0
ORDER_STREAM = "its private stream of orders"
FILL_STREAM = "its private stream of fills"
OPEN_ORDERS = "its open orders"
INSTRUMENTS = "its instruments"
ITS_KEY = "its key"


type FetchCredentials = Callable[[VenueSettings], Awaitable[Credentials]]


class ExchangeConnection:
    """`fetch` gives the key of the venue: it is asked for as long as it takes, and the rest of the engine goes on.

    `accounts` says whose orders that key may sign; by default those that the settings name.
    """

    def __init__(
        self,
        venue: VenueSettings,
        listings: Listings,
        fetch: FetchCredentials = fetch_credentials,
        accounts: Accounts | None = None,
    ) -> None:
        self.name = venue.name
        self.client = ExchangeClient(venue, listings)
        self.is_ready = False  # Its instruments are known.
        self.is_key_refused = False  # The last time that something was signed with it.
        self._failures: dict[str, str] = {}  # What failed the last time, in the order of that, and its words.
        self.reconciled: dict[str, Any] | None = None  # The newest report, as JSON.
        self.venue = venue
        self._fetch = fetch
        self._accounts = accounts or (lambda: venue.accounts)
        self._is_fallen_back = False
        self._booked: OrderedDict[tuple[str, str], None] = OrderedDict()  # Symbol and trade id.
        # The orders of every shard that is served here, by our id: a venue may rename one that is replaced.
        self._followed: dict[uuid.UUID, Followed] = {}
        self.cancel_alls: dict[str, CancelAllSent] = {}  # The last one of each symbol.
        self._poll_now = asyncio.Event()
        self._polled_at: float | None = None

    @property
    def taker_fee(self) -> Decimal:
        """The most that it charges for a trade, of the notional."""
        return self.venue.taker_fee

    @property
    def failure(self) -> str | None:
        """What failed last of all that has not gone well again since."""
        what = next(reversed(self._failures), None)
        return None if what is None else f"{what}: {self._failures[what]}"

    @property
    def is_streaming(self) -> bool:
        """Its private socket is open, and neither stream on it is refused or lost."""
        return self.client.is_streaming and not {ORDER_STREAM, FILL_STREAM} & self._failures.keys()

    def refusal(self, account_id: uuid.UUID) -> Reason | None:
        """Why no order of the account goes there; None where it may."""
        accounts = self._accounts()
        if accounts is None:
            return Reason("VENUE_UNREACHABLE", f"whom the key of {self.name} was given to is not known at the moment")
        if account_id not in accounts:
            return Reason("CREDENTIAL_NOT_GRANTED", f"the key of {self.name} was not given to this account")
        return None

    def remember(self, followed: Followed) -> None:
        self._followed[followed.order.terms.order_id] = followed

    def forget(self, order_id: uuid.UUID) -> None:
        self._followed.pop(order_id, None)

    def ask_about(self, client_id: str) -> bool:
        """False when no shard here follows the order."""
        followed = self._find(client_id)
        if followed is not None:
            followed.wants_look.set()
        return followed is not None

    def book(self, symbol: str, trade_id: str) -> None:
        """A shard has the fill: nobody needs to wonder whose it is."""
        self._booked[symbol, trade_id] = None
        if len(self._booked) > BOOKED_MAX:
            self._booked.popitem(last=False)

    def has_booked(self, symbol: str, trade_id: str) -> bool:
        return (symbol, trade_id) in self._booked

    async def run(self) -> None:
        """For ever, whether the venue answers or not."""
        try:
            await self._load()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._reload())
                tasks.create_task(self._poll())
                tasks.create_task(self._stream(ORDER_STREAM, self.client.watch_orders, self._learn_orders))
                tasks.create_task(self._stream(FILL_STREAM, self.client.watch_fills, self._learn_fills))
        finally:
            await self.client.close()

    def health(self) -> dict[str, Any]:
        unresolved = sum(1 for each in self._followed.values() if not each.is_settled)
        is_streaming = self.is_streaming
        metrics.VENUE_UNRESOLVED.labels(self.name).set(unresolved)
        metrics.VENUE_STREAM_UP.labels(self.name).set(is_streaming)
        told = self.client.health()
        is_up = self.is_ready and told["breaker"] == "CLOSED"
        return {
            "status": "UP" if is_up else "DOWN" if self.is_ready else "STARTING",
            "exchange": self.venue.exchange,
            "key": "OLDER" if self._is_fallen_back else "NEWEST",
            # Also where an older version works, and the newest does not.
            "key_refused": self.is_key_refused or self._is_fallen_back,
            "stream": "UP" if is_streaming else "DOWN",
            "orders": len(self._followed),
            "unresolved": unresolved,
            "polled_s": None if self._polled_at is None else round(time.monotonic() - self._polled_at, 3),
            "failure": self.failure,
            **told,
            "reconciliation": self.reconciled,
        }

    async def _load(self) -> None:
        pause_s = RETRY_S
        keys: list[Credentials] = []  # Those that are still to be tried, the newest first.
        connected: Credentials | None = None
        while not self.is_ready:
            try:
                if not keys:
                    newest = await self._fetch(self.venue)
                    keys, self._is_fallen_back = [newest, *newest.older], False
                if connected is not keys[0]:
                    await self.client.connect(keys[0])
                    connected = keys[0]
                await self.client.load()
                if len(keys) > 1 or self._is_fallen_back:
                    await self._try_key()
                await self._took(connected)
                continue
            except KeyRefused as error:
                self._failed(ITS_KEY, error)
                del keys[0]
                self._is_fallen_back = bool(keys)
                if keys:
                    _LOG.critical("%s does not take this version of its key: the one before is tried", self.name)
                    continue
            except (Unavailable, VenueRefused) as error:
                self._failed(INSTRUMENTS if keys and connected is keys[0] else ITS_KEY, error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_MAX_S)

    async def _try_key(self) -> None:
        """Something that is signed. KeyRefused where it is the key that the venue does not take."""
        try:
            await self.client.balances()
        except KeyRefused:
            raise
        except VenueRefused as error:
            _LOG.warning("%s takes its key, and not what was asked with it: %s", self.name, error.message)

    async def _took(self, key: Credentials) -> None:
        self.is_ready, self.is_key_refused = True, False
        self._went_well(ITS_KEY)
        self._went_well(INSTRUMENTS)
        _LOG.info("%s is reached: %d instruments", self.name, len(self.client.markets))
        if key.note_use is not None:
            try:
                await key.note_use()
            except Unavailable as error:
                _LOG.warning("that the key of %s is in use is not noted: %s", self.name, error.message)

    async def _reload(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_S)
            try:
                await self.client.load()
                self._went_well(INSTRUMENTS)
            except (NotSent, OutcomeUnknown, VenueRefused) as error:
                self._failed(INSTRUMENTS, error)

    async def _stream[Word](
        self, what: str, watch: Callable[[], Awaitable[Sequence[Word]]], learn: Callable[[Sequence[Word]], None]
    ) -> None:
        """What is told while the socket is away is lost: the poll is asked to find it."""
        pause_s = RETRY_S
        loop = asyncio.get_running_loop()
        while True:
            stands = loop.call_later(STREAM_SURE_S, self._went_well, what)
            try:
                words = await watch()
                self._went_well(what)
                learn(words)
                pause_s = RETRY_S
            except OutcomeUnknown as error:
                stands.cancel()
                self._failed(what, error)
                self._poll_now.set()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)
            finally:
                stands.cancel()

    def _learn_orders(self, words: Sequence[OrderAtVenue]) -> None:
        for word in words:
            followed = self._find(word.client_id)
            if followed is not None:
                followed.take(followed.order.learn(word))

    def _learn_fills(self, fills: Sequence[FillAtVenue]) -> None:
        for fill in fills:
            followed = self._find(fill.client_id)
            if followed is not None:
                followed.take(followed.order.learn_fills([fill]))

    async def _poll(self) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    await self._poll_now.wait()
            except TimeoutError:
                pass
            self._poll_now.clear()
            try:
                if self.client.is_clock_off:
                    await self.client.sync_clock()
                if await self._poll_once():
                    self._polled_at = time.monotonic()
                    self._went_well(OPEN_ORDERS)
            except (NotSent, OutcomeUnknown, VenueRefused) as error:
                self._failed(OPEN_ORDERS, error)

    async def _poll_once(self) -> bool:
        """Every order that was there before the question: what is not open any more is asked about.

        False where there was none, and nothing was asked.
        """
        live = [each for each in self._followed.values() if each.may_cancel and not each.order.is_over]
        if not live:
            return False
        symbols: set[str | None] = {each.order.terms.symbol for each in live}
        if len(symbols) > SYMBOLS_POLLED_ALONE_MAX:
            symbols = {None}
        words: dict[uuid.UUID | None, OrderAtVenue] = {}
        for symbol in symbols:
            words |= {order_id_of(word.client_id): word for word in await self.client.open_orders(symbol)}
        self.is_key_refused = False
        for followed in live:
            order = followed.order
            word = words.get(order.terms.order_id)
            if word is not None:
                followed.take(order.learn(word))
            if word is None or order.is_cancel_wanted or order.replacing is not None:
                followed.wants_look.set()
        return True

    def _find(self, client_id: str | None) -> Followed | None:
        order_id = order_id_of(client_id)
        return None if order_id is None else self._followed.get(order_id)

    def _failed(self, what: str, error: BreakwaterError) -> None:
        self._went_well(what)  # The newest stands last.
        self._failures[what] = error.message
        self.is_key_refused |= isinstance(error, KeyRefused)
        _LOG.warning("%s: %s", self.name, self.failure)

    def _went_well(self, what: str) -> None:
        self._failures.pop(what, None)
