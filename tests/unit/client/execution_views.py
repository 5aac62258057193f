"""What the API answers about an order that the router works."""

from typing import Any

PARENT_ID = "6b41f701-1afa-5ab2-9411-e43cdab575a8"


def order(**words: Any) -> dict[str, Any]:
    """A buy of 3 ETH/USDT, worked by TWAP."""
    return {
        "order_id": PARENT_ID,
        "client_order_id": "my-1",
        "symbol": "ETH/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "status": "PARTIALLY_FILLED",
        "quantity": "3",
        "price": "2690",
        "cum_qty": "2",
        "leaves_qty": "1",
        "avg_px": "2001",
        "venue": "SOR",
        "execution": {"algorithm": "TWAP", "venues": [], "duration_s": 600, "slices": 20, "start_at": None},
        "reject_reason": None,
        "created_at": "2026-11-29T12:00:00.000000Z",
    } | words


def child(number: int, **words: Any) -> dict[str, Any]:
    return {
        "order_id": f"{number:08x}-1afa-5ab2-9411-e43cdab575a8",
        "venue": "SIM",
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": "1",
        "price": "2001",
        "status": "FILLED",
        "cum_qty": "1",
        "leaves_qty": "0",
        "avg_px": "2001",
        "reject_code": None,
        "reject_reason": None,
        "transact_time": "2026-11-29T12:00:05.000000Z",
    } | words


def report(**words: Any) -> dict[str, Any]:
    """Two of three bought at 2001 on average, where the market was 2000 and its book 2002."""
    return {
        "order_id": PARENT_ID,
        "symbol": "ETH/USDT",
        "side": "BUY",
        "status": "PARTIALLY_FILLED",
        "execution": order()["execution"],
        "quantity": "3",
        "cum_qty": "2",
        "avg_px": "2001",
        "began_at": "2026-11-29T12:00:00.000000Z",
        "ended_at": None,
        "venues": ["BOOK", "SIM"],
        "benchmarks": [
            {"benchmark": "ARRIVAL", "price": "2000", "slippage_bps": "5"},
            {"benchmark": "ARRIVAL_COST", "price": "2002", "slippage_bps": "-4.995"},
            {"benchmark": "VWAP", "price": None, "slippage_bps": None},
        ],
        "vwap_since": "2026-11-29T12:00:00.000000Z",
        "fees": [{"currency": "USDT", "amount": "4.002"}],
        "by_venue": [
            {
                "venue": "SIM",
                "children": 3,
                "quantity": "2",
                "share": "0.6667",
                "avg_px": "2001",
                "maker_share": "1",
                "fees": [{"currency": "USDT", "amount": "4.002"}],
            }
        ],
        "children": [
            child(3, status="NEW", cum_qty="0", leaves_qty="1", avg_px=None),
            child(2),
            child(1),
        ],
        "children_cut": False,
    } | words
