-- Browsers that a person has asked to be told by: what each told of its push service (RFC 8030, RFC 8291).
CREATE TABLE alerts.push_devices (
  device_id    uuid PRIMARY KEY,
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  user_id      uuid NOT NULL,
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
  endpoint     text NOT NULL UNIQUE CHECK (length(endpoint) <= 1000),   -- one browser is told for one person
  public_key   bytea NOT NULL CHECK (octet_length(public_key) = 65),    -- a point of P-256, uncompressed
  auth_secret  bytea NOT NULL CHECK (octet_length(auth_secret) = 16),
  created_at   timestamptz NOT NULL,
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON alerts.push_devices (tenant_id, user_id, created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.push_devices TO breakwater_functions;
ALTER TABLE alerts.push_devices ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON alerts.push_devices TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- A browser in which somebody else signs in, of whatever organisation, is told for him from then on. Whoever shows both
-- of its keys has that browser.
CREATE FUNCTION alerts.release_push_endpoint(wanted text, shown_key bytea, shown_secret bytea, keeper uuid) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  DELETE FROM alerts.push_devices
  WHERE endpoint = wanted AND public_key = shown_key AND auth_secret = shown_secret AND user_id <> keeper $$;
REVOKE ALL ON FUNCTION alerts.release_push_endpoint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alerts.release_push_endpoint TO breakwater_functions;

-- Who is disabled is told by no browser, nor when he is let in again. As a trigger, so that no program forgets it.
CREATE FUNCTION alerts.push_ends_with_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM alerts.push_devices WHERE user_id = NEW.user_id;
  RETURN NEW;
END $$;
CREATE TRIGGER push_ends_with_user AFTER UPDATE OF disabled_at ON identity.users FOR EACH ROW
  WHEN ((OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL)) EXECUTE FUNCTION alerts.push_ends_with_user();

ALTER TABLE alerts.deliveries DROP CONSTRAINT deliveries_channel_check,
  ADD CONSTRAINT deliveries_channel_check CHECK (channel IN ('EMAIL', 'SMS', 'SLACK', 'TELEGRAM', 'PUSH'));
