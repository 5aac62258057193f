"""What accounts were worth: noted once a minute, shown by steps of a minute up to a day (decision 120)."""

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from breakwater.db.conditions import organisations
from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.equity import EquitySample
from breakwater.db.market import ReferencePrice
from breakwater.domain.money import format_amount, trim
from breakwater.domain.permissions import Caller
from breakwater.domain.times import format_time
from breakwater.errors import BreakwaterError, InvalidRequest
from breakwater.services.orders import visible_accounts
from breakwater.services.portfolio_views import EquityHistory, EquityPoint
from breakwater.services.settlement import TenantTransactions
from breakwater.services.worth import AccountWorth, is_stale, worth_of

type Interval = Literal["1m", "5m", "15m", "1h", "1d"]

STEPS: Mapping[Interval, timedelta] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
POINTS_MAX = 2_500
SHOWN_UNLESS_TOLD = timedelta(days=1)

MINUTES_KEPT = timedelta(days=7)
HOURS_KEPT = timedelta(days=731)
ACCOUNTS_AT_ONCE = 100
FORGOTTEN_AT_ONCE_MAX = 20_000


def history(
    caller: Caller,
    tx: TenantTransaction,
    *,
    account_id: uuid.UUID | None,
    since: datetime | None,
    until: datetime | None,
    interval: Interval,
    at: datetime,
) -> EquityHistory:
    """Of one account, oldest first: the last sample of each step that has one.

    InvalidRequest without an account where there are several, and for more steps than are answered at once.
    """
    caller.require("portfolio:read")
    accounts = visible_accounts(caller, tx, account_id)
    if len(accounts) != 1:
        raise InvalidRequest("account_id is needed: each account has a history of its own", field="account_id")
    until = at + STEPS["1m"] if until is None else until
    since = until - SHOWN_UNLESS_TOLD if since is None else since
    if since >= until:
        raise InvalidRequest("since has to lie before until", field="since")
    step = STEPS[interval]
    if (until - since) / step > POINTS_MAX:
        raise InvalidRequest(f"that is more than {POINTS_MAX} points: ask for a longer interval", field="interval")
    samples = tx.equity.last_of_each(accounts[0], since=since, until=until, step=step, limit=POINTS_MAX + 1)
    (account,) = tx.identity.accounts(accounts)
    return {
        "account_id": str(account.account_id),
        "currency": account.base_currency,
        "interval": interval,
        "items": [_point(each) for each in samples if each.currency == account.base_currency],
        "next_cursor": None,
    }


@dataclass(slots=True)
class EquitySampler:
    """Notes what every account is worth, once a minute. What is not known at that minute has no sample."""

    untenanted: Callable[[], AbstractContextManager[Connection]]
    transactions: TenantTransactions
    tell: Callable[[str], None]  # What went wrong, for the log.
    _sampled: datetime | None = field(default=None)

    def run_round(self, at: datetime) -> None:
        """An organisation that cannot be looked at does not keep the others from it."""
        minute = at.replace(second=0, microsecond=0)
        if minute == self._sampled:
            return
        with self.untenanted() as connection:
            tenants = organisations(connection)
        self._sampled = minute
        for tenant_id in tenants:
            try:
                self._sample(tenant_id, minute, at)
            except BreakwaterError as error:
                self.tell(f"equity of {tenant_id}: {error.message}")

    def _sample(self, tenant_id: uuid.UUID, minute: datetime, at: datetime) -> None:
        with self.transactions(tenant_id) as tx:
            account_ids = tx.equity.account_ids()
        for first in range(0, len(account_ids), ACCOUNTS_AT_ONCE):
            with self.transactions(tenant_id) as tx:
                prices = tx.market.reference_prices()
                worth = worth_of(tx, account_ids[first : first + ACCOUNTS_AT_ONCE], prices)
                samples = [(each.account.account_id, _sample_of(each, prices, at)) for each in worth]
                tx.equity.add([(id_, sample) for id_, sample in samples if sample is not None], at=minute)
        with self.transactions(tenant_id) as tx:
            tx.equity.forget(
                minutes_before=minute - MINUTES_KEPT, hours_before=minute - HOURS_KEPT, at_most=FORGOTTEN_AT_ONCE_MAX
            )


def _sample_of(worth: AccountWorth, prices: Mapping[str, ReferencePrice], at: datetime) -> EquitySample | None:
    """None where a price that it needs was never observed: half a sum would look like a loss."""
    currency, amounts = worth.account.base_currency, worth.amounts
    equity, realised = amounts["equity"], amounts["realised_pnl"]
    unrealised, fees = amounts["unrealised_pnl"], amounts["fees"]
    if equity is None or realised is None or unrealised is None or fees is None:
        return None
    priced = {f"{asset}/{currency}" for asset, amount in worth.balances.items() if amount and asset != currency}
    priced |= {row.symbol for row in worth.held if row.position.quantity}
    stale = any(is_stale(prices.get(symbol), at) for symbol in priced)
    return EquitySample(at, currency, equity, realised, unrealised, fees, stale)


def _point(sample: EquitySample) -> EquityPoint:
    return {
        "at": format_time(sample.at),
        "equity": format_amount(trim(sample.equity)),
        "realised_pnl": format_amount(trim(sample.realised_pnl)),
        "unrealised_pnl": format_amount(trim(sample.unrealised_pnl)),
        "fees": format_amount(trim(sample.fees)),
        "stale": sample.is_stale,
    }
