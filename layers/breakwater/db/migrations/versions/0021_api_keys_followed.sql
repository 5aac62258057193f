ALTER TABLE identity.api_keys ADD UNIQUE (tenant_id, key_id);
ALTER TABLE identity.api_keys
  ADD COLUMN made_with               text,        -- the key that asked for it, and ends it with itself; null: a person did
  ADD COLUMN replaces                text,        -- the key that it was rotated from, whose expires_at is the overlap's end since
  ADD COLUMN requests_per_minute_max integer CHECK (requests_per_minute_max > 0),  -- null: what is configured for all
  ADD COLUMN last_used_at            timestamptz, -- to a minute
  ADD COLUMN last_used_from          inet,
  -- With the tenant: foreign keys are checked without row-level security.
  ADD FOREIGN KEY (tenant_id, made_with) REFERENCES identity.api_keys (tenant_id, key_id),
  ADD FOREIGN KEY (tenant_id, replaces) REFERENCES identity.api_keys (tenant_id, key_id);
CREATE INDEX ON identity.api_keys (made_with) WHERE made_with IS NOT NULL;
CREATE UNIQUE INDEX ON identity.api_keys (replaces) WHERE replaces IS NOT NULL;

-- Of those that there are already, the events know. No name of a user has a slash.
UPDATE identity.api_keys k SET made_with = parent.key_id
FROM trading.events e JOIN identity.api_keys parent ON parent.key_id = split_part(e.payload ->> 'changed_by', '/', 2)
WHERE e.topic = 'identity.ApiKeyChanged.v1' AND e.payload ->> 'change' = 'CREATED'
  AND e.payload ->> 'key_id' = k.key_id AND e.tenant_id = k.tenant_id AND parent.tenant_id = k.tenant_id;

-- One row for each key that is used: the time at which its allowance is whole again. Not logged: what a crash forgets is a
-- minute's count, and no request waits for the disk. No foreign key either, which would lock the key's own row.
CREATE UNLOGGED TABLE identity.api_key_allowances (
  key_id   text PRIMARY KEY,
  whole_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- One use of a key at the HTTP API: counted, and noted with its address at most once a minute.
--
-- The generic cell rate algorithm (ITU-T I.371): each request puts off the time at which the allowance is whole by one
-- share of the minute, and is refused where that would be more than a minute away. The row's lock makes it exact however
-- many functions ask. What is refused does not count.
CREATE FUNCTION identity.count_api_key_use(wanted_tenant uuid, wanted_key text, used_from inet, per_minute_default integer)
  RETURNS TABLE (per_minute integer, is_within boolean, whole_in_s double precision)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  noted_at timestamptz;
  share    interval;
  whole    timestamptz;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT k.requests_per_minute_max, k.last_used_at INTO per_minute, noted_at
  FROM identity.api_keys k WHERE k.tenant_id = wanted_tenant AND k.key_id = wanted_key;
  IF FOUND AND (noted_at IS NULL OR noted_at <= clock_timestamp() - interval '1 minute') THEN
    -- Whoever holds the row, because he rotates or revokes the key, is not waited for: the next use is noted.
    UPDATE identity.api_keys k SET last_used_at = clock_timestamp(), last_used_from = used_from
    WHERE k.key_id = (SELECT n.key_id FROM identity.api_keys n WHERE n.key_id = wanted_key FOR NO KEY UPDATE SKIP LOCKED);
  END IF;
  per_minute := coalesce(per_minute, per_minute_default);
  share := interval '1 minute' / per_minute;
  INSERT INTO identity.api_key_allowances AS a (key_id, whole_at) VALUES (wanted_key, clock_timestamp() + share)
  ON CONFLICT (key_id) DO UPDATE SET whole_at = greatest(a.whole_at, clock_timestamp()) + share
    WHERE greatest(a.whole_at, clock_timestamp()) + share <= clock_timestamp() + interval '1 minute'
  RETURNING a.whole_at INTO whole;
  is_within := FOUND;
  IF NOT is_within THEN
    SELECT a.whole_at INTO whole FROM identity.api_key_allowances a WHERE a.key_id = wanted_key;
  END IF;
  whole_in_s := extract(epoch FROM whole - clock_timestamp());
  RETURN NEXT;
END $$;

-- Many uses at the endpoint for bots, told afterwards: the newest of each key.
CREATE FUNCTION identity.note_api_key_uses(used_keys text[], used_at timestamptz[], used_from inet[])
  RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE identity.api_keys k SET last_used_at = u.at, last_used_from = u.address
  FROM unnest(used_keys, used_at, used_from) AS u (key_id, at, address)
  WHERE k.key_id = u.key_id AND (k.last_used_at IS NULL OR k.last_used_at <= u.at - interval '1 minute')
    AND k.key_id IN (SELECT n.key_id FROM identity.api_keys n WHERE n.key_id = ANY (used_keys) FOR NO KEY UPDATE SKIP LOCKED) $$;

REVOKE ALL ON identity.api_key_allowances FROM PUBLIC;
REVOKE ALL ON FUNCTION identity.count_api_key_use, identity.note_api_key_uses FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.count_api_key_use TO breakwater_functions;
GRANT EXECUTE ON FUNCTION identity.note_api_key_uses TO breakwater_engine;
