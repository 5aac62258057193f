"""Orders, fills and what is held: what whoever trades reads first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from breakwater.db.digest_figures import Fills, OrderCounts
from breakwater.db.identity import Account
from breakwater.domain.digests import Fact, Section, Table
from breakwater.domain.money import EXACT
from breakwater.domain.portfolio import total, value_in
from breakwater.services import queries
from breakwater.services.digest_sections.scene import Scene, shown_time
from breakwater.services.digest_sections.tables import UNKNOWN, money, money_text, shown_amount, table
from breakwater.services.portfolio_views import AccountPortfolio


@dataclass(frozen=True, slots=True)
class _AccountFigures:
    account: Account
    orders: OrderCounts | None
    fills: int
    notional: Decimal | None
    realised: Decimal | None
    fees: Decimal | None

    @property
    def net(self) -> Decimal | None:
        return None if self.realised is None or self.fees is None else EXACT.subtract(self.realised, self.fees)


def performance(scene: Scene) -> Iterable[Section]:
    accounts = scene.tx.identity.accounts(scene.account_ids)
    if not accounts:
        yield Section(title="Orders and fills", note="There is no account that you see.")
        return
    orders = {each.account_id: each for each in scene.figures.orders(scene.account_ids)}
    fills = scene.figures.fills(scene.account_ids)
    marks = {symbol: price.price for symbol, price in scene.tx.market.reference_prices().items()}
    figures = [_account_figures(account, orders.get(account.account_id), fills, marks) for account in accounts]
    busy = [each for each in figures if each.orders is not None or each.fills]
    if not busy:
        yield Section(title="Orders and fills", note="No order came, and nothing was filled.")
        return
    yield Section(title="Orders and fills", facts=_trading_facts(busy), table=_accounts_table(busy))
    if fills:
        yield _by_symbol(fills)


def _account_figures(
    account: Account, orders: OrderCounts | None, fills: Sequence[Fills], marks: Mapping[str, Decimal]
) -> _AccountFigures:
    own = [each for each in fills if each.account_id == account.account_id]

    def in_base(each: Fills, amount: Decimal | None) -> Decimal | None:
        return None if amount is None else value_in(account.base_currency, each.quote_asset, amount, marks)

    return _AccountFigures(
        account=account,
        orders=orders,
        fills=sum(each.fills for each in own),
        notional=total(in_base(each, each.notional) for each in own),
        realised=total(in_base(each, each.realised_pnl) for each in own),
        fees=total(in_base(each, each.fees) for each in own),
    )


def _trading_facts(busy: Sequence[_AccountFigures]) -> tuple[Fact, ...]:
    told = [each.orders for each in busy if each.orders is not None]
    facts = [
        Fact(name="Orders", value=str(sum(each.placed for each in told))),
        Fact(name="Refused", value=str(sum(each.refused for each in told))),
        Fact(name="Still open", value=str(sum(each.still_open for each in told))),
        Fact(name="Fills", value=str(sum(each.fills for each in busy))),
    ]
    for currency in sorted({each.account.base_currency for each in busy}):
        own = [each for each in busy if each.account.base_currency == currency]
        facts += [
            Fact(name="Traded", value=money(total(each.notional for each in own), currency)),
            Fact(name="Realised before fees", value=money(total(each.realised for each in own), currency)),
            Fact(name="Fees", value=money(total(each.fees for each in own), currency)),
            Fact(name="Realised after fees", value=money(total(each.net for each in own), currency)),
        ]
    return tuple(facts)


def _accounts_table(busy: Sequence[_AccountFigures]) -> Table:
    columns = ("Account", "+Orders", "+Filled", "+Refused", "+Fills", "+Traded", "+Realised", "+Fees", "+After fees")
    return table(
        columns,
        [
            (
                each.account.name,
                *(
                    ("0", "0", "0")
                    if each.orders is None
                    else (str(each.orders.placed), str(each.orders.filled), str(each.orders.refused))
                ),
                str(each.fills),
                *(
                    money(amount, each.account.base_currency)
                    for amount in (each.notional, each.realised, each.fees, each.net)
                ),
            )
            for each in busy
        ],
    )


def _by_symbol(fills: Sequence[Fills]) -> Section:
    rows = []
    for symbol, quote in sorted({(each.symbol, each.quote_asset) for each in fills}):
        own = [each for each in fills if each.symbol == symbol]
        amounts = (
            shown_amount(total(each.bought for each in own)),
            shown_amount(total(each.sold for each in own)),
            money(total(each.notional for each in own), quote),
            money(total(each.realised_pnl for each in own), quote),
            money(total(each.fees for each in own), quote),
        )
        rows.append((symbol, str(sum(each.fills for each in own)), *amounts))
    return Section(
        title="By symbol",
        table=table(("Symbol", "+Fills", "+Bought", "+Sold", "+Traded", "+Realised", "+Fees"), rows),
    )


def positions(scene: Scene) -> Iterable[Section]:
    if not scene.account_ids:
        return
    portfolio = queries.portfolio(scene.caller, scene.tx, account_id=None, at=scene.at)
    facts = []
    for each in portfolio["totals"]:
        currency = each["currency"]
        facts += [
            Fact(name="Equity", value=money_text(each["equity"], currency)),
            Fact(name="Not realised", value=money_text(each["unrealised_pnl"], currency)),
        ]
    rows = [row for account in portfolio["items"] for row in _position_rows(account)]
    note = f"As of {shown_time(scene.at, scene.zone)}." + ("" if rows else " No position is open.")
    columns = ("Account", "Symbol", "+Quantity", "+Average price", "+Price now", "+Not realised")
    yield Section(title="What is held now", note=note, facts=tuple(facts), table=table(columns, rows) if rows else None)


def _position_rows(account: AccountPortfolio) -> Iterable[tuple[str, ...]]:
    for each in account["positions"]:
        if Decimal(each["quantity"]) != 0:
            quote = each["symbol"].partition("/")[2]
            yield (
                account["name"],
                each["symbol"],
                each["quantity"],
                each["average_price"],
                each["mark_price"] or UNKNOWN,
                money_text(each["unrealised_pnl"], quote),
            )
