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
