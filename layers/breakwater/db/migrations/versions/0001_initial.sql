-- A schema per owner: the owner writes, others read. Every table that belongs to a tenant has row-level security on
-- the transaction's setting breakwater.tenant_id; the engine's role sees all tenants, because a shard serves them all.
CREATE SCHEMA identity;
CREATE SCHEMA limits;
CREATE SCHEMA trading;
CREATE SCHEMA market;
CREATE SCHEMA alerts;

CREATE FUNCTION identity.current_tenant() RETURNS uuid LANGUAGE sql STABLE
  AS $$ SELECT nullif(current_setting('breakwater.tenant_id', true), '')::uuid $$;

-- identity ---------------------------------------------------------------------------------------------------------
CREATE TABLE identity.organisations (
  tenant_id   uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 120),
  created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE identity.users (
  user_id     uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  username    text NOT NULL UNIQUE,
  subject     text NOT NULL UNIQUE,            -- the issuer's `sub`
  email       text NOT NULL,
  role        text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE identity.accounts (
  account_id    uuid PRIMARY KEY,
  tenant_id     uuid NOT NULL REFERENCES identity.organisations,
  name          text NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('PAPER', 'LIVE')),
  base_currency text NOT NULL DEFAULT 'USDT',
  created_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, name)
);
CREATE TABLE identity.account_access (
  user_id     uuid NOT NULL REFERENCES identity.users,
  account_id  uuid NOT NULL REFERENCES identity.accounts,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  PRIMARY KEY (user_id, account_id)
);
CREATE TABLE identity.api_keys (
  key_id       text PRIMARY KEY,
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  user_id      uuid NOT NULL REFERENCES identity.users,
  name         text NOT NULL,
  salt         bytea NOT NULL,
  secret_hash  bytea NOT NULL,                 -- sha256(salt || secret): the secret is 256 random bits
  scopes       text[] NOT NULL,
  ip_allow     cidr[] NOT NULL DEFAULT '{}',
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,
  revoked_at   timestamptz
);
CREATE INDEX ON identity.api_keys (user_id);

-- limits -----------------------------------------------------------------------------------------------------------
CREATE TABLE limits.nodes (
  node_id          uuid PRIMARY KEY,
  tenant_id        uuid NOT NULL REFERENCES identity.organisations,
  parent_id        uuid REFERENCES limits.nodes,
  kind             text NOT NULL CHECK (kind IN ('FIRM', 'DESK', 'TRADER', 'ACCOUNT', 'STRATEGY', 'API_KEY')),
  name             text NOT NULL,
  account_id       uuid UNIQUE REFERENCES identity.accounts,   -- set on ACCOUNT nodes
  path             uuid[] NOT NULL,                            -- root first, this node last
  state            text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'REDUCE_ONLY', 'SUSPENDED', 'KILLED')),
  state_reason     text,
  state_changed_by text,
  state_changed_at timestamptz,
  CHECK (path[cardinality(path)] = node_id)
);
CREATE INDEX ON limits.nodes (tenant_id);
CREATE INDEX ON limits.nodes USING gin (path);
CREATE TABLE limits.limits (
  limit_id    uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  node_id     uuid NOT NULL REFERENCES limits.nodes,
  limit_type  text NOT NULL,
  instrument  text NOT NULL DEFAULT '*',       -- a symbol, or * for all
  value       numeric,                         -- in the type's unit; null where parameters say all
  parameters  jsonb NOT NULL DEFAULT '{}',
  version     integer NOT NULL DEFAULT 1,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (node_id, limit_type, instrument)
);
-- What one node has used and reserved in one symbol. F, B and S of the specification, and the notionals.
CREATE TABLE limits.exposures (
  node_id          uuid NOT NULL REFERENCES limits.nodes,
  symbol           text NOT NULL,
  tenant_id        uuid NOT NULL REFERENCES identity.organisations,
  filled_qty       numeric NOT NULL DEFAULT 0, -- F, signed
  open_buy_qty     numeric NOT NULL DEFAULT 0 CHECK (open_buy_qty >= 0),   -- B
  open_sell_qty    numeric NOT NULL DEFAULT 0 CHECK (open_sell_qty >= 0),  -- S
  open_order_count integer NOT NULL DEFAULT 0 CHECK (open_order_count >= 0),
  open_notional    numeric NOT NULL DEFAULT 0 CHECK (open_notional >= 0),  -- at each order's valuation price
  session_date     date NOT NULL,              -- the day traded_notional belongs to
  traded_notional  numeric NOT NULL DEFAULT 0 CHECK (traded_notional >= 0),
  PRIMARY KEY (node_id, symbol)
);
CREATE TABLE limits.reservations (
  order_id         uuid PRIMARY KEY,           -- the owner; a reservation is idempotent by it
  tenant_id        uuid NOT NULL REFERENCES identity.organisations,
  account_id       uuid NOT NULL,
  node_ids         uuid[] NOT NULL,            -- the ancestors as they were when it was held
  symbol           text NOT NULL,
  side             text NOT NULL CHECK (side IN ('BUY', 'SELL')),
  quantity         numeric NOT NULL CHECK (quantity > 0),
  valuation_price  numeric NOT NULL CHECK (valuation_price > 0),  -- the most one unit can trade at
  open_qty         numeric NOT NULL CHECK (open_qty >= 0),
  cum_qty          numeric NOT NULL DEFAULT 0,
  cum_notional     numeric NOT NULL DEFAULT 0,
  engine_seq       bigint NOT NULL DEFAULT 0,  -- the engine's word it stands on; an older word changes nothing
  state            text NOT NULL DEFAULT 'HELD' CHECK (state IN ('HELD', 'CONFIRMED', 'FINAL')),
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON limits.reservations (updated_at) WHERE state <> 'FINAL';

-- trading ----------------------------------------------------------------------------------------------------------
CREATE TABLE trading.orders (
  order_id        uuid PRIMARY KEY,
  tenant_id       uuid NOT NULL REFERENCES identity.organisations,
  account_id      uuid NOT NULL REFERENCES identity.accounts,
  client_order_id text NOT NULL CHECK (length(client_order_id) BETWEEN 1 AND 36),
  fingerprint     text NOT NULL,               -- of the request's body: the same id with another body is refused
  symbol          text NOT NULL,
  side            text NOT NULL,
  type            text NOT NULL,
  time_in_force   text NOT NULL,
  post_only       boolean NOT NULL,
  reduce_only     boolean NOT NULL,
  quantity        numeric NOT NULL,
  price           numeric,
  price_low       numeric,                     -- the band the reservation was valued for
  price_high      numeric,
  venue           text NOT NULL,
  status          text NOT NULL,
  cum_qty         numeric NOT NULL DEFAULT 0,
  leaves_qty      numeric NOT NULL,
  cum_notional    numeric NOT NULL DEFAULT 0,
  reject_code     text,
  reject_reason   text,
  refusals        jsonb,
  engine_seq      bigint NOT NULL DEFAULT 0,
  correlation_id  text NOT NULL,
  created_by      text NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  UNIQUE (account_id, client_order_id)
);
CREATE INDEX ON trading.orders (account_id, created_at DESC, order_id DESC);
CREATE INDEX ON trading.orders (tenant_id, created_at DESC, order_id DESC);
CREATE INDEX ON trading.orders (updated_at) WHERE status IN ('PENDING_NEW', 'UNKNOWN', 'PENDING_CANCEL');
CREATE TABLE trading.saga_steps (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id    uuid NOT NULL,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  step        text NOT NULL,
  outcome     text NOT NULL,                   -- DONE, REJECTED, UNAVAILABLE
  detail      text,
  started_at  timestamptz NOT NULL,
  finished_at timestamptz NOT NULL
);
CREATE INDEX ON trading.saga_steps (order_id, id);
CREATE TABLE trading.trades (
  trade_id       uuid PRIMARY KEY,
  tenant_id      uuid NOT NULL REFERENCES identity.organisations,
  account_id     uuid NOT NULL,
  order_id       uuid NOT NULL,
  symbol         text NOT NULL,
  side           text NOT NULL,
  last_qty       numeric NOT NULL CHECK (last_qty > 0),
  last_px        numeric NOT NULL CHECK (last_px > 0),
  liquidity      text NOT NULL,
  fee            numeric NOT NULL,
  fee_currency   text NOT NULL,
  realised_pnl   numeric NOT NULL,
  venue          text NOT NULL,
  engine_seq     bigint NOT NULL,
  transact_time  timestamptz NOT NULL
);
CREATE INDEX ON trading.trades (account_id, transact_time DESC, trade_id DESC);
CREATE INDEX ON trading.trades (tenant_id, transact_time DESC, trade_id DESC);
CREATE TABLE trading.positions (
  account_id    uuid NOT NULL,
  symbol        text NOT NULL,
  tenant_id     uuid NOT NULL REFERENCES identity.organisations,
  quantity      numeric NOT NULL DEFAULT 0,    -- signed
  average_price numeric NOT NULL DEFAULT 0,
  realised_pnl  numeric NOT NULL DEFAULT 0,
  fees          numeric NOT NULL DEFAULT 0,
  updated_at    timestamptz NOT NULL,
  PRIMARY KEY (account_id, symbol)
);
CREATE TABLE trading.balances (
  account_id uuid NOT NULL,
  asset      text NOT NULL,
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  total      numeric NOT NULL,
  PRIMARY KEY (account_id, asset)
);

-- The engine's journal: its state is a function of these rows alone.
CREATE TABLE trading.shard_leases (
  shard      smallint PRIMARY KEY,
  epoch      bigint NOT NULL,
  holder     text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE TABLE trading.journal (
  shard          smallint NOT NULL,
  seq            bigint NOT NULL,
  epoch          bigint NOT NULL,
  recorded_at_ns bigint NOT NULL,
  kind           text NOT NULL,
  payload        jsonb NOT NULL,
  PRIMARY KEY (shard, seq)
);

-- Events: appended in the transaction that caused them; the outbox says what is still to be published.
CREATE TABLE trading.events (
  event_id       uuid PRIMARY KEY,
  topic          text NOT NULL,
  tenant_id      uuid NOT NULL,
  account_id     uuid,
  aggregate_id   uuid NOT NULL,
  correlation_id text NOT NULL,
  occurred_at_ns bigint NOT NULL,
  payload        jsonb NOT NULL
);
CREATE TABLE trading.outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id   uuid NOT NULL REFERENCES trading.events,
  bucket     smallint NOT NULL CHECK (bucket BETWEEN 0 AND 3),   -- of the account: one relay worker each keeps the order
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON trading.outbox (bucket, id);
-- The gapless sequence a client catches up on. The relay assigns it, so that writers never queue for a counter.
CREATE TABLE trading.account_feed (
  account_id uuid NOT NULL,
  sequence   bigint NOT NULL,
  event_id   uuid NOT NULL UNIQUE REFERENCES trading.events,
  tenant_id  uuid NOT NULL,
  PRIMARY KEY (account_id, sequence)
);
CREATE TABLE trading.inbox (
  consumer     text NOT NULL,
  event_id     uuid NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
);

-- market -----------------------------------------------------------------------------------------------------------
CREATE TABLE market.instruments (
  symbol       text PRIMARY KEY,
  base_asset   text NOT NULL,
  quote_asset  text NOT NULL,
  tick_size    numeric NOT NULL CHECK (tick_size > 0),
  lot_size     numeric NOT NULL CHECK (lot_size > 0),
  notional_min numeric NOT NULL CHECK (notional_min >= 0),
  -- A fee of a thousandth of price times quantity must fit the 18 decimals an amount may have.
  CHECK (scale(tick_size) + scale(lot_size) <= 15)
);
INSERT INTO market.instruments VALUES
  ('BTC/USDT', 'BTC', 'USDT', 0.01, 0.00001, 5),
  ('ETH/USDT', 'ETH', 'USDT', 0.01, 0.0001, 5);
CREATE TABLE market.reference_prices (
  symbol      text PRIMARY KEY REFERENCES market.instruments,
  price       numeric NOT NULL CHECK (price > 0),
  best_bid    numeric NOT NULL,
  best_ask    numeric NOT NULL,
  observed_at timestamptz NOT NULL
);

-- alerts -----------------------------------------------------------------------------------------------------------
CREATE TABLE alerts.alerts (
  alert_id       uuid PRIMARY KEY,
  tenant_id      uuid NOT NULL REFERENCES identity.organisations,
  account_id     uuid,
  kind           text NOT NULL,
  severity       text NOT NULL CHECK (severity IN ('INFO', 'WARNING', 'ERROR', 'CRITICAL')),
  title          text NOT NULL,
  body           text NOT NULL,
  correlation_id text NOT NULL,
  created_at     timestamptz NOT NULL
);
CREATE INDEX ON alerts.alerts (tenant_id, created_at DESC, alert_id DESC);

-- roles and row-level security ---------------------------------------------------------------------------------------
-- The login roles exist before the first migration (services/provisioning makes them from their secrets).
GRANT USAGE ON SCHEMA identity, limits, trading, market, alerts TO breakwater_functions, breakwater_engine;
GRANT SELECT ON ALL TABLES IN SCHEMA identity, limits, trading, market, alerts TO breakwater_functions, breakwater_engine;
REVOKE ALL ON trading.journal, trading.shard_leases FROM breakwater_functions;
GRANT INSERT, UPDATE ON identity.organisations, identity.users, identity.accounts, identity.account_access, identity.api_keys,
  limits.nodes, limits.limits, limits.exposures, limits.reservations,
  trading.orders, trading.positions, trading.balances TO breakwater_functions;
GRANT INSERT ON trading.saga_steps, trading.trades, trading.events, trading.outbox, trading.inbox, alerts.alerts TO breakwater_functions;
GRANT DELETE ON limits.limits TO breakwater_functions;
GRANT INSERT ON trading.journal, trading.events, trading.outbox, trading.account_feed TO breakwater_engine;
GRANT INSERT, UPDATE ON trading.shard_leases, market.reference_prices TO breakwater_engine;
GRANT DELETE ON trading.outbox TO breakwater_engine;

DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT c.table_schema, c.table_name FROM information_schema.columns c
           JOIN information_schema.tables USING (table_schema, table_name)
           WHERE c.column_name = 'tenant_id' AND table_type = 'BASE TABLE'
             AND c.table_schema IN ('identity', 'limits', 'trading', 'alerts') LOOP
    EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', t.table_schema, t.table_name);
    EXECUTE format('CREATE POLICY tenant ON %I.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())',
                   t.table_schema, t.table_name);
    EXECUTE format('CREATE POLICY engine ON %I.%I TO breakwater_engine USING (true)', t.table_schema, t.table_name);
  END LOOP;
END $$;

-- The two questions that are asked before a tenant is known. They answer only what is needed, and to no one else.
CREATE FUNCTION identity.find_api_key(wanted text)
  RETURNS TABLE (tenant_id uuid, subject text, username text, role text, salt bytea, secret_hash bytea, scopes text[],
                 ip_allow cidr[], expires_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.tenant_id, u.subject, u.username, u.role, k.salt, k.secret_hash, k.scopes, k.ip_allow, k.expires_at
  FROM identity.api_keys k JOIN identity.users u USING (user_id)
  WHERE k.key_id = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) $$;
CREATE FUNCTION trading.unsettled_orders(older_than interval, at_most integer)
  RETURNS TABLE (tenant_id uuid, order_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT tenant_id, order_id FROM (
    SELECT tenant_id, order_id, updated_at FROM trading.orders WHERE status IN ('PENDING_NEW', 'UNKNOWN', 'PENDING_CANCEL')
    UNION
    SELECT r.tenant_id, r.order_id, r.updated_at FROM limits.reservations r JOIN trading.orders o USING (order_id)
    WHERE r.state <> 'FINAL' AND (r.state = 'HELD' OR o.status IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'))
  ) unsettled
  -- At random: orders that fail each time must not keep the others from their turn.
  WHERE updated_at < now() - older_than ORDER BY random() LIMIT at_most $$;
REVOKE ALL ON FUNCTION identity.find_api_key, trading.unsettled_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_api_key, trading.unsettled_orders TO breakwater_functions;
