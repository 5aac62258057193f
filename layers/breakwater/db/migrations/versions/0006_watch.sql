-- The heartbeat after which the silence was too long, so that each silence cancels once.
ALTER TABLE limits.standings ADD COLUMN silent_since timestamptz;

-- Fills that the platform did not originate: at a venue by hand, or by its liquidation.
ALTER TABLE trading.orders ADD COLUMN is_external boolean NOT NULL DEFAULT false;
ALTER TABLE trading.trades ADD COLUMN is_external boolean NOT NULL DEFAULT false;

-- Asked before a tenant is known, several times a second: whose limits, nodes and overrides want looking at now.
CREATE INDEX ON limits.limits (tenant_id) WHERE limit_type IN ('DAILY_LOSS', 'DRAWDOWN', 'DEAD_MAN');
CREATE INDEX ON limits.overrides (ends_at) WHERE ended_at IS NULL;
CREATE FUNCTION limits.tenants_to_watch(at timestamptz, at_most integer) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT tenant_id FROM (
    SELECT l.tenant_id FROM limits.limits l WHERE l.limit_type IN ('DAILY_LOSS', 'DRAWDOWN', 'DEAD_MAN')
    UNION ALL SELECT n.tenant_id FROM limits.nodes n WHERE n.cancel_requested_at IS NOT NULL
    UNION ALL SELECT o.tenant_id FROM limits.overrides o WHERE o.ended_at IS NULL AND o.ends_at <= at
  ) wanted LIMIT at_most $$;
-- Windows look back a day at most.
CREATE FUNCTION limits.forget_activity(before timestamptz, at_most integer) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH old AS (SELECT ctid FROM limits.activity WHERE at < before LIMIT at_most),
  gone AS (DELETE FROM limits.activity a USING old WHERE a.ctid = old.ctid RETURNING 1)
  SELECT count(*) FROM gone $$;
REVOKE ALL ON FUNCTION limits.tenants_to_watch, limits.forget_activity FROM PUBLIC;
GRANT UPDATE (is_external) ON trading.trades TO breakwater_functions;
GRANT EXECUTE ON FUNCTION limits.tenants_to_watch, limits.forget_activity TO breakwater_functions;
