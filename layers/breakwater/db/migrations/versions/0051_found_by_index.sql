-- What the other orders that exit from this one have traded and may still trade. Under row security the index on what
-- they exit from is not used: ->> is not leakproof. So it is asked as the table's owner, and the tenant is compared here.
CREATE FUNCTION trading.exits_qty(entry uuid, but uuid) RETURNS numeric
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT coalesce(sum(CASE WHEN status IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED') THEN cum_qty ELSE quantity END), 0)
  FROM trading.orders
  WHERE execution ->> 'after' = entry::text AND order_id <> but AND tenant_id = identity.current_tenant() $$;
REVOKE ALL ON FUNCTION trading.exits_qty FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trading.exits_qty TO breakwater_functions;

-- What-if asks for the last of each instrument before a day, however long ago that was.
CREATE INDEX ON trading.events (tenant_id, occurred_at_ns) WHERE topic = 'limits.RiskTermsChanged.v1';
