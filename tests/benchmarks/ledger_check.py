"""Whether ledger, orders, trades and engine events say the same, to the last digit. Reads only."""

import sys
from dataclasses import dataclass

import psycopg

STATEMENT_TIMEOUT_MS = 60_000

_FINAL = "('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')"

# Each query returns a row for every disagreement, so an equal ledger returns none.
CHECKS = {
    "exposures are the sum of their reservations": """
        WITH held AS (
          SELECT node_id, symbol, venue,
                 sum(CASE side WHEN 'BUY' THEN cum_qty ELSE -cum_qty END) AS filled_qty,
                 coalesce(sum(open_qty) FILTER (WHERE side = 'BUY'), 0) AS open_buy_qty,
                 coalesce(sum(open_qty) FILTER (WHERE side = 'SELL'), 0) AS open_sell_qty,
                 count(*) FILTER (WHERE open_qty > 0) AS open_order_count,
                 sum(open_qty * valuation_price) AS open_notional
          FROM limits.reservations, unnest(node_ids) AS node_id GROUP BY node_id, symbol, venue)
        SELECT node_id, symbol, venue, to_jsonb(held) AS by_reservations, to_jsonb(e) AS by_exposures
        FROM held FULL JOIN limits.exposures e USING (node_id, symbol, venue)
        WHERE (coalesce(held.filled_qty, 0), coalesce(held.open_buy_qty, 0), coalesce(held.open_sell_qty, 0),
               coalesce(held.open_order_count, 0), coalesce(held.open_notional, 0))
          IS DISTINCT FROM
              (coalesce(e.filled_qty, 0), coalesce(e.open_buy_qty, 0), coalesce(e.open_sell_qty, 0),
               coalesce(e.open_order_count, 0), coalesce(e.open_notional, 0))""",
    "the day's traded notional is the sum of its trades": """
        WITH traded AS (
          SELECT node_id, t.symbol, t.venue,
                 limits.session_day(t.transact_time, n.time_zone, n.session_start) AS session_date,
                 sum(t.last_qty * t.last_px) AS notional
          FROM trading.trades t JOIN limits.reservations r USING (order_id)
          CROSS JOIN LATERAL unnest(r.node_ids) AS node_id JOIN limits.nodes n USING (node_id)
          GROUP BY 1, 2, 3, 4)
        SELECT e.node_id, e.symbol, e.traded_notional, traded.notional
        FROM limits.exposures e LEFT JOIN traded USING (node_id, symbol, venue, session_date)
        WHERE e.traded_notional <> coalesce(traded.notional, 0)""",
    "reservations stand where their orders stand": f"""
        SELECT o.order_id, o.status, o.cum_qty, r.cum_qty, o.leaves_qty, r.open_qty, r.state
        FROM trading.orders o JOIN limits.reservations r USING (order_id)
        WHERE o.cum_qty <> r.cum_qty OR o.cum_notional <> r.cum_notional OR o.engine_seq <> r.engine_seq
           OR (o.status IN {_FINAL}) <> (r.state = 'FINAL')
           OR (o.status NOT IN {_FINAL} AND o.leaves_qty <> r.open_qty)
           OR (r.state = 'FINAL' AND r.open_qty <> 0)""",
    "every order that got past the limits has a reservation": """
        SELECT o.order_id, o.status FROM trading.orders o LEFT JOIN limits.reservations r USING (order_id)
        WHERE r.order_id IS NULL AND o.status <> 'REJECTED'""",
    "fills of an order are its trades": """
        SELECT o.order_id, o.cum_qty, sum(t.last_qty), o.cum_notional, sum(t.last_qty * t.last_px)
        FROM trading.orders o LEFT JOIN trading.trades t USING (order_id) GROUP BY o.order_id
        HAVING o.cum_qty <> coalesce(sum(t.last_qty), 0)
           OR o.cum_notional <> coalesce(sum(t.last_qty * t.last_px), 0)""",
    "every trade the engine told is booked, and no other": """
        SELECT e.payload ->> 'trade_id', t.trade_id
        FROM (SELECT payload FROM trading.events WHERE topic = 'trades.TradeExecuted.v1') e
        FULL JOIN trading.trades t ON t.trade_id = (e.payload ->> 'trade_id')::uuid
          AND t.last_qty = (e.payload ->> 'last_qty')::numeric AND t.last_px = (e.payload ->> 'last_px')::numeric
        WHERE e.payload IS NULL OR t.trade_id IS NULL""",
    "positions are the sum of their trades": """
        WITH traded AS (
          SELECT account_id, symbol, sum(CASE side WHEN 'BUY' THEN last_qty ELSE -last_qty END) AS quantity
          FROM trading.trades GROUP BY account_id, symbol)
        SELECT account_id, symbol, p.quantity, traded.quantity
        FROM trading.positions p FULL JOIN traded USING (account_id, symbol)
        WHERE coalesce(p.quantity, 0) <> coalesce(traded.quantity, 0)""",
    "orders at the simulated venue have filled what the journal says": """
        WITH journalled AS (
          SELECT (detail->2->>'order_id')::uuid AS order_id,
                 sum((detail->2->>'quantity_lots')::numeric) AS lots,
                 sum((detail->2->>'quantity_lots')::numeric * (detail->2->>'price_ticks')::numeric) AS steps
          FROM trading.journal, jsonb_array_elements(nullif(details, '')::jsonb) AS detail
          WHERE detail->>1 = 'VenueFilled' GROUP BY 1)
        SELECT order_id, cum_qty, cum_notional, lots, steps
        FROM trading.orders JOIN market.instruments USING (symbol) LEFT JOIN journalled USING (order_id)
        WHERE venue = 'SIM' AND (cum_qty <> coalesce(lots, 0) * lot_size
                                 OR cum_notional <> coalesce(steps, 0) * lot_size * tick_size)""",
    "nothing waits to be published": "SELECT id, event_id FROM trading.outbox",
}


@dataclass(frozen=True)
class Disagreement:
    check: str
    rows: int
    example: str


def open_orders(connection: psycopg.Connection) -> int:
    """How many orders are not final."""
    row = connection.execute(f"SELECT count(*) FROM trading.orders WHERE status NOT IN {_FINAL}").fetchone()
    return int(row[0]) if row else 0


def disagreements(connection: psycopg.Connection) -> list[Disagreement]:
    """What is not equal; empty when all is. The platform must be at rest: it reads table after table."""
    found = []
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        for check, query in CHECKS.items():
            rows = connection.execute(query).fetchall()
            if rows:
                found.append(Disagreement(check, len(rows), str(rows[0])))
    return found


def main(database_url: str) -> int:
    """Print every disagreement of a platform at rest; exit code 1 when there is one."""
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        found = disagreements(connection)
    for each in found:
        print(f"{each.check}: {each.rows} rows are not so, for example {each.example}")
    print("the books disagree" if found else "the books are equal")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
