-- In the order in which orders lock them: the change below tells each node of its limit that it is another one.
SELECT FROM limits.nodes WHERE node_id IN (
  SELECT node_id FROM limits.limits WHERE limit_type IN ('DAILY_LOSS', 'DRAWDOWN') AND currency <> 'USDT')
ORDER BY node_id FOR NO KEY UPDATE;
-- A limit on losses could be set in any currency, and held as so much of the base currency whatever it said. It says so
-- from now on, in a version of its own; what was asked for stays in the history.
WITH changed AS (
  UPDATE limits.limits SET currency = 'USDT', version = version + 1, updated_at = now()
  WHERE limit_type IN ('DAILY_LOSS', 'DRAWDOWN') AND currency <> 'USDT' RETURNING *)
INSERT INTO limits.limit_history (limit_id, version, tenant_id, node_id, limit_type, instrument, value, parameters,
  currency, action, thresholds_pct, valid_from, valid_until, is_deleted, changed_by, changed_at)
SELECT limit_id, version, tenant_id, node_id, limit_type, instrument, value, parameters, currency, action,
  thresholds_pct, valid_from, valid_until, false, 'migration', now()
FROM changed;

-- When somebody has to look whether a limit is below what is in use: it begins, or an override of it begins or ends. Also
-- where what is in use could not be known.
CREATE TABLE limits.uses_due (
  limit_id  uuid NOT NULL,
  due_at    timestamptz NOT NULL,
  tenant_id uuid NOT NULL REFERENCES identity.organisations,
  PRIMARY KEY (limit_id, due_at)
);
CREATE INDEX ON limits.uses_due (due_at);
GRANT SELECT, INSERT, DELETE ON limits.uses_due TO breakwater_functions;
ALTER TABLE limits.uses_due ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON limits.uses_due TO breakwater_functions USING (tenant_id = identity.current_tenant());
INSERT INTO limits.uses_due
  SELECT limit_id, valid_from, tenant_id FROM limits.limits WHERE valid_from > now()
  UNION SELECT limit_id, starts_at, tenant_id FROM limits.overrides
    WHERE approved_at IS NOT NULL AND ended_at IS NULL AND starts_at > now()
  UNION SELECT limit_id, ends_at, tenant_id FROM limits.overrides WHERE approved_at IS NOT NULL AND ended_at IS NULL;

CREATE OR REPLACE FUNCTION limits.tenants_to_watch(at timestamptz, at_most integer) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT DISTINCT tenant_id FROM (
    SELECT l.tenant_id FROM limits.limits l WHERE l.limit_type IN ('DAILY_LOSS', 'DRAWDOWN', 'DEAD_MAN')
    UNION ALL SELECT n.tenant_id FROM limits.nodes n WHERE n.cancel_requested_at IS NOT NULL
    UNION ALL SELECT o.tenant_id FROM limits.overrides o WHERE o.ended_at IS NULL AND o.ends_at <= at
    UNION ALL SELECT u.tenant_id FROM limits.uses_due u WHERE u.due_at <= at
    UNION ALL SELECT s.tenant_id FROM limits.leases s WHERE s.state = 'OPEN' OR s.answered_version < s.version
      OR s.buy_held > s.buy_taken OR s.sell_held > s.sell_taken OR s.orders_held > s.live_orders
  ) wanted LIMIT at_most $$;
