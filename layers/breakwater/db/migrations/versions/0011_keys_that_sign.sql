-- A key signs with its secret, which only the engine can decrypt, or with the private half of an Ed25519 pair.
ALTER TABLE identity.api_keys
  ADD COLUMN account_id        uuid REFERENCES identity.accounts,   -- what the endpoint trades; null: the only one of its user
  ADD COLUMN secret_ciphertext bytea,                               -- under the KMS key of API keys; null: made before there was one
  ADD COLUMN public_key        bytea CHECK (length(public_key) = 32),
  ALTER COLUMN salt DROP NOT NULL,                                  -- null: an Ed25519 key, which has no secret
  ALTER COLUMN secret_hash DROP NOT NULL,
  ADD CHECK ((public_key IS NULL) = (salt IS NOT NULL AND secret_hash IS NOT NULL)),
  ADD CHECK (public_key IS NULL OR secret_ciphertext IS NULL);

-- What the engine may know of a key that somebody claims to have. The account: the key's own while its user has access
-- to it, else the only one that its user has.
CREATE FUNCTION identity.find_signing_key(wanted text)
  RETURNS TABLE (tenant_id uuid, subject text, username text, role text, scopes text[], ip_allow text[],
                 expires_at timestamptz, secret_ciphertext bytea, public_key bytea, account_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.tenant_id, u.subject, u.username, u.role, k.scopes, k.ip_allow::text[], k.expires_at, k.secret_ciphertext,
         k.public_key, reachable.account_id
  FROM identity.api_keys k JOIN identity.users u USING (user_id)
  LEFT JOIN LATERAL (
    SELECT (array_agg(a.account_id))[1] AS account_id FROM identity.accounts a
    WHERE a.tenant_id = k.tenant_id AND (k.account_id IS NULL OR a.account_id = k.account_id)
      AND (u.role <> 'trader' OR EXISTS (SELECT FROM identity.account_access x
                                         WHERE x.user_id = k.user_id AND x.account_id = a.account_id))
    HAVING count(*) = 1
  ) reachable ON true
  WHERE k.key_id = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) $$;
REVOKE ALL ON FUNCTION identity.find_signing_key FROM PUBLIC;
GRANT USAGE ON SCHEMA identity TO breakwater_engine;
GRANT EXECUTE ON FUNCTION identity.find_signing_key TO breakwater_engine;

-- An order of a lease and one of its own may carry one client id (decision 93): their own ids tell them apart.
ALTER TABLE trading.orders DROP CONSTRAINT orders_account_id_client_order_id_key;
CREATE INDEX ON trading.orders (account_id, client_order_id);
-- The number that clients of the endpoint know an order by: domain/orders.py, exchange_order_id.
CREATE INDEX orders_by_exchange_order_id ON trading.orders
  (account_id, (('x' || right(replace(order_id::text, '-', ''), 13))::bit(52)::bigint));
CREATE INDEX ON trading.trades (account_id, order_id);
