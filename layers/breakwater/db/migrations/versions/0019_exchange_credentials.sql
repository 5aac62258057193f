-- What an account of the firm at an exchange is signed with. The secret is encrypted under a data key of its own, and that
-- key by KMS; both are bound to tenant, account and venue, so that no row can be moved to another.
CREATE TABLE identity.exchange_credentials (
  credential_id uuid NOT NULL,
  version       integer NOT NULL CHECK (version > 0),     -- one more with each rotation
  tenant_id     uuid NOT NULL REFERENCES identity.organisations,
  account_id    uuid NOT NULL REFERENCES identity.accounts,
  venue         text NOT NULL,
  label         text NOT NULL,
  api_key_end   text NOT NULL CHECK (length(api_key_end) = 4),
  ciphertext    bytea NOT NULL,
  nonce         bytea NOT NULL CHECK (length(nonce) = 12),
  wrapped_key   bytea NOT NULL,
  master_key_id text NOT NULL,                            -- the KMS key that wrapped_key is under
  wrapped_at    timestamptz NOT NULL DEFAULT now(),
  created_at    timestamptz NOT NULL DEFAULT now(),
  last_used_at  timestamptz,
  retires_at    timestamptz,                              -- null: the newest version; it works until the next one's overlap ends
  PRIMARY KEY (credential_id, version)
);
CREATE UNIQUE INDEX ON identity.exchange_credentials (tenant_id, account_id, venue, label) WHERE retires_at IS NULL;
CREATE INDEX ON identity.exchange_credentials (master_key_id, credential_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.exchange_credentials TO breakwater_functions;
ALTER TABLE identity.exchange_credentials ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.exchange_credentials TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- What the engine may know of the credential that VENUES names, and that it has been used.
CREATE FUNCTION identity.use_exchange_credential(wanted uuid)
  RETURNS TABLE (credential_id uuid, version integer, tenant_id uuid, account_id uuid, venue text, ciphertext bytea,
                 nonce bytea, wrapped_key bytea)
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE identity.exchange_credentials c SET last_used_at = now()
  WHERE c.credential_id = wanted AND c.retires_at IS NULL
  RETURNING c.credential_id, c.version, c.tenant_id, c.account_id, c.venue, c.ciphertext, c.nonce, c.wrapped_key $$;
REVOKE ALL ON FUNCTION identity.use_exchange_credential FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.use_exchange_credential TO breakwater_engine;
