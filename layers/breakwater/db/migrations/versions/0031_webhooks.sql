-- Webhooks (decision 113): endpoints, their sealed secrets, and for each endpoint and account a lane, in which events go
-- one after the other.
CREATE SCHEMA webhooks;
GRANT USAGE ON SCHEMA webhooks TO breakwater_functions;

CREATE TABLE webhooks.endpoints (
  endpoint_id       uuid PRIMARY KEY,
  tenant_id         uuid NOT NULL REFERENCES identity.organisations,
  name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  url               text NOT NULL,
  topics            text[] NOT NULL CHECK (cardinality(topics) BETWEEN 1 AND 50),
  account_ids       uuid[],                          -- null: of every account, and what is the organisation's own
  state             text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'PAUSED')),
  paused_at         timestamptz,
  paused_by         text,                            -- null while it is paused: the platform
  paused_reason     text,
  is_careful        boolean NOT NULL DEFAULT true,   -- called apart from those that answer soon
  failures          integer NOT NULL DEFAULT 0,      -- calls in a row that the endpoint itself failed
  failing_since     timestamptz,
  retry_at          timestamptz,                     -- nobody calls before; then one does, and the others wait for it
  probe_until       timestamptz,
  last_delivered_at timestamptz,
  missed            bigint NOT NULL DEFAULT 0,       -- events that came while its queue was full
  missed_since      timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  created_by        text NOT NULL,
  UNIQUE (tenant_id, endpoint_id)
);

CREATE TABLE webhooks.secrets (
  secret_id     uuid PRIMARY KEY,
  tenant_id     uuid NOT NULL,
  endpoint_id   uuid NOT NULL,
  ciphertext    bytea NOT NULL,
  nonce         bytea NOT NULL CHECK (length(nonce) = 12),
  wrapped_key   bytea NOT NULL,
  master_key_id text NOT NULL,                       -- the KMS key that wrapped_key is under
  created_at    timestamptz NOT NULL DEFAULT now(),
  ends_at       timestamptz,                         -- null: until another takes its place
  -- With the tenant: foreign keys are checked without row-level security.
  FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhooks.endpoints (tenant_id, endpoint_id) ON DELETE CASCADE
);
CREATE INDEX ON webhooks.secrets (endpoint_id);

-- Up to where an account's feed has become deliveries. Whoever goes on from there has the row locked.
CREATE TABLE webhooks.feed_positions (
  account_id uuid PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  sequence   bigint NOT NULL
);
CREATE INDEX ON webhooks.feed_positions (tenant_id);

CREATE TABLE webhooks.lanes (
  endpoint_id   uuid NOT NULL,
  lane          uuid NOT NULL,                       -- an account; or 0: what is the organisation's, 1: pings
  tenant_id     uuid NOT NULL,
  waiting       integer NOT NULL CHECK (waiting >= 0),
  due_at        timestamptz NOT NULL DEFAULT now(),  -- of its first
  claim_id      uuid,                                -- of the sender that works on it
  claimed_until timestamptz,
  PRIMARY KEY (endpoint_id, lane),
  FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhooks.endpoints (tenant_id, endpoint_id) ON DELETE CASCADE
);
CREATE INDEX ON webhooks.lanes (due_at) WHERE waiting > 0;

CREATE TABLE webhooks.deliveries (
  delivery_id      uuid PRIMARY KEY,
  delivery_no      bigint GENERATED ALWAYS AS IDENTITY,   -- the order of a lane
  tenant_id        uuid NOT NULL,
  endpoint_id      uuid NOT NULL,
  lane             uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('EVENT', 'REDELIVERY', 'PING')),
  event_id         uuid NOT NULL,
  topic            text NOT NULL,
  account_id       uuid,
  sequence         bigint,                           -- in the account's feed
  state            text NOT NULL DEFAULT 'WAITING' CHECK (state IN ('WAITING', 'DELIVERED', 'DEAD')),
  attempts         integer NOT NULL DEFAULT 0,
  queued_at        timestamptz NOT NULL DEFAULT now(),
  first_attempt_at timestamptz,
  last_attempt_at  timestamptz,
  last_outcome     text,
  last_status      integer,
  last_latency_ms  integer,
  FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhooks.endpoints (tenant_id, endpoint_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX ON webhooks.deliveries (endpoint_id, event_id) WHERE kind = 'EVENT';
CREATE INDEX ON webhooks.deliveries (endpoint_id, lane, delivery_no) WHERE state = 'WAITING';
CREATE INDEX ON webhooks.deliveries (endpoint_id, delivery_no DESC);
CREATE INDEX ON webhooks.deliveries (queued_at);

CREATE TABLE webhooks.attempts (
  delivery_id uuid NOT NULL REFERENCES webhooks.deliveries ON DELETE CASCADE,
  attempt     integer NOT NULL,
  tenant_id   uuid NOT NULL,
  at          timestamptz NOT NULL,
  outcome     text NOT NULL,
  status      integer,
  latency_ms  integer NOT NULL,
  answer      text NOT NULL,                         -- what could be read of its first 1 KiB
  detail      text NOT NULL,
  PRIMARY KEY (delivery_id, attempt)
);

-- For what happened in a period. A range of blocks costs those who write events next to nothing, and they come in order.
CREATE INDEX ON trading.events USING brin (occurred_at_ns);

-- Asked by the sweep, before a tenant is known: lanes whose wake-up was lost, and those that wait for longer than a queue
-- can delay. Of an endpoint that fails one is enough.
CREATE FUNCTION webhooks.overdue_lanes(late interval, at_most integer)
  RETURNS TABLE (tenant_id uuid, endpoint_id uuid, lane uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH overdue AS (
    SELECT l.tenant_id, l.endpoint_id, l.lane, l.due_at,
           row_number() OVER (PARTITION BY l.endpoint_id ORDER BY l.due_at) AS place, e.retry_at IS NOT NULL AS is_failing
    FROM webhooks.lanes l JOIN webhooks.endpoints e USING (endpoint_id)
    WHERE l.waiting > 0 AND l.due_at < now() - late AND (l.claimed_until IS NULL OR l.claimed_until < now())
      AND (l.lane = '00000000-0000-0000-0000-000000000001'
           OR (e.state = 'ACTIVE' AND (e.retry_at IS NULL OR e.retry_at < now() - late)))
  )
  SELECT o.tenant_id, o.endpoint_id, o.lane FROM overdue o WHERE o.place = 1 OR NOT o.is_failing
  ORDER BY o.due_at LIMIT at_most $$;

-- Of whatever tenant: the log is kept for so long, and what has waited for so long is given up. How many went.
CREATE FUNCTION webhooks.forget_old(older_than interval, at_most integer) RETURNS bigint
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH old AS (
    DELETE FROM webhooks.deliveries WHERE delivery_id IN (
      SELECT d.delivery_id FROM webhooks.deliveries d WHERE d.queued_at < now() - older_than
        AND (d.state <> 'WAITING' OR NOT EXISTS (
          SELECT FROM webhooks.lanes l WHERE l.endpoint_id = d.endpoint_id AND l.lane = d.lane AND l.claimed_until > now()))
      ORDER BY d.queued_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING endpoint_id, lane, state),
  no_longer_waiting AS (
    SELECT o.endpoint_id, o.lane, count(*) AS went FROM old o WHERE o.state = 'WAITING' GROUP BY o.endpoint_id, o.lane),
  counted AS (
    UPDATE webhooks.lanes l SET waiting = greatest(l.waiting - n.went, 0) FROM no_longer_waiting n
    WHERE l.endpoint_id = n.endpoint_id AND l.lane = n.lane),
  secrets AS (DELETE FROM webhooks.secrets s WHERE s.ends_at < now())
  SELECT count(*) FROM old $$;

REVOKE ALL ON FUNCTION webhooks.overdue_lanes, webhooks.forget_old FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhooks.overdue_lanes, webhooks.forget_old TO breakwater_functions;

GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks.endpoints, webhooks.secrets TO breakwater_functions;
GRANT SELECT, INSERT, UPDATE ON webhooks.feed_positions, webhooks.lanes, webhooks.deliveries TO breakwater_functions;
GRANT SELECT, INSERT ON webhooks.attempts TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['endpoints', 'secrets', 'feed_positions', 'lanes', 'deliveries', 'attempts'] LOOP
    EXECUTE format('ALTER TABLE webhooks.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON webhooks.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
