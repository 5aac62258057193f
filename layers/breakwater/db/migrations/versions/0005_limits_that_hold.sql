ALTER TABLE market.instruments ADD COLUMN asset_class text NOT NULL DEFAULT 'SPOT';

-- A session begins at `session_start` of the node's local clock; its day is the day it begins on.
ALTER TABLE limits.nodes
  ADD COLUMN time_zone           text NOT NULL DEFAULT 'UTC',
  ADD COLUMN session_start       interval NOT NULL DEFAULT '0' CHECK (session_start >= '0' AND session_start < '24 hours'),
  ADD COLUMN api_key_id          text UNIQUE,
  ADD COLUMN cancel_requested_at timestamptz,  -- A limit has killed it: its open orders are still to be cancelled.
  ADD COLUMN created_at          timestamptz NOT NULL DEFAULT now();
CREATE INDEX ON limits.nodes (parent_id);
CREATE INDEX ON limits.nodes (cancel_requested_at) WHERE cancel_requested_at IS NOT NULL;
CREATE FUNCTION limits.session_day(at timestamptz, time_zone text, session_start interval) RETURNS date
  LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT ((at AT TIME ZONE time_zone) - session_start)::date $$;

-- Of one node, type and instrument there may be several limits, but at each moment one: the service keeps them apart
-- under the node's lock.
ALTER TABLE limits.limits
  DROP CONSTRAINT limits_node_id_limit_type_instrument_key,
  ADD COLUMN currency       text NOT NULL DEFAULT 'USDT',
  ADD COLUMN action         text NOT NULL DEFAULT 'REJECT'
    CHECK (action IN ('WARN', 'REJECT', 'REDUCE_ONLY', 'SUSPEND', 'KILL')),
  ADD COLUMN thresholds_pct smallint[] NOT NULL DEFAULT '{70,90}',
  ADD COLUMN valid_from     timestamptz,       -- null: since ever
  ADD COLUMN valid_until    timestamptz,       -- null: for ever; it does not hold at this moment any more
  ADD CHECK (valid_from < valid_until);
CREATE INDEX ON limits.limits (node_id, limit_type, instrument);
-- Every state a limit ever had; written with the change, and never changed.
CREATE TABLE limits.limit_history (
  limit_id       uuid NOT NULL,
  version        integer NOT NULL,
  tenant_id      uuid NOT NULL REFERENCES identity.organisations,
  node_id        uuid NOT NULL,
  limit_type     text NOT NULL,
  instrument     text NOT NULL,
  value          numeric,
  parameters     jsonb NOT NULL,
  currency       text NOT NULL,
  action         text NOT NULL,
  thresholds_pct smallint[] NOT NULL,
  valid_from     timestamptz,
  valid_until    timestamptz,
  is_deleted     boolean NOT NULL,
  changed_by     text NOT NULL,
  changed_at     timestamptz NOT NULL,
  PRIMARY KEY (limit_id, version)
);
CREATE INDEX ON limits.limit_history (node_id, changed_at DESC);
INSERT INTO limits.limit_history
SELECT limit_id, version, tenant_id, node_id, limit_type, instrument, value, parameters, currency, action, thresholds_pct,
       valid_from, valid_until, false, created_by, updated_at
FROM limits.limits;
-- Another value for a while. It counts once somebody else has approved it, and ends by itself.
CREATE TABLE limits.overrides (
  override_id  uuid PRIMARY KEY,
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  limit_id     uuid NOT NULL,
  value        numeric NOT NULL CHECK (value >= 0),
  starts_at    timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  reason       text NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  approved_by  text,
  approved_at  timestamptz,
  ended_by     text,                           -- who ended it before its time; null: its time did
  ended_at     timestamptz,                    -- when its end was told
  CHECK (ends_at > starts_at),
  CHECK (approved_by <> requested_by)
);
CREATE INDEX ON limits.overrides (limit_id) WHERE ended_at IS NULL;

-- Exposures by venue, made anew from the reservations behind them.
ALTER TABLE limits.reservations
  ADD COLUMN venue        text NOT NULL DEFAULT 'SIM',
  ADD COLUMN is_automated boolean NOT NULL DEFAULT false;   -- sent by a key, not by a person
UPDATE limits.reservations r SET venue = o.venue FROM trading.orders o WHERE o.order_id = r.order_id;
ALTER TABLE limits.reservations ALTER COLUMN venue DROP DEFAULT, ALTER COLUMN is_automated DROP DEFAULT;
CREATE TEMPORARY TABLE turnover_of_today ON COMMIT DROP AS
  SELECT node_id, symbol, traded_notional FROM limits.exposures WHERE session_date >= (now() AT TIME ZONE 'UTC')::date;
DELETE FROM limits.exposures;
ALTER TABLE limits.exposures
  DROP CONSTRAINT exposures_pkey,
  ADD COLUMN venue               text NOT NULL,
  ADD COLUMN open_buy_notional   numeric NOT NULL DEFAULT 0 CHECK (open_buy_notional >= 0),
  ADD COLUMN session_order_count integer NOT NULL DEFAULT 0 CHECK (session_order_count >= 0),
  ADD PRIMARY KEY (node_id, symbol, venue);
INSERT INTO limits.exposures
  (node_id, symbol, venue, tenant_id, filled_qty, open_buy_qty, open_sell_qty, open_order_count, open_notional,
   open_buy_notional, session_date, traded_notional, session_order_count)
SELECT node_id, symbol, venue, tenant_id,
  sum(cum_qty * CASE side WHEN 'BUY' THEN 1 ELSE -1 END),
  coalesce(sum(open_qty) FILTER (WHERE side = 'BUY'), 0),
  coalesce(sum(open_qty) FILTER (WHERE side = 'SELL'), 0),
  count(*) FILTER (WHERE state <> 'FINAL'),
  sum(open_qty * valuation_price),
  coalesce(sum(open_qty * valuation_price) FILTER (WHERE side = 'BUY'), 0),
  (now() AT TIME ZONE 'UTC')::date,
  coalesce(sum(cum_notional) FILTER (WHERE (created_at AT TIME ZONE 'UTC')::date = (now() AT TIME ZONE 'UTC')::date), 0),
  count(*) FILTER (WHERE (created_at AT TIME ZONE 'UTC')::date = (now() AT TIME ZONE 'UTC')::date)
FROM limits.reservations, unnest(node_ids) AS node_id GROUP BY node_id, symbol, venue, tenant_id;
-- What orders from before today have filled today no reservation tells. It is what is lacking of the turnover that was
-- counted, and given to the venues where such orders were.
WITH lacking AS (
  SELECT node_id, symbol, t.traded_notional - sum(e.traded_notional) AS notional
  FROM turnover_of_today t JOIN limits.exposures e USING (node_id, symbol)
  GROUP BY node_id, symbol, t.traded_notional),
older AS (
  SELECT node_id, symbol, venue, sum(cum_notional) AS most,
    sum(sum(cum_notional)) OVER (PARTITION BY node_id, symbol ORDER BY venue DESC) AS most_so_far
  FROM limits.reservations, unnest(node_ids) AS node_id
  WHERE (created_at AT TIME ZONE 'UTC')::date < (now() AT TIME ZONE 'UTC')::date
    AND (updated_at AT TIME ZONE 'UTC')::date >= (now() AT TIME ZONE 'UTC')::date
  GROUP BY node_id, symbol, venue)
UPDATE limits.exposures e
SET traded_notional = e.traded_notional + greatest(least(o.most, l.notional - (o.most_so_far - o.most)), 0)
FROM lacking l JOIN older o USING (node_id, symbol)
WHERE e.node_id = l.node_id AND e.symbol = l.symbol AND e.venue = o.venue;

-- What happened at a node in a second, for limits that look back over a window. Only nodes with such a limit have rows.
CREATE TABLE limits.activity (
  node_id              uuid NOT NULL REFERENCES limits.nodes,
  at                   timestamptz NOT NULL,   -- a whole second
  symbol               text NOT NULL,
  venue                text NOT NULL,
  tenant_id            uuid NOT NULL REFERENCES identity.organisations,
  new_count            integer NOT NULL DEFAULT 0,
  replace_count        integer NOT NULL DEFAULT 0,
  cancel_count         integer NOT NULL DEFAULT 0,
  fill_count           integer NOT NULL DEFAULT 0,
  automated_fill_count integer NOT NULL DEFAULT 0,
  traded_notional      numeric NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, at, symbol, venue)
);
CREATE INDEX ON limits.activity (at);
-- How a node has fared. Profit and loss as last observed, in the base currency; see domain/exposure.py.
CREATE TABLE limits.standings (
  node_id        uuid PRIMARY KEY REFERENCES limits.nodes,
  tenant_id      uuid NOT NULL REFERENCES identity.organisations,
  reject_streak  integer NOT NULL DEFAULT 0,
  loss_streak    integer NOT NULL DEFAULT 0,
  cool_until     timestamptz,
  rearmed_at     timestamptz,
  pnl            numeric,
  pnl_open       numeric NOT NULL DEFAULT 0,
  pnl_peak       numeric NOT NULL DEFAULT 0,
  pnl_close_peak numeric NOT NULL DEFAULT 0,
  session_date   date,
  observed_at    timestamptz,
  heartbeat_at   timestamptz
);
-- What the firm says of an instrument; see domain/market.py.
CREATE TABLE limits.risk_terms (
  tenant_id         uuid NOT NULL REFERENCES identity.organisations,
  symbol            text NOT NULL REFERENCES market.instruments,
  average_daily_qty numeric CHECK (average_daily_qty > 0),
  initial_margin    numeric CHECK (initial_margin > 0),
  sector            text,
  daily_volatility  numeric CHECK (daily_volatility >= 0),
  as_of             date,
  updated_by        text NOT NULL,
  PRIMARY KEY (tenant_id, symbol)
);

-- Where the round trip under way began: realised less fees when the position was last flat. Of positions from before
-- it is not known, so their trip counts from here.
ALTER TABLE trading.positions ADD COLUMN flat_pnl numeric NOT NULL DEFAULT 0;
UPDATE trading.positions SET flat_pnl = realised_pnl - fees;

ALTER TABLE trading.orders
  ADD COLUMN strategy_id uuid,
  ADD COLUMN located     boolean NOT NULL DEFAULT false,
  ADD COLUMN self_trade  text;                 -- what the core does where it would meet the firm's own; null: by default
-- Breaches and changes of state, newest first.
CREATE INDEX ON trading.events (tenant_id, occurred_at_ns DESC) WHERE topic LIKE 'limits.%';

GRANT INSERT, UPDATE ON limits.overrides, limits.activity, limits.standings, limits.risk_terms TO breakwater_functions;
GRANT INSERT ON limits.limit_history TO breakwater_functions;
GRANT SELECT ON limits.limit_history, limits.overrides, limits.activity, limits.standings, limits.risk_terms
  TO breakwater_functions;
GRANT DELETE ON limits.activity, limits.nodes, limits.risk_terms, limits.standings TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['limit_history', 'overrides', 'activity', 'standings', 'risk_terms'] LOOP
    EXECUTE format('ALTER TABLE limits.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON limits.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
