"""The SQL of the limits ledger."""
# ruff: noqa: S608 - only constants of this module are put together here; every value is a parameter.

from breakwater.domain.executions import ROUTER_VENUE

_SESSION_DAY = "limits.session_day(%(at)s, n.time_zone, n.session_start)"
_NODE = f"""n.node_id, n.parent_id, n.kind, n.name, n.account_id, n.path, n.state, n.state_reason, n.time_zone,
  n.session_start, {_SESSION_DAY} AS session_day"""
# An override that somebody else approved stands in the place of value and parameters while its time lasts, or the limit
# does not hold.
_LIMIT = """l.limit_id, l.node_id, l.limit_type, l.instrument, coalesce(o.value, l.value) AS value,
  coalesce(o.parameters, l.parameters) AS parameters, l.currency, l.action, l.thresholds_pct, l.valid_from,
  l.valid_until, l.version, o.override_id, l.value AS set_value, l.parameters AS set_parameters"""
_LIMITS_AS_SET = """limits.limits l LEFT JOIN (
    SELECT NULL::uuid AS override_id, NULL::numeric AS value, NULL::jsonb AS parameters) o ON true"""
_LIMITS_IN_FORCE = """limits.limits l LEFT JOIN LATERAL (
    SELECT override_id, value, parameters, is_exempt FROM limits.overrides v
    WHERE v.limit_id = l.limit_id AND v.approved_by IS NOT NULL AND v.ended_at IS NULL
      AND v.starts_at <= %(at)s AND v.ends_at > %(at)s
    ORDER BY v.approved_at DESC LIMIT 1) o ON true
WHERE (l.valid_from IS NULL OR l.valid_from <= %(at)s) AND (l.valid_until IS NULL OR l.valid_until > %(at)s)
  AND o.is_exempt IS NOT true"""
_EXPOSURE = """e.node_id, e.symbol, e.venue, i.asset_class, i.quote_asset, e.filled_qty, e.open_buy_qty,
  e.open_sell_qty, e.open_order_count, e.open_notional, e.open_buy_notional, e.session_date, e.traded_notional,
  e.session_order_count"""
_EXPOSURES = "limits.exposures e JOIN market.instruments i USING (symbol)"
_STANDING = """node_id, reject_streak, loss_streak, cool_until, rearmed_at, pnl, pnl_open, pnl_peak, pnl_close_peak,
  observed_at, heartbeat_at"""
_ON_PATH = "node_id = ANY ((SELECT path FROM limits.nodes WHERE node_id = %(leaf_id)s)::uuid[])"
_SILENT_AT_ONCE_MAX = 100_000  # The others have their turn in the next round.

# What is judged by, or ended, is read whole, however much it is: a row that was cut off would be a limit, an exposure
# or an open order that does not count. How much is shown at once is said where it is shown.

LOCK_PATH = f"SELECT {_NODE} FROM limits.nodes n WHERE {_ON_PATH} ORDER BY n.node_id FOR NO KEY UPDATE"
READ_PATH_NODES = f"SELECT {_NODE}, n.limits_version FROM limits.nodes n WHERE n.node_id = ANY (%(node_ids)s)"
LOCK_PATH_NODES = f"{READ_PATH_NODES} ORDER BY n.node_id FOR NO KEY UPDATE"
# All of the way of an order that reserves, in one call; migration 0026 has it.
ENTER = "SELECT * FROM limits.ledger_enter(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
# All that may change while an order waits for its nodes. A row for each exposure, one for a node without any.
PATH_STATE = f"""
SELECT n.node_id, EXISTS (SELECT FROM limits.reservations WHERE order_id = %(order_id)s) AS is_held,
  s.reject_streak, s.loss_streak, s.cool_until, s.rearmed_at, s.pnl, s.pnl_open, s.pnl_peak, s.pnl_close_peak,
  s.observed_at, s.heartbeat_at, {_EXPOSURE}
FROM limits.nodes n
LEFT JOIN limits.standings s ON s.node_id = n.node_id
LEFT JOIN (limits.exposures e JOIN market.instruments i USING (symbol)) ON e.node_id = n.node_id
WHERE n.node_id = ANY (%(node_ids)s)
"""
# What is set on nodes, whenever it holds; domain/limits_in_force.py says what does.
LIMITS_SET = f"""
SELECT {_LIMIT} FROM {_LIMITS_AS_SET}
WHERE l.node_id = ANY (%(node_ids)s) ORDER BY l.limit_id
"""
OVERRIDES_APPROVED = """
SELECT l.node_id, v.override_id, v.limit_id, v.value, v.parameters, v.is_exempt, v.starts_at, v.ends_at,
  v.approved_at
FROM limits.overrides v JOIN limits.limits l USING (limit_id)
WHERE l.node_id = ANY (%(node_ids)s) AND v.approved_by IS NOT NULL AND v.ended_at IS NULL
"""
_QUOTE = """i.symbol, i.base_asset, i.quote_asset, i.tick_size, i.lot_size, i.notional_min, i.asset_class,
  r.price AS reference, r.observed_at"""
_QUOTES = "market.instruments i LEFT JOIN market.reference_prices r USING (symbol)"
QUOTES = f"SELECT {_QUOTE} FROM {_QUOTES} ORDER BY i.symbol"
# What an order needs to know before it waits for its nodes: the scope that it counts to first is its key's, else its
# strategy's, else its account's. Always one row.
PLACE = f"""
SELECT a.path AS account_path, s.path AS strategy_path, k.path AS key_path, {_QUOTE}
FROM (SELECT) always
LEFT JOIN limits.nodes a ON a.account_id = %(account_id)s
LEFT JOIN limits.nodes s ON s.node_id = %(strategy_id)s AND s.kind = 'STRATEGY' AND s.path @> ARRAY[a.node_id]
LEFT JOIN limits.nodes k ON k.api_key_id = %(api_key_id)s
LEFT JOIN ({_QUOTES}) ON i.symbol = %(symbol)s
"""
RISK_TERMS = """
SELECT symbol, average_daily_qty, initial_margin, sector, daily_volatility, as_of FROM limits.risk_terms
ORDER BY symbol
"""
# An order at the router may go to any venue: to the dearest.
FEE_RATES = f"""
SELECT name, CASE name WHEN '{ROUTER_VENUE}' THEN max(taker_fee) OVER () ELSE taker_fee END AS rate
FROM market.venues
"""
# The band is the order's: reservation and order are written in one transaction.
HELD_BAND = """
SELECT o.price_low, o.price_high
FROM limits.reservations r JOIN trading.orders o USING (order_id) WHERE order_id = %(order_id)s
"""
# What the order that an exit exits from may still fill.
ENTRY_OPEN = """
SELECT open_qty FROM limits.reservations
WHERE order_id = %(entry_id)s AND account_id = %(account_id)s AND symbol = %(symbol)s AND side <> %(side)s
"""
# Summed between the moments that the limits of a node tell apart: all that is in a row is in the same windows. So the
# rows are as many as the windows, times the symbols and venues in them, and none need be cut off however much happened.
# Read by the second only in the five minutes in which such a moment lies, and else by blocks (migration 0043). Where a
# block ends is reckoned beforehand: under row-level security no index is searched by what a sum comes to.
ACTIVITY = """
WITH told AS (
  SELECT node_id, begin, limits.activity_block(begin) AS block,
    limits.activity_block(begin) + interval '5 minutes' AS block_end
  FROM unnest(%(window_node_ids)s::uuid[], %(window_begins)s::timestamptz[]) AS told (node_id, begin)),
windows AS (
  SELECT node_id, array_agg(begin ORDER BY begin) AS begins, array_agg(block) AS split FROM told GROUP BY node_id),
happened AS (
  SELECT a.* FROM (SELECT DISTINCT node_id, block, block_end FROM told) t
  JOIN limits.activity a ON a.node_id = t.node_id AND a.at >= t.block AND a.at < t.block_end
  UNION ALL
  SELECT b.* FROM windows w
  JOIN limits.activity_blocks b ON b.node_id = w.node_id AND b.at > w.begins[1] AND b.at <> ALL (w.split))
SELECT s.*, i.asset_class, i.quote_asset
FROM (
  SELECT w.node_id, max(h.at) AS at, h.symbol, h.venue, sum(h.new_count) AS new_count,
    sum(h.replace_count) AS replace_count, sum(h.cancel_count) AS cancel_count, sum(h.fill_count) AS fill_count,
    sum(h.automated_fill_count) AS automated_fill_count, sum(h.traded_notional) AS traded_notional
  FROM windows w JOIN happened h ON h.node_id = w.node_id AND h.at > w.begins[1]
  GROUP BY w.node_id, h.symbol, h.venue, width_bucket(h.at - interval '1 microsecond', w.begins)) s
JOIN market.instruments i USING (symbol)
"""
# Of all accounts below the node, or of the account that it stands below itself.
CASH = """
SELECT n.node_id, b.asset, sum(b.total) AS total
FROM limits.nodes n
JOIN limits.nodes a ON a.account_id IS NOT NULL AND (a.path @> ARRAY[n.node_id] OR a.node_id = ANY (n.path))
JOIN trading.balances b ON b.account_id = a.account_id
WHERE n.node_id = ANY (%(node_ids)s)
GROUP BY n.node_id, b.asset
"""
# The ledger hears of a fill before the balances do: what they still lack.
FILLS_NOT_IN_CASH = """
SELECT n.node_id, r.venue, i.quote_asset,
  coalesce(sum(r.cum_notional - r.booked_notional) FILTER (WHERE r.side = 'BUY'), 0) AS bought_notional,
  coalesce(sum(r.cum_notional - r.booked_notional) FILTER (WHERE r.side = 'SELL'), 0) AS sold_notional
FROM limits.nodes n
JOIN limits.nodes a ON a.account_id IS NOT NULL AND (a.path @> ARRAY[n.node_id] OR a.node_id = ANY (n.path))
JOIN limits.reservations r ON r.account_id = a.account_id AND r.cum_notional <> r.booked_notional
JOIN market.instruments i USING (symbol)
WHERE n.node_id = ANY (%(node_ids)s)
GROUP BY n.node_id, r.venue, i.quote_asset
"""
NOTE_IN_CASH = """
UPDATE limits.reservations SET booked_notional = booked_notional + %(notional)s WHERE order_id = %(order_id)s
"""
SAME_TERMS_AT = """
SELECT max(created_at) AS at FROM trading.orders
WHERE account_id = %(account_id)s AND created_at > %(since)s AND order_id <> %(order_id)s AND status <> 'REJECTED'
  AND symbol = %(symbol)s AND side = %(side)s AND quantity = %(quantity)s AND price IS NOT DISTINCT FROM %(price)s
"""

# All scopes in one statement: the shorter a hot node is locked, the more orders pass it in a second. A new session day
# begins the counts of the day anew.
HOLD = f"""
WITH reservation AS (
  INSERT INTO limits.reservations (order_id, tenant_id, account_id, node_ids, symbol, venue, is_automated, side,
                                   quantity, valuation_price, open_qty, cum_qty, cum_notional, engine_seq, state,
                                   lease_id, is_of_order, order_count, created_at, updated_at)
  VALUES (%(order_id)s, %(tenant_id)s, %(account_id)s, %(node_ids)s::uuid[], %(symbol)s, %(venue)s,
          %(is_automated)s, %(side)s, %(quantity)s, %(valuation_price)s, %(open_qty)s, %(cum_qty)s,
          %(cum_notional)s, %(engine_seq)s, %(state)s, %(lease_id)s, %(is_of_order)s, %(order_count)s, %(at)s, %(at)s))
INSERT INTO limits.exposures AS e
  (node_id, symbol, venue, tenant_id, open_buy_qty, open_sell_qty, open_order_count, open_notional, open_buy_notional,
   session_date, session_order_count)
SELECT n.node_id, %(symbol)s, %(venue)s, %(tenant_id)s, %(booked_open_buy_qty)s, %(booked_open_sell_qty)s,
       %(booked_open_order_count)s, %(booked_open_notional)s, %(booked_open_buy_notional)s, {_SESSION_DAY},
       %(is_of_order)s::integer
FROM limits.nodes n WHERE n.node_id = ANY (%(node_ids)s::uuid[])
ON CONFLICT (node_id, symbol, venue) DO UPDATE SET
  open_buy_qty = e.open_buy_qty + excluded.open_buy_qty,
  open_sell_qty = e.open_sell_qty + excluded.open_sell_qty,
  open_order_count = e.open_order_count + excluded.open_order_count,
  open_notional = e.open_notional + excluded.open_notional,
  open_buy_notional = e.open_buy_notional + excluded.open_buy_notional,
  traded_notional = CASE WHEN e.session_date < excluded.session_date THEN 0 ELSE e.traded_notional END,
  session_order_count = CASE WHEN e.session_date < excluded.session_date THEN excluded.session_order_count
                             ELSE e.session_order_count + excluded.session_order_count END,
  session_date = greatest(e.session_date, excluded.session_date)
"""
LOCK_RESERVED_NODES = """
SELECT 1 FROM limits.nodes
WHERE node_id = ANY ((SELECT node_ids FROM limits.reservations WHERE order_id = %(order_id)s)::uuid[])
ORDER BY node_id FOR NO KEY UPDATE
"""
LOCK_RESERVATION = """
SELECT order_id, node_ids, symbol, venue, is_automated, side, quantity, valuation_price, open_qty, cum_qty,
  cum_notional, engine_seq, state, lease_id, is_of_order, order_count, replace_no, kept_quantity, kept_valuation_price,
  asked_quantity, asked_valuation_price
FROM limits.reservations WHERE order_id = %(order_id)s FOR NO KEY UPDATE
"""
# The day of a fill begins a new count; a fill of a day that is over is not added to a later one. No fill counts to a
# day before the one its order was judged by: at midnight the engine's clock may be behind the one that reserved.
SETTLE = f"""
WITH reservation AS (
  UPDATE limits.reservations
  SET quantity = %(quantity)s, valuation_price = %(valuation_price)s, order_count = %(order_count)s,
      lease_id = %(lease_id)s, open_qty = %(open_qty)s, cum_qty = %(cum_qty)s, cum_notional = %(cum_notional)s,
      engine_seq = %(engine_seq)s, state = %(state)s, replace_no = %(replace_no)s,
      kept_quantity = %(kept_quantity)s, kept_valuation_price = %(kept_valuation_price)s,
      asked_quantity = %(asked_quantity)s, asked_valuation_price = %(asked_valuation_price)s, updated_at = now()
  WHERE order_id = %(order_id)s
  RETURNING created_at)
UPDATE limits.exposures e SET
  filled_qty = e.filled_qty + %(booked_filled_qty)s,
  open_buy_qty = e.open_buy_qty + %(booked_open_buy_qty)s,
  open_sell_qty = e.open_sell_qty + %(booked_open_sell_qty)s,
  open_order_count = e.open_order_count + %(booked_open_order_count)s,
  open_notional = e.open_notional + %(booked_open_notional)s,
  open_buy_notional = e.open_buy_notional + %(booked_open_buy_notional)s,
  traded_notional = CASE WHEN e.session_date < d.day THEN %(booked_traded_notional)s
                         WHEN e.session_date = d.day THEN e.traded_notional + %(booked_traded_notional)s
                         ELSE e.traded_notional END,
  session_order_count = CASE WHEN e.session_date < d.day THEN 0 ELSE e.session_order_count END,
  session_date = greatest(e.session_date, d.day)
FROM (SELECT n.node_id, greatest({_SESSION_DAY}, limits.session_day(r.created_at, n.time_zone, n.session_start)) AS day
      FROM limits.nodes n, reservation r WHERE n.node_id = ANY (%(node_ids)s)) d
WHERE e.node_id = d.node_id AND e.symbol = %(symbol)s AND e.venue = %(venue)s
"""
# Only at nodes whose limits look back over a window; what they count begins when such a limit is set.
COUNT_ACTIVITY = """
INSERT INTO limits.activity AS a (node_id, at, symbol, venue, tenant_id, new_count, replace_count, cancel_count,
                                  fill_count, automated_fill_count, traded_notional)
SELECT node_id, date_trunc('second', %(at)s::timestamptz), %(symbol)s, %(venue)s, %(tenant_id)s, %(new_count)s,
       %(replace_count)s, %(cancel_count)s, %(fill_count)s, %(automated_fill_count)s, %(traded_notional)s
FROM (SELECT DISTINCT l.node_id FROM limits.limits l
      WHERE l.node_id = ANY (%(node_ids)s) AND l.limit_type = ANY (%(windowed_types)s)) counting
ON CONFLICT (node_id, at, symbol, venue) DO UPDATE SET
  new_count = a.new_count + excluded.new_count,
  replace_count = a.replace_count + excluded.replace_count,
  cancel_count = a.cancel_count + excluded.cancel_count,
  fill_count = a.fill_count + excluded.fill_count,
  automated_fill_count = a.automated_fill_count + excluded.automated_fill_count,
  traded_notional = a.traded_notional + excluded.traded_notional
"""
# A cancel is a message as well, though none is ever refused.
COUNT_CANCEL = """
INSERT INTO limits.activity AS a (node_id, at, symbol, venue, tenant_id, cancel_count)
SELECT DISTINCT l.node_id, date_trunc('second', %(at)s::timestamptz), r.symbol, r.venue, r.tenant_id, 1
FROM limits.reservations r JOIN limits.limits l ON l.node_id = ANY (r.node_ids)
WHERE r.order_id = %(order_id)s AND l.limit_type = ANY (%(windowed_types)s)
ON CONFLICT (node_id, at, symbol, venue) DO UPDATE SET cancel_count = a.cancel_count + 1
"""
COUNT_REJECT = """
INSERT INTO limits.standings AS s (node_id, tenant_id, reject_streak)
SELECT DISTINCT node_id, %(tenant_id)s::uuid, 1 FROM limits.limits
WHERE node_id = ANY (%(node_ids)s) AND limit_type = 'REJECT_STREAK'
ORDER BY node_id
ON CONFLICT (node_id) DO UPDATE SET reject_streak = s.reject_streak + 1
"""
END_REJECT_STREAK = """
WITH ended AS (
  SELECT node_id FROM limits.standings WHERE node_id = ANY (%(node_ids)s) AND reject_streak <> 0
  ORDER BY node_id FOR UPDATE)
UPDATE limits.standings s SET reject_streak = 0 FROM ended WHERE s.node_id = ended.node_id
"""
# A fill of a window that is over does not stop a node any more; one that was re-armed counts from there. Fills are kept
# by whole seconds, so the window is a second longer: what is in its first one may be from the end of it.
REPEATED_EXECUTIONS = f"""
WITH counting AS (
  SELECT l.*, greatest(s.rearmed_at,
    %(at)s - make_interval(secs => 1 + (l.parameters->>'window_s')::double precision)) AS begin
  FROM (SELECT {_LIMIT} FROM {_LIMITS_IN_FORCE}
        AND l.node_id = ANY (%(node_ids)s) AND l.limit_type = 'REPEAT_EXECUTION') l
  LEFT JOIN limits.standings s USING (node_id)),
windows AS MATERIALIZED (SELECT *, limits.activity_block(begin) + interval '5 minutes' AS block_end FROM counting)
SELECT l.node_id, l.limit_id, l.instrument, l.value, l.action, sum(a.automated_fill_count) AS fills,
  l.instrument IN ('*', %(symbol)s, 'venue:' || %(venue)s, 'class:' || of_fill.asset_class)
    OR %(venue)s = '{ROUTER_VENUE}' AND l.instrument LIKE 'venue:%%' AS is_of_fill
FROM windows l
JOIN market.instruments of_fill ON of_fill.symbol = %(symbol)s
CROSS JOIN LATERAL (
  SELECT symbol, venue, automated_fill_count FROM limits.activity
  WHERE node_id = l.node_id AND at > l.begin AND at < l.block_end
  UNION ALL
  SELECT symbol, venue, automated_fill_count FROM limits.activity_blocks
  WHERE node_id = l.node_id AND at >= l.block_end) a
JOIN market.instruments i ON i.symbol = a.symbol
  AND (l.instrument IN ('*', a.symbol, 'venue:' || a.venue, 'class:' || i.asset_class)
       OR a.venue = '{ROUTER_VENUE}' AND l.instrument LIKE 'venue:%%')
GROUP BY l.node_id, l.limit_id, l.instrument, l.value, l.action, of_fill.asset_class
HAVING sum(a.automated_fill_count) >= l.value
ORDER BY l.node_id, l.limit_id
"""


def _cool_until(node_id: str, losses: str) -> str:
    return f"""(
    SELECT max(%(at)s::timestamptz + make_interval(secs => (l.parameters->>'cool_down_s')::double precision))
    FROM (SELECT {_LIMIT} FROM {_LIMITS_IN_FORCE} AND l.node_id = {node_id} AND l.limit_type = 'LOSS_STREAK') l
    WHERE {losses} >= l.value)"""


# A round trip of the account is one of every scope above it, and of the strategies and keys below it, which have no
# positions of their own. A cool-down that runs is never cut short. The nodes above are locked, but for an order that
# passed beside the ledger: so a loss adds to what stands once its row is free, and rows are taken in one order. What
# comes back are the limits that this loss has reached, and not those whose cool-down it made longer: each statement
# within sees the standings as they were before.
_LOSSES_NOW = "(s.loss_streak + 1) * %(lost)s::integer"
COUNT_ROUND_TRIP = f"""
WITH counted AS (
INSERT INTO limits.standings AS s (node_id, tenant_id, loss_streak, cool_until)
SELECT n.node_id, n.tenant_id, %(lost)s::integer, {_cool_until("n.node_id", "%(lost)s::integer")}
FROM limits.nodes n
JOIN limits.nodes a ON a.account_id = %(account_id)s AND (n.node_id = ANY (a.path) OR a.node_id = ANY (n.path))
WHERE EXISTS (SELECT FROM limits.limits l WHERE l.node_id = n.node_id AND l.limit_type = 'LOSS_STREAK')
ORDER BY n.node_id
ON CONFLICT (node_id) DO UPDATE SET loss_streak = {_LOSSES_NOW},
  cool_until = greatest(s.cool_until, {_cool_until("s.node_id", _LOSSES_NOW)})
RETURNING node_id, loss_streak)
SELECT l.node_id, l.limit_id, l.instrument, l.value, l.action, c.loss_streak AS losses
FROM counted c LEFT JOIN limits.standings before USING (node_id)
CROSS JOIN LATERAL (
  SELECT {_LIMIT} FROM {_LIMITS_IN_FORCE} AND l.node_id = c.node_id AND l.limit_type = 'LOSS_STREAK') l
WHERE c.loss_streak >= l.value
  AND (c.loss_streak - 1 < l.value
    -- What stood before is known where no other loss came in between; else that one has told of it.
    OR (coalesce(before.loss_streak, 0) = c.loss_streak - 1
      AND (before.cool_until IS NULL OR before.cool_until <= %(at)s)))
ORDER BY l.node_id, l.limit_id
"""
REARM = """
INSERT INTO limits.standings AS s (node_id, tenant_id, rearmed_at) VALUES (%(node_id)s, %(tenant_id)s, %(at)s)
ON CONFLICT (node_id) DO UPDATE SET rearmed_at = excluded.rearmed_at, reject_streak = 0, loss_streak = 0,
  cool_until = NULL, heartbeat_at = NULL
"""
HEARTBEAT = """
INSERT INTO limits.standings AS s (node_id, tenant_id, heartbeat_at) VALUES (%(node_id)s, %(tenant_id)s, %(at)s)
ON CONFLICT (node_id) DO UPDATE SET heartbeat_at = greatest(s.heartbeat_at, excluded.heartbeat_at)
"""

# Those whose dead man's switch is due, and this silence has not been acted on.
SILENT_NODES = f"""
SELECT DISTINCT l.node_id FROM (SELECT {_LIMIT} FROM {_LIMITS_IN_FORCE} AND l.limit_type = 'DEAD_MAN') l
JOIN limits.standings s USING (node_id)
WHERE s.heartbeat_at IS NOT NULL AND s.silent_since IS DISTINCT FROM s.heartbeat_at
  AND s.heartbeat_at + make_interval(secs => l.value::double precision) < %(at)s
ORDER BY l.node_id LIMIT {_SILENT_AT_ONCE_MAX}
"""

NODE = f"SELECT {_NODE} FROM limits.nodes n WHERE n.node_id = %(node_id)s"
LOCK_NODE = f"{NODE} FOR NO KEY UPDATE"
# Subtrees by their roots, with what is above them where asked; all of the organisation without roots.
_BELOW = """(%(root_ids)s::uuid[] IS NULL OR n.path && %(root_ids)s::uuid[] OR (%(above)s AND n.node_id IN (
  SELECT unnest(root.path) FROM limits.nodes root WHERE root.node_id = ANY (%(root_ids)s))))"""
NODES = f"SELECT {_NODE} FROM limits.nodes n WHERE {_BELOW} ORDER BY n.name, n.node_id"
FIND_NODES = f"""
SELECT {_NODE} FROM limits.nodes n
WHERE {_BELOW} AND (%(told)s::text IS NULL OR lower(n.name) = lower(%(told)s)
                    OR starts_with(n.node_id::text, lower(%(told)s)))
ORDER BY cardinality(n.path), n.name, n.node_id
"""
_OF_NODES = "node_id = ANY (%(node_ids)s)"
NODES_OF = f"SELECT {_NODE} FROM limits.nodes n WHERE n.{_OF_NODES}"
LIMITS_OF = f"""
SELECT {_LIMIT} FROM {_LIMITS_IN_FORCE} AND l.{_OF_NODES} ORDER BY l.limit_type, l.instrument
"""
EXPOSURES_OF = f"SELECT {_EXPOSURE} FROM {_EXPOSURES} WHERE e.{_OF_NODES}"
STANDINGS_OF = f"SELECT {_STANDING} FROM limits.standings WHERE {_OF_NODES}"
NODE_LIMITS_EVER = f"""
SELECT {_LIMIT} FROM {_LIMITS_AS_SET}
WHERE l.node_id = %(node_id)s ORDER BY l.limit_type, l.instrument, l.valid_from NULLS FIRST
"""
LIMIT = f"""
SELECT {_LIMIT} FROM {_LIMITS_AS_SET}
WHERE l.limit_id = %(limit_id)s
"""
OVERRIDDEN = f"""
SELECT {_LIMIT}, n.name AS node_name
FROM {_LIMITS_AS_SET}
JOIN limits.nodes n USING (node_id)
WHERE l.limit_id = ANY (%(limit_ids)s)
"""
INSERT_LIMIT = """
INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, value, parameters, currency, action,
                           thresholds_pct, valid_from, valid_until, version, created_by)
VALUES (%(limit_id)s, %(tenant_id)s, %(node_id)s, %(limit_type)s, %(instrument)s, %(value)s, %(parameters)s,
        %(currency)s, %(action)s, %(thresholds_pct)s, %(valid_from)s, %(valid_until)s, %(version)s, %(changed_by)s)
"""
UPDATE_LIMIT = """
UPDATE limits.limits SET value = %(value)s, parameters = %(parameters)s, currency = %(currency)s, action = %(action)s,
  thresholds_pct = %(thresholds_pct)s, valid_from = %(valid_from)s, valid_until = %(valid_until)s,
  version = %(version)s, updated_at = now()
WHERE limit_id = %(limit_id)s
"""
DELETE_LIMIT = "DELETE FROM limits.limits WHERE limit_id = %(limit_id)s"
RECORD_LIMIT = """
INSERT INTO limits.limit_history (limit_id, version, tenant_id, node_id, limit_type, instrument, value, parameters,
  currency, action, thresholds_pct, valid_from, valid_until, is_deleted, changed_by, changed_at)
VALUES (%(limit_id)s, %(version)s, %(tenant_id)s, %(node_id)s, %(limit_type)s, %(instrument)s, %(value)s,
  %(parameters)s, %(currency)s, %(action)s, %(thresholds_pct)s, %(valid_from)s, %(valid_until)s, %(is_deleted)s,
  %(changed_by)s, %(at)s)
"""
LIMIT_HISTORY = """
SELECT limit_id, version, node_id, limit_type, instrument, value, parameters, currency, action, thresholds_pct,
  valid_from, valid_until, is_deleted, changed_by, changed_at
FROM limits.limit_history WHERE limit_id = %(limit_id)s ORDER BY version
"""
SET_STATE = """
UPDATE limits.nodes SET state = %(state)s, state_reason = %(reason)s, state_changed_by = %(changed_by)s,
  state_changed_at = %(at)s,
  cancel_requested_at = CASE WHEN %(cancels)s THEN %(at)s ELSE cancel_requested_at END
WHERE node_id = %(node_id)s
"""
ACCOUNTS_BELOW = """
SELECT account_id FROM limits.nodes WHERE path @> ARRAY[%(node_id)s::uuid] AND account_id IS NOT NULL
ORDER BY account_id
"""
OPEN_ORDERS = """
SELECT order_id, account_id, symbol FROM limits.reservations
WHERE state <> 'FINAL' AND is_of_order AND %(node_id)s = ANY (node_ids)
UNION ALL
SELECT order_id, account_id, symbol FROM trading.provisional_orders
WHERE booked_at IS NULL AND %(node_id)s = ANY (node_ids)
ORDER BY order_id
"""
BREACHES = """
SELECT event_id, topic, account_id, aggregate_id AS node_id, correlation_id, occurred_at_ns, payload
FROM trading.events
WHERE tenant_id = %(tenant_id)s AND topic LIKE 'limits.%%' AND topic = ANY (%(topics)s)
  AND (%(node_ids)s::uuid[] IS NULL OR aggregate_id = ANY (%(node_ids)s))
  AND (%(account_ids)s::uuid[] IS NULL OR account_id IS NULL OR account_id = ANY (%(account_ids)s))
  AND (%(before_ns)s::bigint IS NULL OR (occurred_at_ns, event_id) < (%(before_ns)s, %(before_id)s::uuid))
ORDER BY occurred_at_ns DESC, event_id DESC LIMIT %(limit)s
"""
RESERVATIONS = """
SELECT order_id, account_id, node_ids, symbol, venue, side, quantity, valuation_price, open_qty, cum_qty, cum_notional,
  state, created_at, updated_at
FROM limits.reservations
WHERE (order_id = %(order_id)s OR (%(order_id)s::uuid IS NULL AND state <> 'FINAL')) AND is_of_order
  AND (%(node_id)s::uuid IS NULL OR %(node_id)s = ANY (node_ids))
  AND (%(account_ids)s::uuid[] IS NULL OR account_id = ANY (%(account_ids)s))
  AND (%(before_at)s::timestamptz IS NULL OR (created_at, order_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY created_at DESC, order_id DESC LIMIT %(limit)s
"""

# A node that everything has moved away from keeps an exposure of nothing.
LEDGER_DIFFERENCES = """
WITH held AS (
  SELECT node_id, r.*, CASE side WHEN 'BUY' THEN 1 ELSE -1 END AS sign,
    limits.session_day(r.created_at, n.time_zone, n.session_start) AS created_day
  FROM limits.reservations r CROSS JOIN LATERAL unnest(r.node_ids) AS node_id JOIN limits.nodes n USING (node_id)),
derived AS (
  SELECT h.node_id, h.symbol, h.venue,
    sum(h.cum_qty * h.sign) AS filled_qty,
    coalesce(sum(h.open_qty) FILTER (WHERE h.side = 'BUY'), 0) AS open_buy_qty,
    coalesce(sum(h.open_qty) FILTER (WHERE h.side = 'SELL'), 0) AS open_sell_qty,
    coalesce(sum(h.order_count) FILTER (WHERE h.state <> 'FINAL'), 0) AS open_order_count,
    sum(h.open_qty * h.valuation_price) AS open_notional,
    coalesce(sum(h.open_qty * h.valuation_price) FILTER (WHERE h.side = 'BUY'), 0) AS open_buy_notional,
    coalesce(sum(h.cum_notional) FILTER (WHERE h.created_day >= e.session_date), 0) AS traded_least,
    sum(h.cum_notional) AS traded_most
  FROM held h LEFT JOIN limits.exposures e USING (node_id, symbol, venue) GROUP BY h.node_id, h.symbol, h.venue)
SELECT node_id, symbol, venue, to_jsonb(e) AS exposure, to_jsonb(d) AS derived
FROM limits.exposures e FULL JOIN derived d USING (node_id, symbol, venue)
WHERE (e.filled_qty, e.open_buy_qty, e.open_sell_qty, e.open_order_count, e.open_notional, e.open_buy_notional)
   IS DISTINCT FROM
      (coalesce(d.filled_qty, 0), coalesce(d.open_buy_qty, 0), coalesce(d.open_sell_qty, 0),
       coalesce(d.open_order_count, 0), coalesce(d.open_notional, 0), coalesce(d.open_buy_notional, 0))
   OR e.traded_notional NOT BETWEEN coalesce(d.traded_least, 0) AND coalesce(d.traded_most, 0)
"""
ORDER_DIFFERENCES = """
SELECT order_id, o.status, o.cum_qty AS order_cum_qty, r.state, r.cum_qty AS reservation_cum_qty, r.open_qty
FROM trading.orders o FULL JOIN (SELECT * FROM limits.reservations WHERE is_of_order) r USING (order_id)
WHERE o.order_id IS NULL
   OR (r.order_id IS NULL AND o.status <> 'REJECTED')
   OR o.cum_qty <> r.cum_qty
   OR o.cum_notional <> r.cum_notional
   OR (r.state = 'FINAL') <> (o.status IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'))
"""
