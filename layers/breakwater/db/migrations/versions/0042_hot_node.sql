-- What an order does while it has a hot node locked, in less of the server's time (docs/decisions/0127).

-- Each check is read from its text and prepared anew by every statement that writes: one that says the same costs a third.
ALTER TABLE limits.exposures
  DROP CONSTRAINT exposures_open_buy_notional_check,
  DROP CONSTRAINT exposures_open_buy_qty_check,
  DROP CONSTRAINT exposures_open_notional_check,
  DROP CONSTRAINT exposures_open_order_count_check,
  DROP CONSTRAINT exposures_open_sell_qty_check,
  DROP CONSTRAINT exposures_session_order_count_check,
  DROP CONSTRAINT exposures_traded_notional_check,
  ADD CONSTRAINT exposures_never_below_zero CHECK (
    least(open_buy_qty, open_sell_qty, open_notional, open_buy_notional, traded_notional) >= 0
    AND least(open_order_count, session_order_count) >= 0);
ALTER TABLE limits.reservations
  DROP CONSTRAINT reservations_asked_quantity_check,
  DROP CONSTRAINT reservations_asked_valuation_price_check,
  DROP CONSTRAINT reservations_check,
  DROP CONSTRAINT reservations_check1,
  DROP CONSTRAINT reservations_open_qty_check,
  DROP CONSTRAINT reservations_order_count_check,
  DROP CONSTRAINT reservations_replace_check,
  DROP CONSTRAINT reservations_replace_no_check,
  DROP CONSTRAINT reservations_valuation_price_check,
  ADD CONSTRAINT reservations_amounts CHECK (
    least(open_qty, order_count) >= 0 AND valuation_price > 0
    AND CASE WHEN is_of_order THEN quantity > 0 ELSE lease_id IS NOT NULL END
    -- least() passes over what is null: a replace has all five or none.
    AND CASE num_nulls(replace_no, kept_quantity, kept_valuation_price, asked_quantity, asked_valuation_price)
        WHEN 5 THEN true WHEN 0 THEN least(replace_no, asked_quantity, asked_valuation_price) > 0 ELSE false END);

CREATE OR REPLACE FUNCTION limits.ledger_enter(wanted_order uuid, wanted_account uuid, wanted_strategy uuid, wanted_key text,
                                    wanted_symbol text, at timestamptz, unbooked_since_min_ns bigint,
                                    gate_class integer, gate text, queue_class integer)
  RETURNS TABLE (
    ledger_mode text, ledger_since timestamptz, unbooked_since_ns bigint,
    account_path uuid[], strategy_path uuid[], key_path uuid[],
    quoted_symbol text, base_asset text, quote_asset text, tick_size numeric, lot_size numeric, notional_min numeric,
    asset_class text, reference numeric, quoted_at timestamptz,
    node_id uuid, parent_id uuid, kind text, name text, account_id uuid, path uuid[], state text, state_reason text,
    session_day date, time_zone text, session_start interval, limits_version uuid,
    is_held boolean,
    reject_streak integer, loss_streak integer, cool_until timestamptz, rearmed_at timestamptz, pnl numeric,
    pnl_open numeric, pnl_peak numeric, pnl_close_peak numeric, pnl_observed_at timestamptz, heartbeat_at timestamptz,
    exposed_node_id uuid, symbol text, venue text, exposed_asset_class text, exposed_quote_asset text,
    filled_qty numeric, open_buy_qty numeric, open_sell_qty numeric, open_order_count integer, open_notional numeric,
    open_buy_notional numeric, session_date date, traded_notional numeric, session_order_count integer)
  -- Planned once for each connection: to plan takes longer than to run.
  LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  way uuid[];
BEGIN
  -- Told before anything is locked: who waits for these nodes shall not wait for a statement that says it. The caller sees
  -- to it that the disk has what was committed before anybody is told.
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_xact_lock_shared(gate_class, hashtext(gate));
  SELECT m.mode, m.since INTO ledger_mode, ledger_since FROM trading.degraded_modes m
  WHERE m.tenant_id = gate::uuid AND m.kind = 'LEDGER';
  unbooked_since_ns := trading.unbooked_since_ns(wanted_account);
  SELECT a.path, s.path, k.path, i.symbol, i.base_asset, i.quote_asset, i.tick_size, i.lot_size, i.notional_min,
    i.asset_class, r.price, r.observed_at
  INTO account_path, strategy_path, key_path, quoted_symbol, base_asset, quote_asset, tick_size, lot_size,
    notional_min, asset_class, reference, quoted_at
  FROM (SELECT) always
  LEFT JOIN limits.nodes a ON a.account_id = wanted_account
  LEFT JOIN limits.nodes s ON s.node_id = wanted_strategy AND s.kind = 'STRATEGY' AND s.path @> ARRAY[a.node_id]
  LEFT JOIN limits.nodes k ON k.api_key_id = wanted_key
  LEFT JOIN (market.instruments i LEFT JOIN market.reference_prices r USING (symbol)) ON i.symbol = wanted_symbol;
  RETURN NEXT;
  IF ledger_mode <> 'NORMAL' OR unbooked_since_ns < unbooked_since_min_ns THEN
    RETURN;
  END IF;
  way := coalesce(key_path, strategy_path, account_path);
  -- Only a queue, and only of orders: one that is let go wakes the next alone, where a row's lock wakes two. The rows
  -- are what everybody locks.
  PERFORM pg_advisory_xact_lock(queue_class, hashtext(way[1]::text));
  PERFORM FROM limits.nodes n WHERE n.node_id = ANY (way) ORDER BY n.node_id FOR NO KEY UPDATE;
  RETURN QUERY
  SELECT NULL::text, NULL::timestamptz, NULL::bigint, NULL::uuid[], NULL::uuid[], NULL::uuid[], NULL::text, NULL::text,
    NULL::text, NULL::numeric, NULL::numeric, NULL::numeric, NULL::text, NULL::numeric, NULL::timestamptz,
    n.node_id, n.parent_id, n.kind, n.name, n.account_id, n.path, n.state, n.state_reason,
    limits.session_day(at, n.time_zone, n.session_start), n.time_zone, n.session_start, n.limits_version,
    EXISTS (SELECT FROM limits.reservations v WHERE v.order_id = wanted_order),
    s.reject_streak, s.loss_streak, s.cool_until, s.rearmed_at, s.pnl, s.pnl_open, s.pnl_peak, s.pnl_close_peak,
    s.observed_at, s.heartbeat_at,
    e.node_id, e.symbol, e.venue, i.asset_class, i.quote_asset, e.filled_qty, e.open_buy_qty, e.open_sell_qty,
    e.open_order_count, e.open_notional, e.open_buy_notional, e.session_date, e.traded_notional, e.session_order_count
  FROM limits.nodes n
  LEFT JOIN limits.standings s ON s.node_id = n.node_id
  LEFT JOIN (limits.exposures e JOIN market.instruments i USING (symbol)) ON e.node_id = n.node_id
  WHERE n.node_id = ANY (way);
END $$;
