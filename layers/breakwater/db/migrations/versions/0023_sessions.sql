-- What was signed in before is over. Of tokens whose session is not recorded here: those that are, are ended.
ALTER TABLE identity.users ADD COLUMN sessions_not_before timestamptz NOT NULL DEFAULT 'epoch';

CREATE TABLE identity.sessions (
  session_id         uuid PRIMARY KEY,             -- follows from issuer, subject and what the issuer calls the session
  tenant_id          uuid NOT NULL REFERENCES identity.organisations,
  user_id            uuid NOT NULL,
  issuer             text NOT NULL CHECK (issuer IN ('POOL', 'OIDC')),
  signed_in_at       timestamptz NOT NULL,
  last_seen_at       timestamptz NOT NULL DEFAULT now(),   -- to within five minutes
  source_ip          inet,                         -- whence it was begun, or first seen
  has_second_factor  boolean NOT NULL,
  ended_at           timestamptz,
  ended_by           text,                         -- a user name; of one who was disabled: null
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON identity.sessions (user_id, last_seen_at DESC);

-- What has ended stays so, whatever a program does.
CREATE FUNCTION identity.session_stays_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a session that has ended does not begin again';
END $$;
CREATE TRIGGER session_stays_ended BEFORE UPDATE ON identity.sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
  EXECUTE FUNCTION identity.session_stays_ended();

-- Who is disabled has no session afterwards, and none of those when he is enabled again: neither those that are
-- recorded, nor those that only their tokens tell of.
CREATE FUNCTION identity.sessions_end_with_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.sessions_not_before := now();
  UPDATE identity.sessions SET ended_at = now() WHERE user_id = NEW.user_id AND ended_at IS NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER sessions_end_with_user BEFORE UPDATE OF disabled_at ON identity.users FOR EACH ROW
  WHEN ((OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL)) EXECUTE FUNCTION identity.sessions_end_with_user();

-- Asked before a tenant is known, as identity.find_user was.
DROP FUNCTION identity.find_user;
CREATE FUNCTION identity.find_signed_in(wanted_tenant uuid, wanted_subject text, wanted_session uuid)
  RETURNS TABLE (user_id uuid, username text, role text, permissions_version bigint, is_recorded boolean,
                 is_ended boolean, has_second_factor boolean, is_seen_lately boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT u.user_id, u.username, u.role, u.permissions_version, s.session_id IS NOT NULL, s.ended_at IS NOT NULL,
         coalesce(s.has_second_factor, false),
         coalesce(s.last_seen_at > now() - interval '5 minutes', false)
  FROM identity.users u LEFT JOIN identity.sessions s ON s.session_id = wanted_session AND s.user_id = u.user_id
  WHERE u.tenant_id = wanted_tenant AND u.subject = wanted_subject AND u.disabled_at IS NULL $$;

CREATE FUNCTION identity.ended_sessions(wanted uuid[]) RETURNS TABLE (place bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT w.place FROM unnest(wanted) WITH ORDINALITY AS w (session_id, place)
  JOIN identity.sessions s USING (session_id) WHERE s.ended_at IS NOT NULL $$;

REVOKE ALL ON FUNCTION identity.find_signed_in, identity.ended_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_signed_in, identity.ended_sessions TO breakwater_functions, breakwater_engine;

GRANT SELECT, INSERT ON identity.sessions TO breakwater_functions;
GRANT UPDATE (last_seen_at, has_second_factor, ended_at, ended_by) ON identity.sessions TO breakwater_functions;
ALTER TABLE identity.sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.sessions TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- How fast somebody may fail to sign in, by address and by user name, each as a digest: what was typed as a name may be
-- a password. `clear_at`: when all that was tried will have been forgotten.
CREATE TABLE identity.sign_in_paces (
  pace      bytea PRIMARY KEY,
  clear_at  timestamptz NOT NULL
);
CREATE INDEX ON identity.sign_in_paces (clear_at);

-- Takes one try of each pace, of all or of none: zero, or after how many seconds there will be one. The tries of a pace
-- are `bursts`, one more every `intervals` seconds. A pace that is used up is not locked: a flood waits for nobody.
CREATE FUNCTION identity.take_sign_in(paces bytea[], bursts integer[], intervals double precision[])
  RETURNS double precision
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  wait_s double precision := 0;
BEGIN
  SELECT coalesce(max(extract(epoch FROM p.clear_at - clock_timestamp()) - (w.burst - 1) * w.every), 0) INTO wait_s
  FROM unnest(paces, bursts, intervals) AS w (pace, burst, every) JOIN identity.sign_in_paces p USING (pace);
  IF wait_s > 0 THEN
    RETURN wait_s;
  END IF;
  FOR place IN 1 .. cardinality(paces) LOOP
    INSERT INTO identity.sign_in_paces AS p (pace, clear_at)
    VALUES (paces[place], clock_timestamp() + make_interval(secs => intervals[place]))
    ON CONFLICT (pace) DO UPDATE
      SET clear_at = greatest(p.clear_at, clock_timestamp()) + make_interval(secs => intervals[place]);
  END LOOP;
  -- Others may have taken theirs between the question and the lock: asked again, with the rows held.
  SELECT max(extract(epoch FROM p.clear_at - clock_timestamp()) - w.burst * w.every) INTO wait_s
  FROM unnest(paces, bursts, intervals) AS w (pace, burst, every) JOIN identity.sign_in_paces p USING (pace);
  IF wait_s > 0 THEN
    UPDATE identity.sign_in_paces p SET clear_at = p.clear_at - make_interval(secs => w.every)
    FROM unnest(paces, intervals) AS w (pace, every) WHERE p.pace = w.pace;
    RETURN wait_s;
  END IF;
  DELETE FROM identity.sign_in_paces WHERE pace IN (
    SELECT p.pace FROM identity.sign_in_paces p WHERE p.clear_at < clock_timestamp() - interval '1 hour'
    LIMIT 20 FOR UPDATE SKIP LOCKED);
  RETURN 0;
END $$;

-- One try back of each: it was none of those that are counted. In the order in which they are taken, against deadlocks.
CREATE FUNCTION identity.give_back_sign_in(paces bytea[], intervals double precision[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  FOR place IN 1 .. cardinality(paces) LOOP
    UPDATE identity.sign_in_paces SET clear_at = clear_at - make_interval(secs => intervals[place])
    WHERE pace = paces[place];
  END LOOP;
END $$;

-- Whether the user has signed in from there of late, of whatever organisation he is.
CREATE FUNCTION identity.has_signed_in_from(wanted_username text, wanted_network inet) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (
    SELECT FROM identity.users u JOIN identity.sessions s USING (user_id)
    WHERE u.username = wanted_username AND s.source_ip <<= wanted_network AND s.issuer = 'POOL'
      AND s.last_seen_at > now() - interval '30 days') $$;

REVOKE ALL ON FUNCTION identity.take_sign_in, identity.give_back_sign_in, identity.has_signed_in_from FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.take_sign_in, identity.give_back_sign_in, identity.has_signed_in_from
  TO breakwater_functions;
