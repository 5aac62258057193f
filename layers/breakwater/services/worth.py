"""What accounts are worth in their base currency at the reference prices of now."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from breakwater.db.connection import TenantTransaction
from breakwater.db.identity import Account
from breakwater.db.market import ReferencePrice
from breakwater.db.portfolio import PositionRow
from breakwater.domain.portfolio import equity, total, value_in
from breakwater.domain.valuation import REFERENCE_AGE_MAX

Amounts = dict[str, Decimal | None]  # equity, realised_pnl, unrealised_pnl, fees: None where a price is not known.


@dataclass(frozen=True, slots=True)
class AccountWorth:
    account: Account
    balances: Mapping[str, Decimal]
    held: Sequence[PositionRow]
    amounts: Amounts


def worth_of(
    tx: TenantTransaction, account_ids: Sequence[uuid.UUID], prices: Mapping[str, ReferencePrice]
) -> list[AccountWorth]:
    """Of each account, by name."""
    held: dict[uuid.UUID, list[PositionRow]] = defaultdict(list)
    for position in tx.portfolio.positions(account_ids):
        held[position.account_id].append(position)
    balances: dict[uuid.UUID, dict[str, Decimal]] = defaultdict(dict)
    for balance in tx.portfolio.balances(account_ids):
        balances[balance.account_id][balance.asset] = balance.total
    return [
        AccountWorth(
            account,
            balances[account.account_id],
            held[account.account_id],
            _amounts(account.base_currency, balances[account.account_id], held[account.account_id], prices),
        )
        for account in tx.identity.accounts(account_ids)
    ]


def is_stale(price: ReferencePrice | None, at: datetime) -> bool:
    return price is None or at - price.observed_at > REFERENCE_AGE_MAX


def _amounts(
    currency: str,
    balances: Mapping[str, Decimal],
    held: Sequence[PositionRow],
    prices: Mapping[str, ReferencePrice],
) -> Amounts:
    marks = {symbol: price.price for symbol, price in prices.items()}

    def in_currency(row: PositionRow, amount: Decimal | None) -> Decimal | None:
        return None if amount is None else value_in(currency, row.symbol.partition("/")[2], amount, marks)

    def unrealised(row: PositionRow) -> Decimal | None:
        if row.position.quantity == 0:
            return Decimal(0)
        return row.position.unrealised_pnl(marks[row.symbol]) if row.symbol in marks else None

    return {
        "equity": equity(balances, currency, marks),
        "realised_pnl": total(in_currency(row, row.position.realised_pnl) for row in held),
        "unrealised_pnl": total(in_currency(row, unrealised(row)) for row in held),
        "fees": total(in_currency(row, row.position.fees) for row in held),
    }
