-- What somebody has said himself. Null: as it is for his role, or for the organisation.
CREATE TABLE alerts.digest_preferences (
  user_id    uuid PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  daily      boolean,
  weekly     boolean,
  hour       smallint NOT NULL CHECK (hour BETWEEN 0 AND 23),
  time_zone  text,
  since      timestamptz NOT NULL,             -- days and weeks that had ended when he chose are not sent to him
  -- With the tenant: foreign keys are checked without row-level security.
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
-- One for each user and day or week, made once: the key says so. It is kept as it was read, whatever happens later.
CREATE TABLE alerts.digests (
  digest_id     uuid PRIMARY KEY,
  tenant_id     uuid NOT NULL REFERENCES identity.organisations,
  user_id       uuid NOT NULL,
  period        text NOT NULL CHECK (period IN ('DAILY', 'WEEKLY')),
  starts_on     date NOT NULL,
  role          text NOT NULL,                 -- whose summary it is: who has another role now does not read it any more
  document      jsonb NOT NULL,
  made_at       timestamptz NOT NULL,
  mail_state    text NOT NULL CHECK (mail_state IN ('DUE', 'SENT', 'FAILED', 'NOT_CONFIGURED')),
  mail_tries    smallint NOT NULL DEFAULT 0,
  claimed_until timestamptz,                   -- somebody is sending it; after that time nobody is
  mailed_at     timestamptz,
  mail_error    text,
  UNIQUE (user_id, period, starts_on),
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON alerts.digests (user_id, made_at DESC, digest_id DESC);
CREATE INDEX ON alerts.digests (tenant_id) WHERE mail_state = 'DUE';
CREATE INDEX ON alerts.digests (tenant_id, made_at);

-- What happened to people, keys and the trail in a day or week. Requests about orders, of which bots make many, are not here.
CREATE INDEX ON trading.events (tenant_id, occurred_at_ns)
  WHERE topic LIKE 'identity.%' OR topic LIKE 'users.%' OR topic LIKE 'audit.Trail%' OR topic LIKE 'audit.Sensitive%';

-- Asked before a tenant is known, by the function that makes digests: at random, so that none waits behind the same others.
CREATE FUNCTION alerts.digest_tenants(at_most integer) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.tenant_id FROM identity.organisations o ORDER BY random() LIMIT at_most $$;

-- The platform's own state, for who operates it: counts and ages over all organisations, and nothing of anybody's business.
CREATE FUNCTION alerts.platform_state()
  RETURNS TABLE (organisations bigint, events_waiting bigint, oldest_event_s double precision, orders_unsettled bigint,
                 degraded bigint, trails_behind bigint, digests_failed bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT (SELECT count(*) FROM identity.organisations),
    (SELECT count(*) FROM trading.outbox),
    (SELECT extract(epoch FROM clock_timestamp() - min(w.created_at))::double precision FROM trading.outbox w),
    (SELECT count(*) FROM trading.orders o WHERE o.status IN ('PENDING_NEW', 'UNKNOWN', 'PENDING_CANCEL')
       AND o.updated_at < clock_timestamp() - interval '1 minute'),
    (SELECT count(DISTINCT m.tenant_id) FROM trading.degraded_modes m WHERE m.mode <> 'NORMAL'),
    (SELECT count(*) FROM audit.heads h WHERE h.sequence > h.anchored_sequence
       AND EXISTS (SELECT FROM audit.records r WHERE r.tenant_id = h.tenant_id AND r.sequence = h.anchored_sequence + 1
                   AND r.sealed_at < clock_timestamp() - interval '10 minutes')),
    (SELECT count(*) FROM alerts.digests d WHERE d.mail_state = 'FAILED'
       AND d.made_at > clock_timestamp() - interval '7 days') $$;
REVOKE ALL ON FUNCTION alerts.digest_tenants, alerts.platform_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alerts.digest_tenants, alerts.platform_state TO breakwater_functions;

GRANT SELECT, INSERT, UPDATE ON alerts.digest_preferences TO breakwater_functions;
GRANT SELECT, INSERT, DELETE ON alerts.digests TO breakwater_functions;
GRANT UPDATE (mail_state, mail_tries, claimed_until, mailed_at, mail_error) ON alerts.digests TO breakwater_functions;
ALTER TABLE alerts.digest_preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.digests ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON alerts.digest_preferences TO breakwater_functions USING (tenant_id = identity.current_tenant());
CREATE POLICY tenant ON alerts.digests TO breakwater_functions USING (tenant_id = identity.current_tenant());
