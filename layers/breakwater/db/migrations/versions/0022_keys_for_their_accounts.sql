-- Accounts that may trade with a credential beside the one that it was kept for. Foreign keys name the tenant as well.
CREATE TABLE identity.exchange_credential_grants (
  credential_id uuid NOT NULL,                            -- of identity.exchange_credentials, whichever its versions are
  account_id    uuid NOT NULL,
  tenant_id     uuid NOT NULL REFERENCES identity.organisations,
  granted_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (credential_id, account_id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES identity.accounts (tenant_id, account_id)
);
CREATE INDEX ON identity.exchange_credential_grants (tenant_id, credential_id);
GRANT SELECT, INSERT, DELETE ON identity.exchange_credential_grants TO breakwater_functions;
ALTER TABLE identity.exchange_credential_grants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity.exchange_credential_grants TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- For the engine: every version that works, the newest first, and which of them it has used.
DROP FUNCTION identity.use_exchange_credential;
CREATE FUNCTION identity.exchange_credential_versions(wanted uuid)
  RETURNS TABLE (credential_id uuid, version integer, tenant_id uuid, account_id uuid, venue text, ciphertext bytea,
                 nonce bytea, wrapped_key bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.credential_id, c.version, c.tenant_id, c.account_id, c.venue, c.ciphertext, c.nonce, c.wrapped_key
  FROM identity.exchange_credentials c
  WHERE c.credential_id = wanted AND (c.retires_at IS NULL OR c.retires_at > now())
  ORDER BY c.version DESC $$;
CREATE FUNCTION identity.note_exchange_credential_use(wanted uuid, used_version integer)
  RETURNS void
  LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE identity.exchange_credentials SET last_used_at = now() WHERE credential_id = wanted AND version = used_version $$;

-- And whose orders each of them may sign: an account of the credential's own tenant alone, whatever a grant says.
CREATE FUNCTION identity.exchange_credential_accounts(wanted uuid[])
  RETURNS TABLE (credential_id uuid, account_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.credential_id, c.account_id FROM identity.exchange_credentials c
  WHERE c.credential_id = ANY (wanted) AND c.retires_at IS NULL
  UNION
  SELECT c.credential_id, g.account_id FROM identity.exchange_credentials c
  JOIN identity.exchange_credential_grants g ON g.credential_id = c.credential_id AND g.tenant_id = c.tenant_id
  WHERE c.credential_id = ANY (wanted) AND c.retires_at IS NULL $$;

REVOKE ALL ON FUNCTION identity.exchange_credential_versions, identity.note_exchange_credential_use,
  identity.exchange_credential_accounts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.exchange_credential_versions, identity.note_exchange_credential_use,
  identity.exchange_credential_accounts TO breakwater_engine;
