"""The SQL of the limits ledger."""
# ruff: noqa: S608 - only constants of this module are put together here; every value is a parameter.

_NODE = "node_id, parent_id, kind, name, account_id, path, state, state_reason"
_LIMIT = "limit_id, node_id, limit_type, instrument, value, parameters"
_EXPOSURE = """node_id, symbol, filled_qty, open_buy_qty, open_sell_qty, open_order_count, open_notional,
  session_date, traded_notional"""
_ON_ACCOUNT_PATH = "node_id = ANY ((SELECT path FROM limits.nodes WHERE account_id = %(account_id)s)::uuid[])"
_ROWS_MAX = 100_000

READ_ACCOUNT_PATH = f"SELECT {_NODE} FROM limits.nodes WHERE {_ON_ACCOUNT_PATH}"
LOCK_ACCOUNT_PATH = f"{READ_ACCOUNT_PATH} ORDER BY node_id FOR NO KEY UPDATE"
ACCOUNT_LIMITS = f"SELECT {_LIMIT} FROM limits.limits WHERE {_ON_ACCOUNT_PATH}"
ACCOUNT_EXPOSURES = f"SELECT {_EXPOSURE} FROM limits.exposures WHERE {_ON_ACCOUNT_PATH}"
QUOTE = """
SELECT i.symbol, i.base_asset, i.quote_asset, i.tick_size, i.lot_size, i.notional_min,
       r.price AS reference, r.observed_at
FROM market.instruments i LEFT JOIN market.reference_prices r USING (symbol) WHERE i.symbol = %(symbol)s
"""
# The band is the order's: reservation and order are written in one transaction.
HELD_BAND = """
SELECT o.price_low, o.price_high
FROM limits.reservations r JOIN trading.orders o USING (order_id) WHERE order_id = %(order_id)s
"""

# All scopes in one statement: the shorter a hot node is locked, the more orders pass it in a second.
HOLD = """
WITH reservation AS (
  INSERT INTO limits.reservations (order_id, tenant_id, account_id, node_ids, symbol, side, quantity, valuation_price,
                                   open_qty, cum_qty, cum_notional, engine_seq, state, created_at, updated_at)
  VALUES (%(order_id)s, %(tenant_id)s, %(account_id)s, %(node_ids)s, %(symbol)s, %(side)s, %(quantity)s,
          %(valuation_price)s, %(open_qty)s, %(cum_qty)s, %(cum_notional)s, %(engine_seq)s, %(state)s, %(at)s, %(at)s))
INSERT INTO limits.exposures AS e
  (node_id, symbol, tenant_id, open_buy_qty, open_sell_qty, open_order_count, open_notional, session_date)
SELECT node_id, %(symbol)s, %(tenant_id)s, %(booked_open_buy_qty)s, %(booked_open_sell_qty)s,
       %(booked_open_order_count)s, %(booked_open_notional)s, %(day)s
FROM unnest(%(node_ids)s::uuid[]) AS node_id
ON CONFLICT (node_id, symbol) DO UPDATE SET
  open_buy_qty = e.open_buy_qty + excluded.open_buy_qty,
  open_sell_qty = e.open_sell_qty + excluded.open_sell_qty,
  open_order_count = e.open_order_count + excluded.open_order_count,
  open_notional = e.open_notional + excluded.open_notional
"""
LOCK_RESERVED_NODES = """
SELECT 1 FROM limits.nodes
WHERE node_id = ANY ((SELECT node_ids FROM limits.reservations WHERE order_id = %(order_id)s)::uuid[])
ORDER BY node_id FOR NO KEY UPDATE
"""
LOCK_RESERVATION = """
SELECT order_id, node_ids, symbol, side, quantity, valuation_price, open_qty, cum_qty, cum_notional, engine_seq, state
FROM limits.reservations WHERE order_id = %(order_id)s FOR NO KEY UPDATE
"""
# The day of a fill begins a new count; a fill of a day that is over is not added to a later one. No fill counts to a
# day before the one its order was judged by: at midnight the engine's clock may be behind the one that reserved.
SETTLE = """
WITH reservation AS (
  UPDATE limits.reservations
  SET open_qty = %(open_qty)s, cum_qty = %(cum_qty)s, cum_notional = %(cum_notional)s, engine_seq = %(engine_seq)s,
      state = %(state)s, updated_at = now()
  WHERE order_id = %(order_id)s
  RETURNING greatest(%(day)s, (created_at AT TIME ZONE 'UTC')::date) AS day)
UPDATE limits.exposures SET
  filled_qty = filled_qty + %(booked_filled_qty)s,
  open_buy_qty = open_buy_qty + %(booked_open_buy_qty)s,
  open_sell_qty = open_sell_qty + %(booked_open_sell_qty)s,
  open_order_count = open_order_count + %(booked_open_order_count)s,
  open_notional = open_notional + %(booked_open_notional)s,
  traded_notional = CASE WHEN session_date < day THEN %(booked_traded_notional)s
                         WHEN session_date = day THEN traded_notional + %(booked_traded_notional)s
                         ELSE traded_notional END,
  session_date = greatest(session_date, day)
FROM reservation
WHERE node_id = ANY (%(node_ids)s) AND symbol = %(symbol)s
"""

NODE = f"SELECT {_NODE} FROM limits.nodes WHERE node_id = %(node_id)s"
LOCK_NODE = f"{NODE} FOR NO KEY UPDATE"
NODES = f"SELECT {_NODE} FROM limits.nodes ORDER BY name, node_id LIMIT {_ROWS_MAX}"
LIMITS = f"SELECT {_LIMIT} FROM limits.limits ORDER BY limit_type, instrument LIMIT {_ROWS_MAX}"
EXPOSURES = f"SELECT {_EXPOSURE} FROM limits.exposures LIMIT {_ROWS_MAX}"
PUT_LIMIT = f"""
INSERT INTO limits.limits AS l (limit_id, tenant_id, node_id, limit_type, instrument, value, parameters, created_by)
VALUES (%(limit_id)s, %(tenant_id)s, %(node_id)s, %(limit_type)s, %(instrument)s, %(value)s, %(parameters)s,
        %(created_by)s)
ON CONFLICT (node_id, limit_type, instrument) DO UPDATE SET
  value = excluded.value, parameters = excluded.parameters, created_by = excluded.created_by,
  version = l.version + 1, updated_at = now()
RETURNING {_LIMIT}
"""
LIMIT_AT = f"""
SELECT {_LIMIT} FROM limits.limits
WHERE node_id = %(node_id)s AND limit_type = %(limit_type)s AND instrument = %(instrument)s
"""
DELETE_LIMIT = f"DELETE FROM limits.limits WHERE limit_id = %(limit_id)s RETURNING {_LIMIT}"
SET_STATE = """
UPDATE limits.nodes SET state = %(state)s, state_reason = %(reason)s, state_changed_by = %(changed_by)s,
  state_changed_at = %(at)s
WHERE node_id = %(node_id)s
"""
ACCOUNTS_BELOW = f"""
SELECT account_id FROM limits.nodes WHERE path @> ARRAY[%(node_id)s::uuid] AND account_id IS NOT NULL
ORDER BY account_id LIMIT {_ROWS_MAX}
"""
OPEN_ORDERS = f"""
SELECT order_id, account_id, symbol FROM limits.reservations WHERE state <> 'FINAL' AND %(node_id)s = ANY (node_ids)
ORDER BY order_id LIMIT {_ROWS_MAX}
"""

LEDGER_DIFFERENCES = f"""
WITH held AS (
  SELECT node_id, r.*, CASE side WHEN 'BUY' THEN 1 ELSE -1 END AS sign
  FROM limits.reservations r CROSS JOIN LATERAL unnest(r.node_ids) AS node_id),
derived AS (
  SELECT h.node_id, h.symbol,
    sum(h.cum_qty * h.sign) AS filled_qty,
    coalesce(sum(h.open_qty) FILTER (WHERE h.side = 'BUY'), 0) AS open_buy_qty,
    coalesce(sum(h.open_qty) FILTER (WHERE h.side = 'SELL'), 0) AS open_sell_qty,
    count(*) FILTER (WHERE h.state <> 'FINAL') AS open_order_count,
    sum(h.open_qty * h.valuation_price) AS open_notional,
    coalesce(sum(h.cum_notional) FILTER (WHERE (h.created_at AT TIME ZONE 'UTC')::date >= e.session_date), 0)
      AS traded_least,
    sum(h.cum_notional) AS traded_most
  FROM held h LEFT JOIN limits.exposures e USING (node_id, symbol) GROUP BY h.node_id, h.symbol)
SELECT node_id, symbol, to_jsonb(e) AS exposure, to_jsonb(d) AS derived
FROM limits.exposures e FULL JOIN derived d USING (node_id, symbol)
WHERE (e.filled_qty, e.open_buy_qty, e.open_sell_qty, e.open_order_count, e.open_notional)
   IS DISTINCT FROM (d.filled_qty, d.open_buy_qty, d.open_sell_qty, d.open_order_count, d.open_notional)
   OR e.traded_notional NOT BETWEEN d.traded_least AND d.traded_most
LIMIT {_ROWS_MAX}
"""
ORDER_DIFFERENCES = f"""
SELECT order_id, o.status, o.cum_qty AS order_cum_qty, r.state, r.cum_qty AS reservation_cum_qty, r.open_qty
FROM trading.orders o FULL JOIN limits.reservations r USING (order_id)
WHERE o.order_id IS NULL
   OR (r.order_id IS NULL AND o.status <> 'REJECTED')
   OR o.cum_qty <> r.cum_qty
   OR o.cum_notional <> r.cum_notional
   OR (r.state = 'FINAL') <> (o.status IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'))
LIMIT {_ROWS_MAX}
"""
