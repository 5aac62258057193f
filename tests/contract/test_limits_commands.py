"""`breakwater limits` against the real functions and a real database: what it sends is understood, and what it gets."""

import json
import re
import shlex
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner, Result

from breakwater.client.cli import app
from breakwater.db.identity import User
from breakwater.domain.orders import Side
from breakwater.domain.times import nanoseconds
from functions.limits import app as limits_app
from tests.contract.conftest import HANDLERS, PASSWORD, USERNAME, Platform
from tests.contract.http_gateway import serve
from tests.integration.limits.core_engine import CoreEngine
from tests.integration.limits.firm import order_of, set_reference
from tests.unit.runtime.http_events import caller_context

README = Path(__file__).parents[2] / "README.md"
ACCOUNT = ("--account", "trader1 paper")
NAMES = {"Firm firm": "Harbour", "Firm desk": "Desk A", "Firm trader": "Trader 1", "account 0": "trader1 paper"}


@dataclass
class Person:
    """Somebody at a terminal, signed in."""

    platform: Platform
    session_file: Path

    def run(self, *arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(app, arguments, env={"BREAKWATER_SESSION": str(self.session_file)})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == exit_code, (arguments, result.output)
        return result

    def limits(self, *arguments: str, exit_code: int = 0) -> str:
        """What `breakwater limits …` prints, each run of spaces as one."""
        return " ".join(self.run("limits", *arguments, exit_code=exit_code).output.split())

    def asked(self, *arguments: str) -> Any:
        return json.loads(self.run("limits", *arguments, "--json").stdout)

    def place(self, quantity: str, *, exit_code: int = 0) -> str:
        """A buy at 1990, with a market that says 2000."""
        set_reference(self.platform.desk.urls.admin, Decimal(2000), datetime.now(UTC))
        return self.run("place", "buy", quantity, "ETH/USDT", "--at", "1990", *ACCOUNT, exit_code=exit_code).output


class People(NamedTuple):
    risk: Person
    second: Person
    trader: Person


@pytest.fixture
def people(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    """Two risk managers, and somebody who trades, of a firm whose nodes are named like those of the demo firm."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")  # They are printed where the command prints.
    desk = platform.desk
    for name, told in NAMES.items():
        desk.admin("UPDATE limits.nodes SET name = %s WHERE name = %s", told, name)

    def signed_in(name: str, url: str) -> Person:
        person = Person(platform, tmp_path / f"{name}.json")
        person.run("sign-in", "--user", USERNAME, "--password", PASSWORD, "--api-url", url)
        return person

    with ExitStack() as gateways:
        managers: dict[str, Person] = {}
        for name in ("rita", "ralf"):
            with desk.transactions(desk.firm.tenant_id) as tx:
                tx.identity.save_user(User(uuid.uuid4(), name, name, f"{name}@example.com", "risk_manager"))
            caller = caller_context("risk_manager", desk.firm.tenant_id, subject=name, username=name)
            managers[name] = signed_in(name, gateways.enter_context(serve(HANDLERS, caller)))
        yield People(managers["rita"], managers["ralf"], signed_in("trader", platform.url))


@pytest.fixture
def risk(people: People) -> Person:
    return people.risk


def test_the_readme_shows_a_desks_limits_in_five_commands_that_work(risk: Person) -> None:
    section = re.search(r"(?s)\n## A desk's limits\n.*?```\n(.*?)```", README.read_text())
    assert section is not None
    commands = [shlex.split(line, comments=True) for line in section[1].splitlines() if "breakwater limits" in line]
    assert len(commands) == 5
    set_reference(risk.platform.desk.urls.admin, Decimal(2000), datetime.now(UTC))
    told = []
    for _, *arguments in commands:
        is_refused = "check" in arguments  # The README tries more than the desk may hold.
        told.append(risk.run(*arguments, exit_code=1 if is_refused else 0).output)
    assert "It would be refused" in told[3]
    assert all(re.search(f"{limit}.*%", told[4]) for limit in ("LONG_POSITION", "DAILY_LOSS", "MESSAGE_RATE"))


def test_a_limit_is_set_changed_looked_back_at_and_taken_away(risk: Person) -> None:
    told = risk.limits("set", "Desk A", "MAX_ORDER_NOTIONAL", "250000", "--action", "kill", "--warn-at", "50,80")
    assert told == "MAX_ORDER_NOTIONAL of Desk A is 250,000 USDT. Version 1."
    told = risk.limits("set", "desk a", "max-order-notional", "300000")
    assert told == "MAX_ORDER_NOTIONAL of Desk A is 300,000 USDT; it was 250,000 USDT. Version 2."
    (limit,) = risk.asked("show", "Desk A")["items"]
    assert (limit["action"], limit["thresholds_pct"]) == ("KILL", [50, 80])  # What was not said has stayed.
    assert "--version 2" in risk.limits("set", "Desk A", "MAX_ORDER_NOTIONAL", "1", "--version", "1", exit_code=1)
    assert risk.limits("unset", "Desk A", "MAX_ORDER_NOTIONAL").endswith("is gone; it was 300,000 USDT.")
    assert "No limits on this node." in risk.limits("show", "Desk A")
    history = risk.limits("history", limit["limit_id"])
    assert all(value in history for value in ("rita 250,000 USDT", "rita 300,000 USDT", "rita deleted"))


def test_parameters_and_dates_are_typed_as_people_say_them(risk: Person) -> None:
    permission = ("set", "Desk A", "ORDER_PERMISSION")
    risk.limits(*permission, "--param", "hours=MON-FRI 09:00-17:30", "--param", "sides=buy,sell")
    told = risk.limits(*permission, "--param", "hours=")
    assert "sides BUY SELL; it was hours MON-FRI 09:00-17:30, sides BUY SELL" in told
    risk.limits("set", "Trader 1", "MESSAGE_RATE", "100", "--param", "window_s=10", "--until", "2099-01-01")
    later = ("set", "Trader 1", "MESSAGE_RATE", "50", "--param", "window_s=10", "--from")
    assert "LIMIT_OVERLAPS" in risk.limits(*later, "2098-12-31", exit_code=1)
    assert "Version 1." in risk.limits(*later, "2099-01-01")
    told = risk.limits("show", "Trader 1")
    assert "MESSAGE_RATE 100 messages in 10 s" in told
    assert "Planned begins ends limit" in told
    assert "2099-01-01 00:00:00 - MESSAGE_RATE 50 messages in 10 s" in told


def test_the_tree_the_reservations_and_the_breaches_show_what_orders_did(people: People) -> None:
    risk, trader = people.risk, people.trader
    risk.limits("set", "Desk A", "LONG_POSITION", "10", "--instrument", "ETH/USDT")
    told = risk.limits("set", "trader1 paper", "LONG_POSITION", "50", "--instrument", "ETH/USDT")
    assert "note: it has no effect" in told
    trader.place("9")
    assert "the largest quantity that passes is 1 " in trader.place("2", exit_code=1)
    tree = risk.limits("tree", "Desk A")
    assert "LONG_POSITION ETH/USDT ▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░ 90% 0 9 10 ETH" in tree
    assert "50 ETH Desk A allows less" in tree
    assert "trader1 paper BUY 9 9 ETH/USDT 1,990 17,910" in risk.limits("reservations", "Desk A")
    assert "Nothing is held." in risk.limits("reservations", "account 1")
    breaches = risk.limits("breaches", "Desk A", "--all")
    assert "Desk A refused LONG_POSITION ETH/USDT: 2 more on 9 of 10" in breaches
    assert "Desk A at 90% LONG_POSITION ETH/USDT: 9 more on 0 of 10" in breaches
    told = risk.limits("set", "Desk A", "LONG_POSITION", "5", "--instrument", "ETH/USDT")
    assert "note: it is below what is in use: 9; Desk A only reduces until it is re-armed" in told


def test_an_order_is_tried_and_nothing_is_held_for_it(risk: Person) -> None:
    risk.limits("set", "Desk A", "MAX_ORDER_QTY", "5")
    set_reference(risk.platform.desk.urls.admin, Decimal(2000), datetime.now(UTC))
    order = ("ETH/USDT", "--market", *ACCOUNT)
    assert "It would pass all of" in risk.limits("check", "buy", "5", *order)
    told = risk.limits("check", "buy", "5.0001", *order, exit_code=1)
    assert "It would be refused by 1 of" in told
    assert "the largest quantity that passes is 5." in told
    assert "Nothing is held." in risk.limits("reservations")


def test_a_tighter_override_says_that_its_node_only_reduces(people: People) -> None:
    risk, second = people.risk, people.second
    risk.limits("set", "Desk A", "LONG_POSITION", "20")
    people.trader.place("9")
    risk.limits("override", "request", "Desk A", "LONG_POSITION", "8", "--until", "+2h", "--reason", "month end")
    override_id = risk.asked("override", "list")["items"][0]["override_id"]
    told = second.limits("override", "approve", override_id[:8])
    assert "note: it is below what is in use: 9; Desk A only reduces until it is re-armed" in told


def test_an_override_takes_two_people_and_shows_in_the_tree_until_it_is_ended(people: People) -> None:
    risk, second = people.risk, people.second
    risk.limits("set", "Desk A", "LONG_POSITION", "10", "--instrument", "ETH/USDT")
    told = risk.limits(
        "override", "request", "Desk A", "LONG_POSITION", "15", "--until", "+2h", "--reason", "month end"
    )
    assert "REQUESTED LONG_POSITION ETH/USDT of Desk A: 15 ETH in place of 10 ETH until" in told
    override_id = risk.asked("override", "list")["items"][0]["override_id"]
    refused = risk.limits("override", "approve", override_id[:8], exit_code=1)
    assert refused.startswith("error: ")
    assert "ACTIVE" in second.limits("override", "approve", override_id[:8])
    assert re.search("15 ETH override until [^,]+, set is 10", risk.limits("tree", "Desk A"))
    assert "month end" in risk.limits("show", "Desk A")
    assert "ENDED" in risk.limits("override", "end", override_id)
    assert "No overrides." in risk.limits("override", "list")
    assert "ENDED Desk A" in risk.limits("override", "list", "--all")


def test_an_override_carries_parameters_or_exempts_and_makes_sense(people: People) -> None:
    risk, second = people.risk, people.second
    about = ("--until", "+2h", "--reason", "listed today")
    risk.limits("set", "Desk A", "RESTRICTED_LIST", "--param", "mode=DENY", "--param", "symbols=ETH/USDT")
    told = risk.limits("override", "request", "Desk A", "RESTRICTED_LIST", "--param", "symbols=BTC/USDT", *about)
    was, instead = "mode DENY, symbols ETH/USDT", "mode DENY, symbols BTC/USDT"
    assert f"REQUESTED RESTRICTED_LIST of Desk A: {instead} in place of {was} until" in told
    (override,) = risk.asked("override", "list")["items"]
    second.limits("override", "approve", override["override_id"])
    (limit,) = [each for each in risk.asked("show", "Desk A")["items"] if each["limit_type"] == "RESTRICTED_LIST"]
    assert limit["parameters"]["symbols"] == ["BTC/USDT"]
    # What the override makes of it must not become the limit.
    risk.limits("set", "Desk A", "RESTRICTED_LIST", "--action", "SUSPEND")
    (limit,) = [each for each in risk.asked("show", "Desk A")["items"] if each["limit_type"] == "RESTRICTED_LIST"]
    assert limit["set_parameters"] == {"mode": "DENY", "symbols": ["ETH/USDT"]}
    risk.limits("override", "end", override["override_id"])
    assert "does not hold" in risk.limits("override", "request", "Desk A", "RESTRICTED_LIST", "--exempt", *about)
    for wrong in ((), ("--exempt", "--param", "mode=ALLOW"), ("5", "--exempt")):
        risk.limits("override", "request", "Desk A", "RESTRICTED_LIST", *wrong, *about, exit_code=2)
    # A limit that nothing holds by now is still the one that is changed, and keeps what is not said.
    (exempt,) = [each for each in risk.asked("override", "list")["items"] if each["is_exempt"]]
    second.limits("override", "approve", exempt["override_id"])
    assert [each for each in risk.asked("show", "Desk A")["items"] if each["limit_type"] == "RESTRICTED_LIST"] == []
    risk.limits("set", "Desk A", "RESTRICTED_LIST", "--param", "symbols=BTC/USDT")
    (limit,) = [each for each in risk.asked("show", "Desk A")["planned"] if each["limit_type"] == "RESTRICTED_LIST"]
    assert limit["set_parameters"] == {"mode": "DENY", "symbols": ["BTC/USDT"]}
    assert limit["action"] == "SUSPEND"


def test_nodes_are_added_named_moved_given_a_day_and_removed(risk: Person) -> None:
    risk.limits("node", "add", "desk", "Desk [b]", "--under", "Harbour")
    risk.limits("node", "rename", "Desk [b]", "Desk [c]")
    risk.limits("node", "move", "Trader 1", "--under", "Desk [c]")
    told = risk.limits("node", "calendar", "Desk [c]", "--time-zone", "Europe/London", "--session-start", "17:00")
    assert "The day of Desk [c] begins at 17:00 Europe/London" in told
    assert told == risk.limits("node", "calendar", "Desk [c]")
    assert re.search(r"Desk \[c\] desk \w+ └── Trader 1 ", risk.limits("tree", "Desk [c]"))
    assert "NODE_IN_USE" in risk.limits("node", "remove", "Desk [c]", exit_code=1)
    risk.limits("node", "add", "strategy", "Pairs", "--under", "trader1 paper")
    assert risk.limits("node", "remove", "Pairs") == "Pairs is gone."


def test_a_node_is_braked_killed_and_let_go(people: People) -> None:
    risk, trader = people.risk, people.trader
    trader.place("1")
    assert risk.limits("reduce", "Desk A", "--reason", "hot").endswith("REDUCE_ONLY hot")
    assert risk.limits("suspend", "Desk A", "--reason", "hotter").endswith("SUSPENDED hotter")
    assert "re-arm it first (NODE_STOPPED)" in risk.limits("reduce", "Desk A", "--reason", "cold", exit_code=1)
    assert "KILLED an exercise 1 order cancelled." in risk.limits("kill", "Desk A", "--reason", "an exercise")
    assert "KILL_SWITCH" in trader.place("1", exit_code=1)
    assert "KILLED an exercise" in risk.limits("tree")
    assert risk.limits("rearm", "Desk A", "--reason", "over").endswith("ACTIVE")
    assert "state KILLED → ACTIVE: over (rita)" in risk.limits("breaches")
    trader.place("1")


LEASE = ("lease", "open", "eth/usdt", "--buy", "80", "--sell", "40", "--orders", "10", "--venue", "book", *ACCOUNT)


@pytest.fixture
def core(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> CoreEngine:
    """The engine's own state and core, which keep leases."""
    core = CoreEngine()
    core.set_time_ns(nanoseconds(datetime.now(UTC)))
    monkeypatch.setattr(limits_app, "engine_client", lambda: core)
    return core


def test_a_lease_is_opened_traded_by_seen_and_stopped(risk: Person, core: CoreEngine) -> None:
    desk = risk.platform.desk
    set_reference(desk.urls.admin, Decimal(2000), datetime.now(UTC))
    told = risk.limits(*LEASE)
    assert "trader1 paper ETH/USDT BOOK OPEN 10 0 5 0 0 of 10" in told
    assert "trade between 1,900 and 2,100; each unit is held at 2,100." in told
    core.submit_leased(order_of(desk.firm, Side.BUY, "4", "1990", at=datetime.now(UTC), venue="BOOK").of_lease())
    core.project(desk.database)
    (order,) = json.loads(risk.run("orders", *ACCOUNT, "--json").stdout)["items"]
    assert (order["is_leased"], order["quantity"]) == (True, "4")
    listed = risk.limits("lease", "list", "Desk A")
    assert re.search(r"BOOK OPEN 6 4 5 0 1 of 10 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d yes", listed)
    assert risk.limits("lease", "list", "account 1") == "No leases."
    (lease,) = risk.asked("lease", "list")["items"]
    told = risk.limits("lease", "stop", lease["lease_id"][:8])
    assert re.search(f"STOPPED 0 4 0 0 1 of 10 - yes {lease['lease_id']} asked for", told)
    assert risk.limits("lease", "list") == "No leases."
    assert lease["lease_id"] in risk.limits("lease", "list", "--all")


def test_leases_of_an_engine_that_is_silent_are_told_again_and_a_kill_names_them(
    risk: Person, core: CoreEngine
) -> None:
    set_reference(risk.platform.desk.urls.admin, Decimal(2000), datetime.now(UTC))
    core.is_silent = True
    assert "The engine has not answered yet" in risk.limits(*LEASE)
    (lease,) = risk.asked("lease", "list")["items"]
    killed = risk.limits("kill", "Desk A", "--reason", "an exercise", exit_code=1)
    told_of_it = "may go by these leases until they run out, in seconds, or have orders of them open;"
    assert f"{told_of_it} the call may be repeated {lease['lease_id']}" in killed
    told = risk.limits("lease", "stop", lease["lease_id"], exit_code=1)
    assert "the engine has not answered" in told
    assert "Desk A was killed" in told
    core.is_silent = False
    assert "error" not in risk.limits("kill", "Desk A", "--reason", "again")


def test_somebody_who_watches_over_an_account_says_so(risk: Person) -> None:
    assert "has no DEAD_MAN limit" in risk.limits("heartbeat", *ACCOUNT, exit_code=1)
    risk.limits("set", "trader1 paper", "DEAD_MAN", "30")
    beat = risk.asked("heartbeat", *ACCOUNT)
    silence = datetime.fromisoformat(beat["expires_at"]) - datetime.fromisoformat(beat["heartbeat_at"])
    assert silence.total_seconds() == 30
    assert "heard; without another one its open orders are cancelled at" in risk.limits("heartbeat", *ACCOUNT)


def test_what_if_tells_which_orders_of_a_day_would_have_been_refused_and_changes_nothing(people: People) -> None:
    risk, trader = people.risk, people.trader
    trader.place("9")
    day = ("--day", f"{datetime.now(UTC).date()}")
    told = risk.limits("what-if", "Desk A", "MAX_ORDER_QTY", "8", *day)
    assert "1 would have been refused, and 0 refused ones would have passed." in told
    assert "MAX_ORDER_QTY of Desk A" in told
    assert "Of 0 orders" in risk.limits("what-if", "Desk A", "MAX_ORDER_QTY", "8", "--of", "account 1", *day)
    assert "No limits on this node." in risk.limits("show", "Desk A")


def test_a_fill_from_elsewhere_is_booked_once_and_its_account_only_reduces(risk: Person) -> None:
    fill = ("external-fill", "buy", "0.5", "eth/usdt", "--at", "2000", "--id", "venue-7", *ACCOUNT, "--traded")
    assert "Only reducing: trader1 paper." in risk.limits(*fill, "2026-03-02 11:00")
    assert risk.limits(*fill, "2026-03-02 11:00").startswith("It had been booked before")
    assert "REDUCE_ONLY external fill venue-7" in risk.limits("tree", "trader1 paper")
    assert "a fill cannot be in the future" in risk.limits(*fill, "+1d", exit_code=1)


def test_what_is_not_said_of_an_instrument_stays_as_it_is(risk: Person) -> None:
    assert "Nothing is said of any instrument." in risk.limits("terms", "list")
    risk.limits("terms", "set", "eth/usdt", "--volume", "10000", "--sector", "L1")
    risk.limits("terms", "set", "eth/usdt", "--margin", "0.1")
    (terms,) = risk.asked("terms", "list")["items"]
    assert (terms["average_daily_qty"], terms["initial_margin"], terms["sector"]) == ("10000", "0.1", "L1")


def test_the_types_are_listed_and_each_says_how_its_parameters_are_written(risk: Person) -> None:
    listed = risk.limits("types")
    assert all(known["limit_type"] in listed for known in risk.asked("types")["items"])
    assert "--param window_s= how far it looks back" in risk.limits("types", "message-rate")


WRONG = [
    (("set", "Desk Z", "MAX_ORDER_QTY", "1"), "no node is named 'Desk Z': did you mean Desk A"),
    (("set", "Desk A", "MAX_QTY", "1"), "did you mean MAX_ORDER_QTY"),
    (("set", "Desk A", "MAX_ORDER_QTY", "-200"), "value must be greater than zero"),
    (("set", "Desk A", "MAX_ORDER_QTY", "1e3"), "value: an amount is a decimal string"),
    (("set", "Desk A", "MAX_ORDER_QTY"), "value must be greater than zero"),
    (("set", "Desk A", "MAX_ORDER_QTY", "1", "--instrument", "NO/USDT"), "unknown instrument NO/USDT"),
    (("set", "Desk A", "NET_NOTIONAL", "1", "--currency", "XYZ"), "unknown currency XYZ"),
    (
        ("set", "Desk A", "MESSAGE_RATE", "1", "--param", "window=1"),
        "the parameters of MESSAGE_RATE are window_s=NUMBER",
    ),
    (("set", "Desk A", "MAX_ORDER_QTY", "1", "--warn-at", "many"), "are no percents"),
    (("set", "Desk A", "MAX_ORDER_QTY", "1", "--until", "soon"), "'soon' is no time"),
    (("set", "Desk A", "KILL_SWITCH"), "this is a state of the node"),
    (("set", "Desk A", "DEAD_MAN", "30"), "set on nodes of kind ACCOUNT or API_KEY"),
    (("unset", "Desk A", "MARGIN"), "Desk A has no limit MARGIN: it has none"),
    (("history", "Desk A"), "say a node and a TYPE, or the whole id of a limit"),
    (("history", str(uuid.UUID(int=7))), "no such limit"),
    (("show", "x" * 200), "at most 120 characters"),
    (("check", "buy", "x", "ETH/USDT", "--market", *ACCOUNT), "quantity: an amount is a decimal string"),
    (("check", "buy", "1", "ETH/USDT", "--market", "--account", "Desk A"), "Desk A is a desk, and no account"),
    (("check", "buy", "1", "ETH/USDT", "--market", *ACCOUNT, "--strategy", "Pears"), "no node is named 'Pears'"),
    (("override", "approve", ""), "no override has an id that begins with ''"),
    (("node", "add", "strategy", "Pairs", "--under", "Desk A"), "a STRATEGY stands below an account"),
    (("node", "move", "Desk A", "--under", "Trader 1"), "error: "),
    (("node", "calendar", "Desk A", "--time-zone", "Mars/X"), "unknown time zone Mars/X"),
    (("terms", "set", "ETH/USDT", "--margin", "x"), "initial_margin: an amount is a decimal string"),
    (("what-if", "Desk A", "MAX_ORDER_QTY", "1", "--day", "soon"), "day: Input should be a valid date"),
    (("set", "Desk A", "DAILY_LOSS", "1000000", "--currency", "ETH"), "a limit of this type is in USDT"),
    (("what-if", "Desk A", "CREDIT", "1"), "CREDIT cannot be tried on a recorded day: what the accounts had"),
    ((*LEASE, "--buy", "0.00001"), "buy_max is not a multiple of the lot size"),
    ((*LEASE, "--buy", "x"), "buy_max: an amount is a decimal string"),
    ((*LEASE, "--buy", "0", "--sell", "0"), "a lease is of some quantity on one side at least"),
    ((*LEASE, "--venue", "MARS"), "venue is one of BOOK, SIM"),
    ((*LEASE, "--strategy", "Pears"), "no node is named 'Pears'"),
    (("lease", "open", "NO/USDT", "--buy", "1", "--orders", "1", *ACCOUNT), "unknown symbol NO/USDT"),
    ((*LEASE, "--orders", "0"), "orders_max: Input should be greater than or equal to 1"),
    (("lease", "stop", ""), "no lease has an id that begins with ''"),
    (("lease", "stop", str(uuid.UUID(int=7))), "no such lease"),
    (("lease", "list", "Desk Z"), "no node is named 'Desk Z'"),
    (("kill", "Desk A", "--reason", ""), "reason: String should have at least 1 character"),
]


def test_wrong_input_is_one_line_that_says_what_is_wrong_and_changes_nothing(risk: Person) -> None:
    before = risk.asked("tree")
    for arguments, told in WRONG:
        result = CliRunner().invoke(app, ["limits", *arguments], env={"BREAKWATER_SESSION": str(risk.session_file)})
        assert result.exit_code in {1, 2}, (arguments, result.output)
        assert isinstance(result.exception, SystemExit), (arguments, result.exception)
        assert re.fullmatch("error: .*\n", result.stderr), (arguments, result.stderr)
        assert told in result.stderr, (arguments, result.stderr)
    assert risk.asked("tree") == before
