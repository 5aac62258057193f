-- What an organisation was told of a component of the platform, as long as it is not well.
CREATE TABLE alerts.component_health (
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  component  text NOT NULL,
  state      text NOT NULL CHECK (state IN ('DEGRADED', 'DOWN')),
  detail     text NOT NULL,
  since      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, component)
);
-- What was told and is not told again, or not before a while: a failure of an order, a report of a venue, a key that
-- came from elsewhere.
CREATE TABLE alerts.told (
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  what       text NOT NULL,
  told_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, what)
);
CREATE INDEX ON alerts.told (told_at);
CREATE TABLE alerts.sign_in_failures (
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  subject     text NOT NULL,                   -- a user's name, or client: and an OAuth client's id
  began_at    timestamptz NOT NULL,
  failures    integer NOT NULL,
  source_ips  text[] NOT NULL,                 -- the newest first, a few
  PRIMARY KEY (tenant_id, subject)
);

CREATE TABLE alerts.metric_rules (
  rule_id     uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  metric      text NOT NULL CHECK (length(metric) BETWEEN 1 AND 200),
  labels      jsonb NOT NULL DEFAULT '{}',
  condition   jsonb NOT NULL,                  -- services/metric_rules.py reads it
  for_s       integer NOT NULL CHECK (for_s BETWEEN 0 AND 86400),
  severity    text NOT NULL CHECK (severity IN ('INFO', 'WARNING', 'ERROR', 'CRITICAL')),
  category    text NOT NULL CHECK (category IN ('RISK', 'TRADE_FAILURE', 'AUTHENTICATION', 'VENUE', 'MARKET_DATA',
    'RECONCILIATION', 'COMMUNICATION', 'SYSTEM', 'GOVERNANCE')),
  is_enabled  boolean NOT NULL DEFAULT true,
  version     integer NOT NULL DEFAULT 1,
  changed_by  text NOT NULL,
  changed_at  timestamptz NOT NULL,
  UNIQUE (tenant_id, rule_id)
);
CREATE INDEX ON alerts.metric_rules (tenant_id, name);
-- One series of one rule: whether it is crossed, and the samples of its band, at most 240.
CREATE TABLE alerts.metric_series (
  rule_id     uuid NOT NULL,
  labels      text NOT NULL,                   -- as JSON, sorted by name
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  state       jsonb NOT NULL,
  heard_at    timestamptz NOT NULL,
  PRIMARY KEY (rule_id, labels),
  FOREIGN KEY (tenant_id, rule_id) REFERENCES alerts.metric_rules (tenant_id, rule_id) ON DELETE CASCADE
);
CREATE INDEX ON alerts.metric_series (tenant_id);
-- The newest look at all that can be watched. `has_defaults`: the rules that everybody begins with were given once.
CREATE TABLE alerts.metric_readings (
  tenant_id     uuid PRIMARY KEY REFERENCES identity.organisations,
  read_at       timestamptz,
  readings      jsonb NOT NULL DEFAULT '[]',
  has_defaults  boolean NOT NULL DEFAULT false
);

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.component_health, alerts.metric_rules, alerts.metric_series
  TO breakwater_functions;
GRANT SELECT, INSERT, UPDATE ON alerts.told, alerts.sign_in_failures, alerts.metric_readings TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['component_health', 'told', 'sign_in_failures', 'metric_rules', 'metric_series',
                           'metric_readings'] LOOP
    EXECUTE format('ALTER TABLE alerts.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON alerts.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;

-- Asked before a tenant is known, every few seconds, by the watch: whom a condition of the platform concerns.
CREATE FUNCTION alerts.organisations(at_most integer) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.tenant_id FROM identity.organisations o ORDER BY o.tenant_id LIMIT at_most $$;
-- Whoever has given the platform a key of the venue, or an account that may use one. Of a venue whose key is not kept
-- here it is not known: it concerns everybody.
CREATE FUNCTION alerts.concerned_by_venue(wanted text) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.tenant_id FROM identity.organisations o
  WHERE EXISTS (SELECT FROM identity.exchange_credentials c WHERE c.venue = wanted AND c.tenant_id = o.tenant_id)
    OR NOT EXISTS (SELECT FROM identity.exchange_credentials c WHERE c.venue = wanted) $$;
-- For how long the oldest event of each organisation has waited to be sealed into its audit trail, the oldest record to be
-- signed, or the oldest signature to be stored outside: of a trail that is not the one that was anchored, nothing is signed.
CREATE FUNCTION alerts.audit_behind(at timestamptz) RETURNS TABLE (tenant_id uuid, behind_s double precision)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.tenant_id, greatest(0, extract(epoch FROM at - least(
    (SELECT to_timestamp(e.occurred_at_ns / 1e9) FROM trading.events e
     WHERE e.tenant_id = o.tenant_id AND e.recorded_no > coalesce(h.sealed_no, 0) ORDER BY e.recorded_no LIMIT 1),
    (SELECT r.sealed_at FROM audit.records r
     WHERE r.tenant_id = o.tenant_id AND r.sequence = h.anchored_sequence + 1),
    (SELECT r.sealed_at FROM audit.anchors a
     JOIN audit.records r ON r.tenant_id = a.tenant_id AND r.sequence = a.first_sequence
     WHERE a.tenant_id = o.tenant_id AND a.stored_at IS NULL ORDER BY a.sequence LIMIT 1))))::float8
  FROM identity.organisations o LEFT JOIN audit.heads h USING (tenant_id) $$;
-- What was told long ago is not looked up any more.
CREATE FUNCTION alerts.forget_told(before timestamptz, at_most integer) RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  DELETE FROM alerts.told WHERE (tenant_id, what) IN (
    SELECT t.tenant_id, t.what FROM alerts.told t WHERE t.told_at < before LIMIT at_most FOR UPDATE SKIP LOCKED) $$;
REVOKE ALL ON FUNCTION alerts.organisations, alerts.concerned_by_venue, alerts.audit_behind,
  alerts.forget_told FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alerts.organisations, alerts.concerned_by_venue, alerts.audit_behind,
  alerts.forget_told TO breakwater_functions;
