-- A client is a row among the API keys, under an id that begins with bwc_: it is counted, noted, narrowed and revoked as
-- they are, and what is made with it ends with it. What it is shown by lies beside it.
ALTER TABLE identity.api_keys DROP CONSTRAINT api_keys_check;
ALTER TABLE identity.api_keys ADD CHECK (
  CASE WHEN starts_with(key_id, 'bwc_') THEN salt IS NULL AND secret_hash IS NULL AND secret_ciphertext IS NULL
    AND public_key IS NULL AND account_id IS NULL AND made_with IS NULL AND replaces IS NULL
  ELSE (public_key IS NULL) = (salt IS NOT NULL AND secret_hash IS NOT NULL) END);

CREATE TABLE identity.oauth_clients (
  client_id  text PRIMARY KEY CHECK (client_id ~ '^bwc_[0-9a-f]{16}$'),
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  made_by    uuid NOT NULL,                    -- an administrator: it ends with him as well
  UNIQUE (tenant_id, client_id),
  -- With the tenant: foreign keys are checked without row-level security.
  FOREIGN KEY (tenant_id, client_id) REFERENCES identity.api_keys (tenant_id, key_id),
  FOREIGN KEY (tenant_id, made_by) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON identity.oauth_clients (made_by);

CREATE TABLE identity.oauth_secrets (
  secret_id    uuid PRIMARY KEY,
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  client_id    text NOT NULL,
  salt         bytea NOT NULL,
  secret_hash  bytea NOT NULL,                 -- sha256(salt || secret): the secret is 256 random bits
  created_at   timestamptz NOT NULL DEFAULT now(),
  ends_at      timestamptz,                    -- null: until the client is revoked
  FOREIGN KEY (tenant_id, client_id) REFERENCES identity.oauth_clients (tenant_id, client_id)
);
CREATE INDEX ON identity.oauth_secrets (client_id);

-- A token is 256 random bits, so a hash without salt gives nothing away. It ends with the secret that bought it.
CREATE TABLE identity.oauth_tokens (
  token_hash  bytea PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  client_id   text NOT NULL,
  secret_id   uuid NOT NULL REFERENCES identity.oauth_secrets,
  scopes      text[] NOT NULL,
  expires_at  timestamptz NOT NULL,
  FOREIGN KEY (tenant_id, client_id) REFERENCES identity.oauth_clients (tenant_id, client_id)
);
CREATE INDEX ON identity.oauth_tokens (client_id, expires_at DESC);
CREATE INDEX ON identity.oauth_tokens (expires_at);

-- Asked before a tenant is known, as identity.find_api_key is. A row for each secret that works.
CREATE FUNCTION identity.oauth_find_client(wanted text)
  RETURNS TABLE (tenant_id uuid, user_id uuid, scopes text[], ip_allow cidr[], secret_id uuid, salt bytea,
                 secret_hash bytea, ends_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.tenant_id, k.user_id, k.scopes, k.ip_allow, s.secret_id, s.salt, s.secret_hash, least(s.ends_at, k.expires_at)
  FROM identity.oauth_clients c JOIN identity.api_keys k ON k.key_id = c.client_id
  JOIN identity.oauth_secrets s ON s.client_id = c.client_id
  JOIN identity.users u ON u.user_id = k.user_id JOIN identity.users maker ON maker.user_id = c.made_by
  WHERE c.client_id = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND (s.ends_at IS NULL OR s.ends_at > now()) AND u.disabled_at IS NULL AND maker.disabled_at IS NULL $$;

CREATE FUNCTION identity.oauth_find_token(wanted bytea)
  RETURNS TABLE (client_id text, tenant_id uuid, subject text, username text, role text, scopes text[], ip_allow cidr[],
                 expires_at timestamptz, permissions_version bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT t.client_id, k.tenant_id, u.subject, u.username, u.role, t.scopes, k.ip_allow,
         least(t.expires_at, s.ends_at, k.expires_at), u.permissions_version
  FROM identity.oauth_tokens t JOIN identity.oauth_secrets s USING (secret_id)
  JOIN identity.oauth_clients c ON c.client_id = t.client_id JOIN identity.api_keys k ON k.key_id = t.client_id
  JOIN identity.users u ON u.user_id = k.user_id JOIN identity.users maker ON maker.user_id = c.made_by
  WHERE t.token_hash = wanted AND k.revoked_at IS NULL AND least(t.expires_at, s.ends_at, k.expires_at) > now()
    AND u.disabled_at IS NULL AND maker.disabled_at IS NULL $$;

-- Whether the client was last used from there: whoever floods its id from elsewhere does not hold it up.
CREATE FUNCTION identity.oauth_is_used_from(wanted text, wanted_network inet) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT FROM identity.api_keys k
                 WHERE k.key_id = wanted AND starts_with(wanted, 'bwc_') AND k.last_used_from <<= wanted_network) $$;

-- Of whatever tenant: what has expired is nobody's any more.
CREATE FUNCTION identity.oauth_forget_expired() RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  DELETE FROM identity.oauth_tokens WHERE token_hash IN (
    SELECT t.token_hash FROM identity.oauth_tokens t WHERE t.expires_at < now() LIMIT 20 FOR UPDATE SKIP LOCKED) $$;

REVOKE ALL ON FUNCTION identity.oauth_find_client, identity.oauth_find_token, identity.oauth_is_used_from,
  identity.oauth_forget_expired FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.oauth_find_client, identity.oauth_find_token, identity.oauth_is_used_from,
  identity.oauth_forget_expired TO breakwater_functions;
GRANT EXECUTE ON FUNCTION identity.oauth_find_token TO breakwater_engine;

GRANT SELECT, INSERT ON identity.oauth_clients, identity.oauth_secrets TO breakwater_functions;
GRANT UPDATE (ends_at) ON identity.oauth_secrets TO breakwater_functions;
GRANT SELECT, INSERT, DELETE ON identity.oauth_tokens TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['oauth_clients', 'oauth_secrets', 'oauth_tokens'] LOOP
    EXECUTE format('ALTER TABLE identity.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON identity.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
