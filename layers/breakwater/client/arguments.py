"""What commands are asked with, and how it is understood: names for ids, `+2h` for a time."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from breakwater.client.api import Client
from breakwater.client.limit_words import parse_time
from breakwater.client.lookup import find_account_id
from breakwater.client.session import SavedSignIn, SetupError


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Action(StrEnum):
    WARN = "WARN"
    REJECT = "REJECT"
    REDUCE_ONLY = "REDUCE_ONLY"
    SUSPEND = "SUSPEND"
    KILL = "KILL"


Account = Annotated[
    str | None, typer.Option("--account", help="Account, by name or id; the first of the user by default.")
]
SideOf = Annotated[Side, typer.Argument(case_sensitive=False)]
Symbol = Annotated[str, typer.Argument(help="Such as ETH/USDT.")]
At = Annotated[str | None, typer.Option(help="Limit price.")]
Market = Annotated[bool, typer.Option("--market", help="At what the market gives.")]
Tif = Annotated[TimeInForce | None, typer.Option(help="Time in force.", case_sensitive=False)]
GoodTill = Annotated[
    str | None,
    typer.Option("--until", help="Ends then, such as +2h or 2026-12-01T16:00:00Z."),
]
ForTheDay = Annotated[bool, typer.Option("--day", help="Ends with the day of its account.")]
PostOnly = Annotated[bool, typer.Option("--post-only", help="Refuse rather than take.")]
ReduceOnly = Annotated[bool, typer.Option("--reduce-only", help="Only if it makes the position smaller.")]
Strategy = Annotated[str | None, typer.Option(help="The strategy it counts to as well, by name or id.")]
OwnId = Annotated[str | None, typer.Option("--id", help="Your own id; repeating it is safe.")]
OrderId = Annotated[str, typer.Argument(help="The order's id, or the beginning of it.")]
Located = Annotated[bool, typer.Option("--located", help="A short sale of what was borrowed beforehand.")]

Node = Annotated[str, typer.Argument(help='The node\'s name, such as "Desk A", or the beginning of its id.')]
AnyNode = Annotated[str | None, typer.Argument(help="By default all that you may see.")]
Reason = Annotated[str, typer.Option(help="Kept in the audit trail.")]
LimitType = Annotated[
    str, typer.Argument(metavar="TYPE", help="Such as MAX_ORDER_QTY; `breakwater limits types` lists them.")
]
Instrument = Annotated[str | None, typer.Option(help="A symbol, venue:SIM, class:SPOT, or * for all.")]
Everywhere = Annotated[str, typer.Option("--instrument", help="A symbol, venue:SIM, class:SPOT, or * for all.")]
Value = Annotated[str | None, typer.Argument(help="In the unit of the type; none where parameters say all.")]
Params = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="As often as needed; NAME= takes one away.")
]
Currency = Annotated[str | None, typer.Option(help="What a notional is counted in; USDT for a new limit.")]
LimitId = Annotated[str | None, typer.Option("--id", help="The beginning of the limit's id, where there are several.")]
Until = Annotated[str | None, typer.Option(help="Such as +2h, 2026-12-01, or '2026-12-01 14:00' (UTC).")]
From = Annotated[str | None, typer.Option("--from", help="Such as +1d or 2026-12-01; at once by default.")]


def time_of(told: str) -> str:
    """RFC 3339."""
    return parse_time(told, datetime.now(UTC))


def lifetime(tif: TimeInForce | None, until: str | None, for_the_day: bool) -> tuple[str | None, str | None]:
    """How long the order lives: the API's time_in_force and expire_time."""
    if sum((tif is not None, until is not None, for_the_day)) > 1:
        raise typer.BadParameter("say one of --tif, --until and --day")
    if until is not None:
        return "GTD", time_of(until)
    return ("DAY" if for_the_day else tif), None


def one_price(at: str | None, market: bool) -> str | None:
    if (at is None) != market:
        raise typer.BadParameter("say either --at PRICE or --market")
    return at


def account_of(client: Client, chosen: str | None, saved: SavedSignIn) -> str:
    """The account's id: of the one that was said, or the first of the user."""
    if chosen:
        return find_account_id(client, chosen)
    if not saved.account_ids:
        raise SetupError(f"{saved.username} has no account of their own: say --account")
    return saved.account_ids[0]
