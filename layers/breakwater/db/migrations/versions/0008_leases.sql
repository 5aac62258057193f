-- A lease stands in the ledger as two reservations, one of each side, for what none of its orders has taken yet. They
-- belong to the lease and not to an order; the buying one also holds the number of orders. Orders of a lease have
-- reservations of their own, which tell whose they are.
ALTER TABLE limits.reservations
  ADD COLUMN lease_id    uuid,
  ADD COLUMN is_of_order boolean NOT NULL DEFAULT true,
  ADD COLUMN order_count integer NOT NULL DEFAULT 1 CHECK (order_count >= 0),
  DROP CONSTRAINT reservations_quantity_check,
  ADD CHECK (quantity > 0 OR NOT is_of_order),
  ADD CHECK (is_of_order OR lease_id IS NOT NULL);
CREATE INDEX ON limits.reservations (lease_id) WHERE lease_id IS NOT NULL AND state <> 'FINAL';

-- Quantities in base units. What is granted, filled and open counts all orders of the lease there ever were, so a row
-- never goes: an answer from a first life would be taken for one to the second.
CREATE TABLE limits.leases (
  lease_id         uuid PRIMARY KEY,
  tenant_id        uuid NOT NULL REFERENCES identity.organisations,
  account_id       uuid NOT NULL REFERENCES identity.accounts,
  symbol           text NOT NULL REFERENCES market.instruments,
  venue            text NOT NULL,
  strategy_id      uuid,                       -- the strategy and the API key whose orders it is for: limits of these
  api_key_id       text,                       -- nodes were asked; null: orders that name none
  state            text NOT NULL CHECK (state IN ('OPEN', 'STOPPED')),
  state_reason     text NOT NULL,
  changed_by       text NOT NULL,
  buy_max          numeric NOT NULL CHECK (buy_max >= 0),      -- free for orders at a time, at most
  sell_max         numeric NOT NULL CHECK (sell_max >= 0),
  orders_wanted    integer NOT NULL CHECK (orders_wanted >= 0),
  buy_size         numeric NOT NULL,                           -- what is asked for at a time now: it follows the use
  sell_size        numeric NOT NULL,
  -- The newest terms the engine was asked to take, and the newest version that it has answered.
  version          bigint NOT NULL,
  answered_version bigint NOT NULL DEFAULT 0 CHECK (answered_version <= version),
  buy_granted      numeric NOT NULL,
  sell_granted     numeric NOT NULL,
  price_low        numeric NOT NULL,
  price_high       numeric NOT NULL,
  orders_max       integer NOT NULL,
  order_qty_max    numeric NOT NULL,
  self_trade       text,
  expires_at       timestamptz,                                -- null: it is stopped
  -- The most of each term that the engine may go by.
  buy_held         numeric NOT NULL DEFAULT 0,
  sell_held        numeric NOT NULL DEFAULT 0,
  price_held       numeric NOT NULL CHECK (price_held > 0),
  orders_held      integer NOT NULL DEFAULT 0,
  -- What its orders have filled and have open together, and have filled, as the ledger has heard.
  buy_taken        numeric NOT NULL DEFAULT 0,
  sell_taken       numeric NOT NULL DEFAULT 0,
  buy_filled       numeric NOT NULL DEFAULT 0,
  sell_filled      numeric NOT NULL DEFAULT 0,
  live_orders      integer NOT NULL DEFAULT 0 CHECK (live_orders >= 0),
  -- What they have, as the engine said last.
  buy_used         numeric NOT NULL DEFAULT 0,
  sell_used        numeric NOT NULL DEFAULT 0,
  asked_at         timestamptz NOT NULL,
  created_at       timestamptz NOT NULL,
  UNIQUE (account_id, symbol)
);
CREATE INDEX ON limits.leases (tenant_id) WHERE state = 'OPEN' OR answered_version < version;
ALTER TABLE limits.leases ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON limits.leases TO breakwater_functions USING (tenant_id = identity.current_tenant());
GRANT SELECT, INSERT, UPDATE ON limits.leases TO breakwater_functions;
ALTER TABLE trading.orders ADD COLUMN is_leased boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION limits.tenants_to_watch(at timestamptz, at_most integer) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT tenant_id FROM (
    SELECT l.tenant_id FROM limits.limits l WHERE l.limit_type IN ('DAILY_LOSS', 'DRAWDOWN', 'DEAD_MAN')
    UNION ALL SELECT n.tenant_id FROM limits.nodes n WHERE n.cancel_requested_at IS NOT NULL
    UNION ALL SELECT o.tenant_id FROM limits.overrides o WHERE o.ended_at IS NULL AND o.ends_at <= at
    UNION ALL SELECT s.tenant_id FROM limits.leases s WHERE s.state = 'OPEN' OR s.answered_version < s.version
      OR s.buy_held > s.buy_taken OR s.sell_held > s.sell_taken OR s.orders_held > s.live_orders
  ) wanted LIMIT at_most $$;
