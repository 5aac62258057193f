"""`breakwater work`, `bracket` and `execution` against the real functions and a real database."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from breakwater.client import Client
from breakwater.client.cli import app
from breakwater.client.executions import ALGORITHMS
from breakwater.domain.orders import OrderTerms, PlaceOrder
from breakwater.services.projections import project
from tests.contract.conftest import PASSWORD, USERNAME, Platform
from tests.integration.limits.firm import NOW, set_limit, set_reference
from tests.integration.orders import conftest as orders_conftest
from tests.integration.orders.child_events import AT_NS, S_NS, changed, filled, measured
from tests.support.engine_model import EngineModel, LiveOrder

ACCOUNT = ("--account", "account 0")


@dataclass
class Terminal:
    """Somebody who trades, with a market at 2000."""

    platform: Platform
    session_file: Path
    monkeypatch: pytest.MonkeyPatch

    def run(self, *arguments: str, exit_code: int = 0) -> Result:
        now = datetime.now(UTC)
        set_reference(self.platform.desk.urls.admin, Decimal(2000), now)
        self.monkeypatch.setattr(orders_conftest, "NOW", now)  # The saga's clock: a sale is judged by a fresh price.
        result = CliRunner().invoke(app, arguments, env={"BREAKWATER_SESSION": str(self.session_file)})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == exit_code, (arguments, result.output)
        return result

    def told(self, *arguments: str, exit_code: int = 0) -> str:
        """What it prints, each run of spaces as one."""
        return " ".join(self.run(*arguments, exit_code=exit_code).output.split())

    def placed(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, *ACCOUNT, "--json").stdout)

    def limit(self, limit_type: str, value: str = "0") -> None:
        desk = self.platform.desk
        set_limit(desk.urls.admin, desk.firm, desk.firm.firm, limit_type, value)

    def engine_fills(self, quantity: str, price: str) -> None:
        """Whatever arrives is filled so far, at once."""

        def fill(model: EngineModel, live: LiveOrder) -> None:
            model.fill(live.order.order_id, min(live.order.quantity, Decimal(quantity)), Decimal(price))

        self.platform.desk.model.arrival = fill


@pytest.fixture
def terminal(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")  # They are printed where the command prints.
    seated = Terminal(platform, tmp_path / "ada.json", monkeypatch)
    seated.run("sign-in", "--user", USERNAME, "--password", PASSWORD, "--api-url", platform.url)
    return seated


OPTIONS: dict[str, tuple[str, ...]] = {
    "BEST": (),
    "IMPROVE": ("--patience", "10s"),
    "SEEK": (),
    "LEAST_COST": ("--patience", "10s"),
    "TWAP": ("--over", "10m", "--slices", "5", "--start", "2099-01-01 10:00"),
    "VWAP": ("--over", "2h"),
    "POV": ("--percent", "7.5", "--over", "1h"),
    "ICEBERG": ("--show", "0.25"),
    "STOP": ("--stop", "2100", "--trigger", "best"),
    "TAKE_PROFIT": ("--stop", "1950"),
    "TRAILING_STOP": ("--offset", "20", "--entry", "2050", "--target", "1900"),
    "OCO": ("--stop", "2100", "--stop-limit", "2110"),
}


def test_every_algorithm_is_understood_placed_and_told_again(terminal: Terminal) -> None:
    assert OPTIONS.keys() == ALGORITHMS.keys()
    for algorithm, options in OPTIONS.items():
        order = terminal.placed(
            "work", "buy", "1", "ETH/USDT", "--at", "1990", "--by", algorithm, *options, "--venue", "sim"
        )
        assert (order["status"], order["venue"]) == ("NEW", "SOR")
        assert (order["execution"]["algorithm"], order["execution"]["venues"]) == (algorithm, ["SIM"])
        shown = terminal.told("order", order["order_id"])
        told = shown.partition("execution ")[2]
        assert told.startswith(algorithm)
        amounts = [each for each in options if each.replace(".", "").isdecimal()]
        assert all(f"{Decimal(each):,}" in told for each in amounts)
        assert "venues SIM" in told
        assert "No children yet." in shown
        assert f"1,990 {algorithm}" in terminal.told("orders")


def test_an_execution_is_previewed_as_it_is_placed(terminal: Terminal) -> None:
    """By the client: the band of a stop is where it will trade, and not about the market."""
    with Client(terminal.platform.url) as client:
        client.sign_in(USERNAME, PASSWORD)
        account_id = str(terminal.platform.desk.firm.account_ids[0])
        set_reference(terminal.platform.desk.urls.admin, Decimal(2000), datetime.now(UTC))
        plain = client.preview(account_id, "ETH/USDT", "SELL", "1")
        stop = client.preview(
            account_id, "ETH/USDT", "SELL", "1", execution={"algorithm": "STOP", "stop_px": Decimal(1000)}
        )
    assert (Decimal(plain["price_low"]), Decimal(stop["price_low"])) == (1900, 950)


def test_the_report_is_drawn_from_what_the_engine_has_told(terminal: Terminal) -> None:
    order = terminal.placed("work", "buy", "3", "ETH/USDT", "--market", "--by", "twap", "--over", "10m")
    desk = terminal.platform.desk
    parent = parent_of(terminal, order)
    desk.model.fill(parent.order_id, Decimal(2), Decimal(2000))
    desk.project_all()
    for envelope in (
        measured(parent, ended_at_ns=AT_NS + 90 * S_NS, vwap_px="2001"),
        filled(parent, uuid.UUID(int=1), 1, last_qty="2", quantity="2", status="FILLED", fee="4"),
        changed(parent, uuid.UUID(int=2), 2, status="REJECTED", reject_code="POST_ONLY_WOULD_TAKE"),
    ):
        project(envelope, desk.transactions)
    told = terminal.told("execution", order["order_id"])
    assert "execution TWAP over 10m" in told
    assert "filled 2 of 3 (66.7 %) at 2,000 on average" in told
    assert "worked for 0:01:30" in told
    assert "book: all of it taken then, at its venues 2,005 -24.9377 -10 USDT" in told
    assert "VWAP: what traded since 2,001 -4.9975 -2 USDT" in told
    assert "SIM 2 2 100 % 2,000 100 % 4 USDT" in told
    assert f"REJECTED {uuid.UUID(int=2)} POST_ONLY_WOULD_TAKE" in told
    children = terminal.told("order", order["order_id"]).partition("Children: ")[2].partition(".")[0]
    assert sorted(children.split(", ")) == ["1 FILLED", "1 REJECTED"]


def parent_of(terminal: Terminal, order: Any) -> PlaceOrder:
    """The command that the order was placed with."""
    desk = terminal.platform.desk
    submitted = desk.model.orders[uuid.UUID(order["order_id"])].order
    terms = OrderTerms(
        client_order_id=submitted.client_order_id,
        account_id=submitted.account_id,
        symbol=submitted.symbol,
        side=submitted.side,
        type=submitted.type,
        quantity=submitted.quantity,
        execution=submitted.execution,
    )
    return PlaceOrder.of(terms, tenant_id=desk.firm.tenant_id, placed_by="ada", correlation_id="test", at=NOW)


BRACKET = ("bracket", "buy", "2", "ETH/USDT", "--target", "2100", "--stop", "1900")


def test_a_bracket_is_two_orders_and_placed_again_it_is_the_same_two(terminal: Terminal) -> None:
    made = terminal.placed(*BRACKET, "--at", "1990", "--stop-limit", "1890", "--id", "b-1")
    assert [made[part]["client_order_id"] for part in ("entry", "exit")] == ["b-1-entry", "b-1-exit"]
    told = made["exit"]["execution"]
    assert (told["algorithm"], told["stop_px"], told["stop_limit_px"]) == ("OCO", "1900", "1890")
    assert (told["after"], told["venues"]) == (made["entry"]["order_id"], ["SIM"])
    assert (made["exit"]["side"], made["exit"]["price"], made["exit"]["status"]) == ("SELL", "2100", "NEW")
    assert terminal.placed(*BRACKET, "--at", "1990", "--stop-limit", "1890", "--id", "b-1") == made
    said = terminal.told(*BRACKET, "--at", "1990", "--stop-limit", "1880", "--id", "b-1", *ACCOUNT, exit_code=1)
    assert "the exit of this id was placed before" in said
    assert len(terminal.platform.desk.model.orders) == 2
    assert all(not live.status.is_final for live in terminal.platform.desk.model.orders.values())


def test_where_nothing_may_be_short_a_resting_entry_is_not_placed(terminal: Terminal) -> None:
    terminal.limit("SHORT_POSITION")
    said = terminal.told(*BRACKET, "--at", "1990", *ACCOUNT, exit_code=1)
    assert "the exit: SHORT_POSITION of Firm firm would refuse it" in said
    assert said.endswith("Nothing was placed.")
    assert terminal.platform.desk.model.orders == {}


def test_an_exit_behind_a_resting_entry_is_no_short_sale(terminal: Terminal) -> None:
    terminal.limit("SHORT_SALE")
    made = terminal.placed(*BRACKET, "--at", "1990")
    assert (made["entry"]["status"], made["exit"]["status"], made["exit"]["side"]) == ("NEW", "NEW", "SELL")


def test_where_nothing_may_be_sold_short_what_an_entry_bought_at_once_may_be(terminal: Terminal) -> None:
    terminal.limit("SHORT_SALE")
    terminal.engine_fills("2", "2000")
    made = terminal.placed(*BRACKET, "--market")
    assert (made["entry"]["status"], made["exit"]["side"]) == ("FILLED", "SELL")


def test_a_refused_exit_cancels_its_entry_and_says_what_had_filled(terminal: Terminal) -> None:
    terminal.limit("OPEN_ORDER_COUNT", "1")  # For one more, and then for none.
    terminal.engine_fills("0.5", "1990")
    said = terminal.told(*BRACKET, "--at", "1990", "--id", "b-2", *ACCOUNT, exit_code=1)
    (entry,) = terminal.platform.desk.model.orders.values()
    assert entry.status == "CANCELED"
    assert "the exit: refused by OPEN_ORDER_COUNT of Firm firm" in said
    assert "The entry is CANCELED: 0.5 of 2 ETH/USDT had filled at 1,990, and no order exits from that." in said
    command = said.partition("To try again: `")[2].partition("`")[0]
    terminal.engine_fills("0", "1990")
    exit_ = json.loads(terminal.run(*command.split()[1:], "--json").stdout)
    assert (exit_["quantity"], exit_["execution"]["after"]) == ("0.5", str(entry.order.order_id))
    # It is refused as before when it is repeated, although there is room now.
    assert "OPEN_ORDER_COUNT" in terminal.told(*BRACKET, "--at", "1990", "--id", "b-2", *ACCOUNT, exit_code=1)


def test_an_exit_that_is_no_whole_ticks_is_told_before_anything_is_placed(terminal: Terminal) -> None:
    said = terminal.told(*BRACKET[:-1], "1900.001", "--at", "1990", *ACCOUNT, exit_code=1)
    assert "the exit: stop_px is not a multiple of the tick size" in said
    assert terminal.platform.desk.model.orders == {}


def test_what_the_api_says_of_an_option_names_it(terminal: Terminal) -> None:
    work = ("work", "buy", "1", "ETH/USDT", "--market", *ACCOUNT)
    assert "--over: Input should be greater" in terminal.told(*work, "--by", "twap", "--over", "1s", exit_code=1)
    assert "--percent: Input should be less" in terminal.told(*work, "--by", "pov", "--percent", "150", exit_code=1)
    assert "venue is one of" in terminal.told(*work, "--by", "best", "--venue", "nowhere", exit_code=1)
