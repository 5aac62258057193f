-- What happened to an order is asked for by its id: its own events and its children's are of that aggregate,
CREATE INDEX ON trading.events (aggregate_id);
-- and what a limit said of it is of the limit's node.
CREATE INDEX ON trading.events ((payload ->> 'order_id')) WHERE topic = 'limits.LimitBreached.v1';

-- With the owner's rights, because behind row security no index over a document's members is used. Of the tenant's own.
CREATE FUNCTION trading.breaches_of_order(wanted uuid) RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT event_id FROM trading.events
  WHERE topic = 'limits.LimitBreached.v1' AND payload ->> 'order_id' = wanted::text
    AND tenant_id = identity.current_tenant() $$;
REVOKE ALL ON FUNCTION trading.breaches_of_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trading.breaches_of_order TO breakwater_functions;

-- Those that may still trade are asked for again and again, of accounts that have ended millions.
CREATE INDEX ON trading.orders (account_id, created_at DESC, order_id DESC)
  WHERE status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED');
