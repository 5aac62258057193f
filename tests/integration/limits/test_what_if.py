"""A recorded day under other limits, from a real database."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.db.equity import EquitySample
from breakwater.domain.orders import OrdStatus, PlaceOrder, Side
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.errors import InvalidRequest, NotFound
from breakwater.services import limit_settings
from breakwater.services.limit_settings import RiskTermsSetting
from breakwater.services.limits import settle
from breakwater.services.what_if import ASSUMPTIONS, NOT_JUDGED, TriedLimit, WhatIf, what_if
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, SYMBOL, Firm, create_firm, order_of, reserve_and_record, snapshot_of
from tests.integration.limits.people import limit, node

LATER = NOW + timedelta(hours=6)


@pytest.fixture
def risk(firm: Firm) -> Caller:
    return Caller(firm.tenant_id, "risk", "risk", Role.RISK_MANAGER, frozenset({SESSION_SCOPE}), correlation_id="c")


class Recorder:
    """Writes orders and their fills as the saga and the projections leave them."""

    def __init__(self, database: Database, urls: DatabaseUrls, firm: Firm) -> None:
        self._database, self._urls, self._firm = database, urls, firm
        self._minutes = 0

    def filled(
        self, side: Side, quantity: str, price: str, symbol: str = SYMBOL, account: int = 0, **more: Any
    ) -> PlaceOrder:
        self._minutes += 1
        at = NOW + timedelta(minutes=self._minutes)
        order = order_of(self._firm, side, quantity, price, symbol=symbol, account=account, **more)
        with self._database.tenant_transaction(self._firm.tenant_id) as tx:
            reserve_and_record(tx, order)
            settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, quantity, price))
        with psycopg.connect(self._urls.admin) as connection:
            connection.execute(
                "UPDATE trading.orders SET created_at = %s, updated_at = %s, status = 'FILLED', leaves_qty = 0,"
                " cum_qty = quantity WHERE order_id = %s",
                (at, at + timedelta(seconds=1), order.order_id),
            )
            connection.execute(
                "INSERT INTO trading.trades (trade_id, tenant_id, account_id, order_id, symbol, side, last_qty,"
                " last_px, liquidity, fee, fee_currency, realised_pnl, venue, engine_seq, transact_time)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'TAKER', 0, %s, 0, 'SIM', 1, %s)",
                (
                    *(
                        uuid.uuid4(),
                        self._firm.tenant_id,
                        self._firm.account_ids[account],
                        order.order_id,
                        symbol,
                        side,
                    ),
                    *(Decimal(quantity), Decimal(price), symbol.split("/")[1], at + timedelta(milliseconds=500)),
                ),
            )
        return order


@pytest.fixture
def recorder(database: Database, database_urls: DatabaseUrls, firm: Firm) -> Recorder:
    open_accounts(database_urls, NOW - timedelta(days=99), *firm.account_ids)
    return Recorder(database, database_urls, firm)


def open_accounts(database_urls: DatabaseUrls, at: datetime, *account_ids: uuid.UUID) -> None:
    """Since when there have been such."""
    with psycopg.connect(database_urls.admin) as admin:
        admin.execute("UPDATE identity.accounts SET created_at = %s WHERE account_id = ANY (%s)", (at, [*account_ids]))


def ask(database: Database, firm: Firm, risk: Caller, *changes: dict[str, Any], **about: Any) -> Any:
    settings = [TriedLimit(**({"node_id": firm.desk} | change)) for change in changes]
    with database.tenant_transaction(firm.tenant_id) as tx:
        return what_if(WhatIf(day=about.pop("day", NOW.date()), changes=settings, **about), risk, tx, LATER)


def test_what_a_tighter_limit_would_have_refused_has_not_traded(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.BUY, "1", "2000")
    third = recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.SELL, "1", "1900")
    answer = ask(database, firm, risk, {"limit_type": "LONG_POSITION", "value": Decimal(2)})
    assert (answer["judged_count"], answer["refused_count"], answer["passed_count"]) == (4, 1, 0)
    (refused,) = answer["refused"]
    assert refused["order_id"] == str(third.order_id)
    assert [(r["limit_type"], r["largest_passing_quantity"]) for r in refused["refusals"]] == [("LONG_POSITION", "0")]
    pnl = {told["node_id"]: (told["actual"], told["what_if"]) for told in answer["pnl"]}
    assert pnl[str(firm.account_nodes[0])] == ("-300", "-200")  # One sold at a loss of 100; two, or one, held at 1900.
    peaks = {(told["node_id"], told["symbol"]): told["peak_position"] for told in answer["exposure"]}
    assert peaks[str(firm.desk), SYMBOL] == "2"


def test_at_the_limit_everything_goes_as_it_went(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.BUY, "1", "2010")
    answer = ask(database, firm, risk, {"limit_type": "LONG_POSITION", "value": Decimal(2)})
    assert answer["refused"] == []
    assert all(told["actual"] == told["what_if"] for told in answer["pnl"])


def test_orders_that_ended_at_a_time_are_judged_as_any(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    for time_in_force in ("GTD", "DAY"):
        order = recorder.filled(Side.BUY, "1", "2000")
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute(
                "UPDATE trading.orders SET time_in_force = %s, expire_time = %s WHERE order_id = %s",
                (time_in_force, LATER, order.order_id),
            )
    answer = ask(database, firm, risk, {"limit_type": "LONG_POSITION", "value": Decimal(1)})
    assert (answer["judged_count"], answer["refused_count"]) == (2, 1)


def refused_by(answer: Any) -> list[tuple[str, list[str]]]:
    return [(each["order_id"], [refusal["limit_type"] for refusal in each["refusals"]]) for each in answer["refused"]]


def test_a_trailing_drawdown_counts_from_the_highest_price_of_the_day_though_nobody_ordered_at_it(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.BUY, "1", "2100", account=1)
    recorder.filled(Side.SELL, "1", "2010", account=1)
    last = recorder.filled(Side.BUY, "1", "2010")
    change: dict[str, Any] = {"node_id": firm.account_nodes[0], "limit_type": "DRAWDOWN"}
    for value, mode, refused in (
        ("90", "TRAILING", []),
        ("89.99", "TRAILING", [(str(last.order_id), ["DRAWDOWN"])]),
        ("0.01", "STATIC", []),  # It has earned 10.
    ):
        tried = change | {"value": Decimal(value), "parameters": {"mode": mode}}
        assert refused_by(ask(database, firm, risk, tried)) == refused


def test_a_streak_of_losses_refuses_until_its_cool_down_is_over(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    for _ in range(2):
        recorder.filled(Side.BUY, "1", "2000")
        recorder.filled(Side.SELL, "1", "1990")
    cooling = [recorder.filled(Side.BUY, "1", "2000", account=account) for account in (1, 0)]
    recorder.filled(Side.BUY, "1", "2000")  # More than two minutes after the second loss.
    change: dict[str, Any] = {"limit_type": "LOSS_STREAK", "parameters": {"cool_down_s": 120}}
    answer = ask(database, firm, risk, change | {"value": Decimal(2)})
    assert refused_by(answer) == [(str(order.order_id), ["LOSS_STREAK"]) for order in cooling]
    assert refused_by(ask(database, firm, risk, change | {"value": Decimal(3)})) == []
    of_account = change | {"value": Decimal(2), "node_id": firm.account_nodes[0]}
    assert refused_by(ask(database, firm, risk, of_account)) == [(str(cooling[1].order_id), ["LOSS_STREAK"])]


def test_an_order_that_was_sent_twice_within_the_window_is_refused_and_one_of_other_terms_is_not(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000", account=1)  # Then there is a price.
    recorder.filled(Side.BUY, "1", "2000")
    again = recorder.filled(Side.BUY, "1", "2000")  # A minute later.
    recorder.filled(Side.BUY, "1.5", "2000")
    change = {"limit_type": "DUPLICATE_ORDER", "parameters": {"window_s": 60}}
    assert refused_by(ask(database, firm, risk, change)) == [(str(again.order_id), ["DUPLICATE_ORDER"])]
    assert refused_by(ask(database, firm, risk, change | {"parameters": {"window_s": 59}})) == []


def test_volumes_and_volatilities_are_those_that_were_said_before_each_order(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    first = recorder.filled(Side.BUY, "1", "2000", account=1)  # Then there is a price, and nothing is said yet.
    second = recorder.filled(Side.BUY, "1", "2000")
    third = recorder.filled(Side.BUY, "1", "2000")
    for minutes, volume, volatility in ((1.5, "100", "0.01"), (2.5, "99.99", "0.02"), (3.5, "1", "1")):
        terms = RiskTermsSetting(
            symbol=SYMBOL,
            average_daily_qty=Decimal(volume),
            daily_volatility=Decimal(volatility),
            as_of=NOW.date(),
        )
        with database.tenant_transaction(firm.tenant_id) as tx:
            limit_settings.set_risk_terms(terms, risk, tx, NOW + timedelta(minutes=minutes))
    ids = [str(order.order_id) for order in (first, second, third)]
    share = {"limit_type": "ADV_PCT", "value": Decimal("0.01")}
    answer = ask(database, firm, risk, share)
    assert [each["order_id"] for each in answer["refused"]] == [ids[0], ids[2]]
    (unknown,) = answer["refused"][1]["refusals"]
    assert (unknown["limit_type"], unknown["missing"]) == ("ADV_PCT", None)
    at_risk = {"limit_type": "INCREMENTAL_VAR", "node_id": firm.account_nodes[0], "value": Decimal("46.52695748")}
    assert refused_by(ask(database, firm, risk, at_risk)) == [(ids[2], ["INCREMENTAL_VAR"])]


def test_limits_on_a_node_elsewhere_change_nothing_here(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    change = {"node_id": firm.account_nodes[1], "limit_type": "LONG_POSITION", "value": Decimal("0.1")}
    assert ask(database, firm, risk, change)["refused_count"] == 0


def test_asking_writes_nothing(database: Database, firm: Firm, risk: Caller, recorder: Recorder) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    with database.tenant_transaction(firm.tenant_id) as tx:
        before = tx.limits.scopes(NOW)
    ask(database, firm, risk, {"limit_type": "MAX_ORDER_QTY", "value": Decimal("0.5")})
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.scopes(NOW) == before
        assert tx.limits.ledger_differences() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        *(({"limit_type": each, "value": Decimal(1)}, "limit_type") for each in sorted(NOT_JUDGED)),
        ({"limit_type": "MAX_ORDER_QTY", "value": Decimal(1), "is_removed": True}, "is_removed"),
        ({"limit_type": "MAX_ORDER_QTY", "is_removed": False}, "value"),
        ({"limit_type": "NO_SUCH_TYPE", "value": Decimal(1)}, "limit_type"),
        ({"limit_type": "MAX_ORDER_QTY", "value": Decimal(-1)}, "value"),
        ({"limit_type": "DAILY_LOSS", "value": Decimal(1), "currency": "ETH"}, "currency"),
        ({"limit_type": "MESSAGE_RATE", "value": Decimal(1), "parameters": {"window_s": 0}}, "parameters.window_s"),
        ({"node_id": uuid.uuid4(), "limit_type": "MAX_ORDER_QTY", "value": Decimal(1)}, "node_id"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_at_the_change(
    database: Database, firm: Firm, risk: Caller, *, change: dict[str, Any], field: str
) -> None:
    with pytest.raises((InvalidRequest, NotFound)) as refusal:
        ask(database, firm, risk, change)
    assert refusal.value.extensions["field"] == f"changes.0.{field}"


def test_a_day_to_come_and_another_organisations_node_are_refused(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    change = {"limit_type": "MAX_ORDER_QTY", "value": Decimal(1)}
    with pytest.raises(InvalidRequest):
        ask(database, firm, risk, change, day=NOW.date() + timedelta(days=1))
    stranger = create_firm(database_urls.admin, "Stranger")
    with pytest.raises(NotFound):
        ask(database, firm, risk, change | {"node_id": stranger.desk})
    with pytest.raises(NotFound):
        ask(database, firm, risk, change, node_id=stranger.desk)


@pytest.fixture
def eth_btc(database_urls: DatabaseUrls) -> None:
    """It is listed, and it and what leads from it are priced."""
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO market.instruments (symbol, base_asset, quote_asset, tick_size, lot_size, notional_min)"
            " VALUES ('ETH/BTC', 'ETH', 'BTC', 0.00001, 0.0001, 0.0001)"
        )
        for symbol, price in (("ETH/BTC", Decimal("0.06")), ("BTC/USDT", Decimal(50000))):
            connection.execute(
                "INSERT INTO market.reference_prices VALUES (%s, %s, %s, %s, %s)", (symbol, price, price, price, NOW)
            )


def test_profits_in_other_currencies_are_added_up_in_the_base_currency_by_the_days_prices(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder, eth_btc: None
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.SELL, "1", "2100")  # 100 USDT.
    recorder.filled(Side.BUY, "10", "0.05", "ETH/BTC")
    third = recorder.filled(Side.SELL, "10", "0.06", "ETH/BTC")  # 0.1 BTC.
    change = {"limit_type": "RESTRICTED_LIST", "parameters": {"mode": "DENY", "symbols": ["ETH/BTC"]}}

    def pnl() -> tuple[str | None, str | None]:
        answer = ask(database, firm, risk, change)
        assert answer["currency"] == "USDT"
        assert str(third.order_id) in {refused["order_id"] for refused in answer["refused"]}
        told = {each["node_id"]: (each["actual"], each["what_if"]) for each in answer["pnl"]}
        assert told[str(firm.account_nodes[1])] == ("0", "0")
        return told[str(firm.account_nodes[0])]

    # No trade of the day says what BTC is worth: not known, instead of 100.1 of nothing. Without it, nothing is in BTC.
    assert pnl() == (None, "100")
    recorder.filled(Side.BUY, "0.01", "50000", "BTC/USDT", account=1)
    assert pnl() == ("5100", "100")


def test_a_loss_in_another_currency_counts_against_a_limit_on_losses_by_what_it_is_worth(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder, eth_btc: None
) -> None:
    recorder.filled(Side.BUY, "0.01", "50000", "BTC/USDT", account=1)
    recorder.filled(Side.BUY, "10", "0.06", "ETH/BTC")
    recorder.filled(Side.SELL, "10", "0.05", "ETH/BTC")  # 0.1 BTC lost, which is 5,000 USDT.
    last = recorder.filled(Side.BUY, "1", "2000")
    for value, refused in (("4999", [str(last.order_id)]), ("5000", [])):
        answer = ask(database, firm, risk, {"limit_type": "DAILY_LOSS", "value": Decimal(value)})
        assert [each["order_id"] for each in answer["refused"]] == refused


def test_a_short_sale_limit_which_has_neither_value_nor_parameters_can_be_tried_and_taken_away(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000", account=1)  # Of another account; but then there is a price.
    sold = recorder.filled(Side.SELL, "1.5", "2000")
    change = {"limit_type": "SHORT_SALE"}
    (refused,) = ask(database, firm, risk, change)["refused"]
    assert (refused["order_id"], [each["limit_type"] for each in refused["refusals"]]) == (
        str(sold.order_id),
        ["SHORT_SALE"],
    )
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit(tx, risk, firm.desk, "SHORT_SALE")
    elsewhere = {"node_id": firm.account_nodes[1], "limit_type": "MAX_ORDER_QTY", "value": Decimal(1)}
    assert ask(database, firm, risk, elsewhere)["refused_count"] == 1
    assert ask(database, firm, risk, change | {"is_removed": True})["refused"] == []


def test_a_limit_without_value_and_parameters_is_taken_away(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit(tx, risk, firm.desk, "MAX_ORDER_QTY", "0.5")
    elsewhere = {"node_id": firm.account_nodes[1], "limit_type": "MAX_ORDER_QTY", "value": Decimal(1)}
    assert ask(database, firm, risk, elsewhere)["refused_count"] == 1
    for gone in ({}, {"is_removed": True}):
        assert ask(database, firm, risk, {"limit_type": "MAX_ORDER_QTY", **gone})["refused_count"] == 0


def test_every_type_that_is_not_judged_is_among_what_is_assumed_and_says_why(
    database: Database, firm: Firm, risk: Caller
) -> None:
    for limit_type, why in NOT_JUDGED.items():
        assert f"{limit_type} is not judged: {why}" in ASSUMPTIONS
        with pytest.raises(InvalidRequest, match=f"{limit_type} cannot be tried on a recorded day: {why}"):
            ask(database, firm, risk, {"limit_type": limit_type, "value": Decimal(1)})


def note_worth(database: Database, firm: Firm, minutes: int, equity: str | None, account: int = 0) -> None:
    """As the watch does, so many minutes from NOW."""
    at = NOW + timedelta(minutes=minutes)
    nothing = Decimal(0)
    sample = EquitySample(at, "USDT", Decimal(equity or 0), nothing, nothing, nothing, is_stale=False)
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.equity.add([(firm.account_ids[account], sample)], at=at)


def say(database: Database, firm: Firm, risk: Caller, at: datetime, **terms: Any) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit_settings.set_risk_terms(RiskTermsSetting(symbol=SYMBOL, **terms), risk, tx, at)


EQUITY_LIMITS: list[tuple[str, str, str, dict[str, Any]]] = [
    # One ETH at 2000, of 1000 in all: of it 2000 exposed, and a tenth of that in margin.
    ("LEVERAGE", "2", "1.99", {}),
    ("CONCENTRATION", "2", "1.99", {"by": "SECTOR"}),
    ("MARGIN", "0.2", "0.199", {}),
]


@pytest.mark.parametrize(("limit_type", "holds", "refuses", "parameters"), EQUITY_LIMITS)
def test_a_limit_on_equity_is_judged_by_what_was_noted_and_what_the_firm_said_long_before(
    database: Database,
    firm: Firm,
    risk: Caller,
    recorder: Recorder,
    *,
    limit_type: str,
    holds: str,
    refuses: str,
    parameters: dict[str, Any],
) -> None:
    recorder.filled(Side.BUY, "1", "2000", account=1)  # Then there is a price.
    order = recorder.filled(Side.BUY, "1", "2000")
    note_worth(database, firm, -10, "1000")
    say(database, firm, risk, NOW - timedelta(days=99), initial_margin=Decimal("0.2"), sector="L1")
    say(database, firm, risk, NOW - timedelta(days=90), initial_margin=Decimal("0.1"), sector="L1")
    change = {"node_id": firm.account_nodes[0], "limit_type": limit_type, "parameters": parameters}
    assert refused_by(ask(database, firm, risk, change | {"value": Decimal(holds)})) == []
    answer = ask(database, firm, risk, change | {"value": Decimal(refuses)})
    assert refused_by(answer) == [(str(order.order_id), [limit_type])]
    assert [each["missing"] for each in answer["refused"][0]["refusals"]] == [None]


def test_equity_is_that_of_all_accounts_below_and_grows_by_what_the_tried_day_earns(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    note_worth(database, firm, -10, "1000")
    note_worth(database, firm, -10, "3000", account=1)
    first = recorder.filled(Side.BUY, "0.01", "2000", account=1)  # Before it there is no price.
    recorder.filled(Side.BUY, "1", "2000", account=1)
    recorder.filled(Side.SELL, "1", "2500", account=1)  # 500 earned: 4500 in all.
    last = recorder.filled(Side.BUY, "3", "2500")
    change: dict[str, Any] = {"limit_type": "LEVERAGE"}
    unpriced, refused = ((str(order.order_id), ["LEVERAGE"]) for order in (first, last))
    of_equity = Decimal(7500) / 4500
    assert refused_by(ask(database, firm, risk, change | {"value": of_equity + Decimal("0.001")})) == [unpriced]
    answer = ask(database, firm, risk, change | {"value": of_equity - Decimal("0.001")})
    assert refused_by(answer) == [unpriced, refused]
    # Without the orders of the other account nothing is earned: 4000 in all.
    not_there = {"node_id": firm.account_nodes[1], "limit_type": "MAX_ORDER_QTY", "value": Decimal("0.5")}
    for value, is_refused in (("1.875", False), ("1.874", True)):
        answer = ask(database, firm, risk, not_there, change | {"value": Decimal(value)})
        assert (refused in refused_by(answer)) is is_refused


def test_an_account_that_did_not_exist_yet_has_nothing_and_refuses_nothing(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    note_worth(database, firm, -10, "1000")
    recorder.filled(Side.BUY, "0.01", "2000")
    order = recorder.filled(Side.BUY, "1", "2000")
    change = {"limit_type": "LEVERAGE", "value": Decimal(3)}
    missing = ask(database, firm, risk, change)["refused"][-1]["refusals"]
    assert [each["missing"] for each in missing] == ["what the accounts were worth"]
    open_accounts(database_urls, NOW + timedelta(hours=3), firm.account_ids[1])
    assert str(order.order_id) not in dict(refused_by(ask(database, firm, risk, change)))


def test_a_limit_on_equity_that_only_holds_now_refuses_nothing_that_was_not_tried(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")  # Nothing was noted.
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit(tx, risk, firm.desk, "LEVERAGE", "1")
    assert refused_by(ask(database, firm, risk, {"limit_type": "MAX_ORDER_QTY", "value": Decimal(100)})) == []


def test_a_strategy_has_the_equity_of_its_account_and_what_that_has_earned(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        strategy = node(tx, risk, firm.account_nodes[0], "STRATEGY")
    note_worth(database, firm, -10, "1000")
    note_worth(database, firm, -10, "7", account=1)
    recorder.filled(Side.BUY, "1", "2000", account=1)  # Then there is a price.
    recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.SELL, "1", "2500")  # 500 earned, without the strategy.
    order = recorder.filled(Side.BUY, "1", "2500", strategy_id=strategy)
    change = {"node_id": strategy, "limit_type": "LEVERAGE"}
    assert refused_by(ask(database, firm, risk, change | {"value": Decimal("1.667")})) == []
    refused = [(str(order.order_id), ["LEVERAGE"])]
    assert refused_by(ask(database, firm, risk, change | {"value": Decimal("1.666")})) == refused


def test_what_was_noted_later_has_all_of_the_day_as_it_was_and_loses_what_would_not_have_been(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000", account=1)  # Then there is a price.
    note_worth(database, firm, -90, "6000")
    recorder.filled(Side.BUY, "2", "2000")
    recorder.filled(Side.SELL, "2", "1500")  # 1000 lost; another 1000 is withdrawn.
    note_worth(database, firm, 4, "4000")
    last = recorder.filled(Side.BUY, "1", "2000")
    again = recorder.filled(Side.BUY, "1", "2000")
    change: dict[str, Any] = {"node_id": firm.account_nodes[0], "limit_type": "LEVERAGE"}
    assert refused_by(ask(database, firm, risk, change | {"value": Decimal(1)})) == []
    assert refused_by(ask(database, firm, risk, change | {"value": Decimal("0.999")}))[-1:] == [
        (str(again.order_id), ["LEVERAGE"])
    ]
    # What is larger than one is refused: the 1000 are not lost, and 4000 of 5000 are less.
    small = {"node_id": firm.account_nodes[0], "limit_type": "MAX_ORDER_QTY", "value": Decimal(1)}
    answer = ask(database, firm, risk, small, change | {"value": Decimal("0.8")})
    assert str(last.order_id) not in dict(refused_by(answer))
    assert str(again.order_id) not in dict(refused_by(answer))
    answer = ask(database, firm, risk, small, change | {"value": Decimal("0.799")})
    assert refused_by(answer)[-1:] == [(str(again.order_id), ["LEVERAGE"])]


def test_where_nothing_was_noted_within_two_hours_a_limit_on_equity_refuses_and_says_so(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000", account=1)  # Then there is a price.
    recorder.filled(Side.BUY, "0.01", "2000")  # After two minutes: what was noted is exactly two hours old.
    order = recorder.filled(Side.BUY, "0.01", "2000")
    change = {"node_id": firm.account_nodes[0], "limit_type": "LEVERAGE", "value": Decimal(1)}
    note_worth(database, firm, -118, "1000")
    answer = ask(database, firm, risk, change)
    assert refused_by(answer) == [(str(order.order_id), ["LEVERAGE"])]
    assert [each["missing"] for each in answer["refused"][0]["refusals"]] == ["what the accounts were worth"]
    note_worth(database, firm, -58, "1000")
    assert refused_by(ask(database, firm, risk, change)) == []
