"""freqtrade and python-binance, unmodified, live: `make test-bots` installs them, since they are large."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from breakwater.client.lookup import find_node_id
from tests.e2e.bots import pointed_at
from tests.e2e.desk import Desk

REPOSITORY = Path(__file__).parents[2]
BOTS = REPOSITORY / ".venv-bots" / "bin"
CLIENTS = Path(__file__).parent / "clients"
TRADES_WITHIN_S = 150
REFUSED_WITHIN_S = 60
STOP_S = 40
REFUSAL, DEMO_LIMIT = "Limit MAX_ORDER_NOTIONAL of Trader 2 refused it", "500000"

pytestmark = [
    pytest.mark.skipif(not (BOTS / "freqtrade").exists(), reason="`make test-bots` installs them"),
    pytest.mark.timeout(400),
]


@pytest.fixture
def key(desk: Desk) -> Iterator[dict[str, Any]]:
    created = desk.client.create_api_key("e2e bot of others", ["read", "trade"])
    yield created
    desk.client.revoke_api_key(created["key_id"])


@pytest.fixture
def freqtrade(endpoints: dict[str, Any], key: dict[str, Any], tmp_path: Path) -> Iterator["Freqtrade"]:
    running = Freqtrade(endpoints["engine_url"], key, tmp_path)
    yield running
    running.stop()


class Freqtrade:
    """Live, with 100 USDT a trade."""

    def __init__(self, engine_url: str, key: dict[str, Any], folder: Path) -> None:
        urls = {"urls": {"api": pointed_at(ccxt.pro.binance, engine_url, key).urls["api"]}}
        exchange = {"name": "binance", "key": key["key_id"], "secret": key["api_key"], "pair_whitelist": ["ETH/USDT"]}
        book = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
        configuration = {
            "dry_run": False,
            "initial_state": "running",
            "max_open_trades": 1,
            "stake_currency": "USDT",
            "stake_amount": 100,
            "entry_pricing": book,
            "exit_pricing": book,
            "exchange": {**exchange, "ccxt_config": urls, "ccxt_async_config": urls},
            "pairlists": [{"method": "StaticPairList"}],
            "internals": {"process_throttle_secs": 2},
        }
        (folder / "config.json").write_text(json.dumps(configuration))
        (folder / "user_data").mkdir()
        self.database, self.log = folder / "trades.sqlite", folder / "log"
        strategy = ["--strategy-path", str(CLIENTS), "--strategy", "AlwaysInAndOut"]
        where = ["--userdir", str(folder / "user_data"), "--db-url", f"sqlite:///{self.database}"]
        command = [str(BOTS / "freqtrade"), "trade", "-c", str(folder / "config.json"), *strategy, *where, "--no-color"]
        with self.log.open("w") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | {"COLUMNS": "400"}, cwd=folder
            )

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_S)

    def closed_trades(self) -> int:
        if not self.database.exists():
            return 0
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'trades'").fetchall()
            if not tables:
                return 0
            (count,) = connection.execute("SELECT count(*) FROM trades WHERE is_open = 0").fetchone()
        return int(count)

    def until(self, is_so: Any, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not is_so():
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(1)


def test_freqtrade_trades_in_and_out_and_is_told_of_a_limit_that_it_hits(
    freqtrade: Freqtrade, desk: Desk, sign_in: Any
) -> None:
    freqtrade.until(lambda: freqtrade.closed_trades() >= 2, TRADES_WITHIN_S)
    risk = sign_in("risk")
    node_id = find_node_id(risk, "Trader 2")
    risk.set_limit(node_id, "MAX_ORDER_NOTIONAL", value="50")
    try:
        freqtrade.until(lambda: REFUSAL in freqtrade.log.read_text(), REFUSED_WITHIN_S)
    finally:
        risk.set_limit(node_id, "MAX_ORDER_NOTIONAL", value=DEMO_LIMIT)
    trades = desk.client.trades(account_id=desk.account_id)["items"]
    assert {each["side"] for each in trades} == {"BUY", "SELL"}


def test_python_binance_places_queries_cancels_and_listens(
    endpoints: dict[str, Any], key: dict[str, Any], desk: Desk
) -> None:
    arguments = [endpoints["engine_url"], key["key_id"], key["api_key"], desk.price_below()]
    script = [str(BOTS / "python"), str(CLIENTS / "python_binance_trades.py"), *arguments]
    done = subprocess.run(script, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["statuses"] == ["NEW", "NEW", "CANCELED", "FILLED"]
    assert told["fills"] >= 1
    assert told["refused"].startswith("Limit ")
    assert told["streams"] == ["trade", "depthUpdate", "kline"]
