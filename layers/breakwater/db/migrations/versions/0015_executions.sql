-- How the router works an order; null for an order of any other venue.
ALTER TABLE trading.orders ADD COLUMN execution jsonb;
INSERT INTO market.venues (name, exchange, is_enabled) VALUES ('SOR', 'router', true)
  ON CONFLICT (name) DO UPDATE SET exchange = excluded.exchange, is_enabled = true, changed_at = now();

-- What the router made of an order. Nothing here counts against a limit: the order itself does.
CREATE TABLE trading.child_orders (
  order_id        uuid PRIMARY KEY,
  tenant_id       uuid NOT NULL REFERENCES identity.organisations,
  parent_order_id uuid NOT NULL REFERENCES trading.orders,
  venue           text NOT NULL,
  side            text NOT NULL,
  type            text NOT NULL,
  time_in_force   text NOT NULL,
  quantity        numeric NOT NULL,
  price           numeric,
  status          text NOT NULL,
  cum_qty         numeric NOT NULL,
  leaves_qty      numeric NOT NULL,
  cum_notional    numeric NOT NULL,
  reject_code     text,
  reject_reason   text,
  engine_seq      bigint NOT NULL,
  transact_time   timestamptz NOT NULL
);
CREATE INDEX ON trading.child_orders (parent_order_id, transact_time DESC, order_id DESC);
CREATE TABLE trading.child_trades (
  trade_id        uuid PRIMARY KEY,
  tenant_id       uuid NOT NULL REFERENCES identity.organisations,
  order_id        uuid NOT NULL,
  parent_order_id uuid NOT NULL REFERENCES trading.orders,
  venue           text NOT NULL,
  last_qty        numeric NOT NULL CHECK (last_qty > 0),
  last_px         numeric NOT NULL CHECK (last_px > 0),
  liquidity       text NOT NULL,
  fee             numeric NOT NULL,
  fee_currency    text NOT NULL,
  transact_time   timestamptz NOT NULL
);
CREATE INDEX ON trading.child_trades (parent_order_id);
-- What the market was when the router began, and what it had been when the order ended; null while that is not known.
CREATE TABLE trading.executions (
  order_id        uuid PRIMARY KEY REFERENCES trading.orders,
  tenant_id       uuid NOT NULL REFERENCES identity.organisations,
  algorithm       text NOT NULL,
  venues          text[] NOT NULL,
  began_at        timestamptz NOT NULL,
  arrival_px      numeric,
  arrival_cost_px numeric,
  ended_at        timestamptz,
  vwap_px         numeric,
  vwap_since      timestamptz
);

GRANT SELECT, INSERT, UPDATE ON trading.child_orders, trading.executions TO breakwater_functions;
GRANT SELECT, INSERT ON trading.child_trades TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['child_orders', 'child_trades', 'executions'] LOOP
    EXECUTE format('ALTER TABLE trading.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON trading.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
