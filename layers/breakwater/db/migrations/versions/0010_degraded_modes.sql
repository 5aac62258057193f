-- Both tables stand beside the orders, not in the ledger's schema: they are for when the ledger does not answer.
-- One row for each kind an organisation ever came to. NORMAL with `since` and `failed_at`: reserving fails since then, and
-- it is not known yet whether that is a silence.
CREATE TABLE trading.degraded_modes (
  tenant_id uuid NOT NULL REFERENCES identity.organisations,
  kind      text NOT NULL CHECK (kind IN ('LEDGER', 'POSITIONS')),
  mode      text NOT NULL CHECK (mode IN ('NORMAL', 'CACHED', 'EMERGENCY', 'CLOSED', 'STALE')),
  since     timestamptz NOT NULL,
  failed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, kind)
);
CREATE INDEX ON trading.degraded_modes (tenant_id) WHERE mode <> 'NORMAL';

-- Orders that were judged without the nodes' locks, until the ledger has booked them; the rows stay, as the flag.
CREATE TABLE trading.provisional_orders (
  order_id        uuid PRIMARY KEY REFERENCES trading.orders,
  tenant_id       uuid NOT NULL REFERENCES identity.organisations,
  account_id      uuid NOT NULL,
  node_ids        uuid[] NOT NULL,
  symbol          text NOT NULL,
  venue           text NOT NULL,
  is_automated    boolean NOT NULL,
  side            text NOT NULL CHECK (side IN ('BUY', 'SELL')),
  quantity        numeric NOT NULL CHECK (quantity > 0),
  valuation_price numeric NOT NULL CHECK (valuation_price > 0),
  mode            text NOT NULL CHECK (mode IN ('CACHED', 'EMERGENCY')),
  created_at      timestamptz NOT NULL,
  booked_at       timestamptz
);
CREATE INDEX ON trading.provisional_orders (tenant_id) WHERE booked_at IS NULL;
CREATE INDEX ON trading.provisional_orders (tenant_id, created_at);

-- When the oldest fill of the account happened that the projections have not booked; null when they have booked all. An
-- account's events come to them in their order, so nothing that is not booked is older than the newest booked fill.
-- A function, because row-level security keeps the planner from the second column of the index; it is asked for each order.
CREATE INDEX ON trading.events (account_id, occurred_at_ns) WHERE topic = 'trades.TradeExecuted.v1';
CREATE FUNCTION trading.unbooked_since_ns(wanted uuid) RETURNS bigint
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  booked_ns bigint;
  oldest_ns bigint;
BEGIN
  SELECT extract(epoch FROM t.transact_time) * 1000000000 INTO booked_ns FROM trading.trades t
  WHERE t.account_id = wanted AND t.tenant_id = identity.current_tenant() AND NOT t.is_external
  ORDER BY t.transact_time DESC LIMIT 1;
  -- A count and not NOT EXISTS: that would be planned as a join with all that was ever projected.
  SELECT e.occurred_at_ns INTO oldest_ns FROM trading.events e
  WHERE e.account_id = wanted AND e.topic = 'trades.TradeExecuted.v1' AND e.tenant_id = identity.current_tenant()
    AND e.occurred_at_ns >= coalesce(booked_ns, 0)
    AND (SELECT count(*) FROM trading.inbox i WHERE i.consumer = 'projections' AND i.event_id = e.event_id) = 0
  ORDER BY e.occurred_at_ns LIMIT 1;
  RETURN oldest_ns;
END $$;

GRANT SELECT, INSERT, UPDATE ON trading.degraded_modes, trading.provisional_orders TO breakwater_functions;
ALTER TABLE trading.degraded_modes ENABLE ROW LEVEL SECURITY;
ALTER TABLE trading.provisional_orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON trading.degraded_modes TO breakwater_functions USING (tenant_id = identity.current_tenant());
CREATE POLICY tenant ON trading.provisional_orders TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- Asked before a tenant is known: whose modes are to be moved on, or ended.
CREATE FUNCTION trading.degraded_tenants(at_most integer) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT m.tenant_id FROM trading.degraded_modes m WHERE m.mode <> 'NORMAL' LIMIT at_most $$;
REVOKE ALL ON FUNCTION trading.degraded_tenants, trading.unbooked_since_ns FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trading.degraded_tenants, trading.unbooked_since_ns TO breakwater_functions;
