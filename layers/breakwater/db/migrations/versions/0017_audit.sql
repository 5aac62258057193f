-- In which order events were written, and by whom: the setting is the transaction's, as the tenant is.
ALTER TABLE trading.events
  ADD COLUMN recorded_no bigint GENERATED ALWAYS AS IDENTITY,
  ADD COLUMN actor text DEFAULT nullif(current_setting('breakwater.actor', true), '');
CREATE INDEX ON trading.events (tenant_id, recorded_no);

CREATE SCHEMA audit;
-- Where the chain of an organisation stands. `sealed_no`: the recorded_no up to which all is sealed.
CREATE TABLE audit.heads (
  tenant_id         uuid PRIMARY KEY REFERENCES identity.organisations,
  sequence          bigint NOT NULL DEFAULT 0,
  hash              bytea NOT NULL,
  sealed_no         bigint NOT NULL DEFAULT 0,
  anchored_sequence bigint NOT NULL DEFAULT 0,
  anchored_hash     bytea NOT NULL,
  anchor_digest     bytea NOT NULL            -- of the newest anchor's document; 32 zero bytes before the first
);
-- No foreign keys: the sealer has just read the events, whose rows nobody may delete, and to look each up again, twice,
-- would be most of its work. What is searched for stands here, so that events need no index for it.
CREATE TABLE audit.records (
  tenant_id    uuid NOT NULL,
  sequence     bigint NOT NULL,               -- from 1, without gaps
  event_id     uuid NOT NULL UNIQUE,
  aggregate_id uuid NOT NULL,
  version      bigint NOT NULL,               -- of the aggregate, from 1, without gaps
  record_hash  bytea NOT NULL,
  topic        text COLLATE "C" NOT NULL,
  username     text,                          -- of the actor, without the key it was
  sealed_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, sequence),
  UNIQUE (tenant_id, aggregate_id, version)
);
CREATE INDEX ON audit.records (tenant_id, username, sequence) WHERE username IS NOT NULL;
CREATE INDEX ON audit.records (tenant_id, topic, sequence);
CREATE INDEX ON audit.records (tenant_id, sealed_at, sequence);
-- Written before they are stored outside, so that one that was interrupted is stored again as it was.
CREATE TABLE audit.anchors (
  tenant_id      uuid NOT NULL REFERENCES identity.organisations,
  sequence       bigint NOT NULL,             -- the last it vouches for
  first_sequence bigint NOT NULL,
  document       text NOT NULL,
  signature      bytea NOT NULL,
  stored_at      timestamptz,
  PRIMARY KEY (tenant_id, sequence)
);
CREATE INDEX ON audit.anchors (tenant_id, sequence) WHERE stored_at IS NULL;

-- Whoever is not the owner can only go on with a chain. The owner can do anything, and then it is not what was anchored.
CREATE FUNCTION audit.only_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.sequence < OLD.sequence OR NEW.sealed_no < OLD.sealed_no OR NEW.anchored_sequence < OLD.anchored_sequence
     OR NEW.anchored_sequence > NEW.sequence OR NEW.tenant_id <> OLD.tenant_id THEN
    RAISE EXCEPTION 'the head of an audit trail only moves forward';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER only_forward BEFORE UPDATE ON audit.heads FOR EACH ROW EXECUTE FUNCTION audit.only_forward();

CREATE FUNCTION audit.tenants_to_seal(up_to bigint, at_most integer) RETURNS TABLE (tenant_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.tenant_id FROM identity.organisations o LEFT JOIN audit.heads h ON h.tenant_id = o.tenant_id
  WHERE h.sequence > h.anchored_sequence
    OR EXISTS (SELECT FROM trading.events e WHERE e.tenant_id = o.tenant_id
               AND e.recorded_no > coalesce(h.sealed_no, 0) AND e.recorded_no <= up_to)
    OR EXISTS (SELECT FROM audit.anchors a WHERE a.tenant_id = o.tenant_id AND a.stored_at IS NULL)
  ORDER BY o.tenant_id LIMIT at_most $$;
-- Whose user name it is: signing in comes before a tenant is known.
CREATE FUNCTION identity.find_username(wanted text) RETURNS TABLE (tenant_id uuid, user_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT u.tenant_id, u.user_id FROM identity.users u WHERE u.username = wanted $$;

REVOKE ALL ON FUNCTION audit.tenants_to_seal, audit.only_forward, identity.find_username FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO breakwater_functions;
GRANT EXECUTE ON FUNCTION audit.tenants_to_seal, identity.find_username TO breakwater_functions;
GRANT SELECT ON SEQUENCE trading.events_recorded_no_seq TO breakwater_functions;
GRANT SELECT, INSERT, UPDATE ON audit.heads TO breakwater_functions;
GRANT SELECT, INSERT ON audit.records, audit.anchors TO breakwater_functions;
GRANT UPDATE (stored_at) ON audit.anchors TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['heads', 'records', 'anchors'] LOOP
    EXECUTE format('ALTER TABLE audit.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON audit.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
