ALTER TABLE identity.users
  ADD COLUMN disabled_at timestamptz,                          -- null: may sign in
  ADD COLUMN permissions_version bigint NOT NULL DEFAULT 1,    -- grows with every change of what the user may do
  ADD UNIQUE (tenant_id, user_id);
CREATE INDEX ON identity.users (tenant_id, created_at DESC, user_id DESC);
ALTER TABLE identity.accounts ADD UNIQUE (tenant_id, account_id);
ALTER TABLE limits.nodes ADD UNIQUE (tenant_id, node_id);

-- Foreign keys name the tenant as well: they are checked without row-level security.
CREATE TABLE identity.node_access (
  user_id    uuid NOT NULL,
  node_id    uuid NOT NULL,
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  PRIMARY KEY (user_id, node_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id),
  FOREIGN KEY (tenant_id, node_id) REFERENCES limits.nodes (tenant_id, node_id) ON DELETE CASCADE
);
CREATE INDEX ON identity.node_access (node_id);
CREATE TABLE identity.groups (
  group_id    uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, name),
  UNIQUE (tenant_id, group_id)
);
CREATE TABLE identity.group_members (
  group_id   uuid NOT NULL,
  user_id    uuid NOT NULL,
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  PRIMARY KEY (group_id, user_id),
  FOREIGN KEY (tenant_id, group_id) REFERENCES identity.groups (tenant_id, group_id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON identity.group_members (user_id);
CREATE TABLE identity.group_accounts (
  group_id    uuid NOT NULL,
  account_id  uuid NOT NULL,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  PRIMARY KEY (group_id, account_id),
  FOREIGN KEY (tenant_id, group_id) REFERENCES identity.groups (tenant_id, group_id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, account_id) REFERENCES identity.accounts (tenant_id, account_id)
);
CREATE INDEX ON identity.group_accounts (account_id);

-- The accounts of who does not see all: his own, those of his groups, and those below his nodes, whenever they came there.
CREATE VIEW identity.reachable_accounts WITH (security_invoker = true) AS
  SELECT user_id, account_id FROM identity.account_access
  UNION
  SELECT m.user_id, a.account_id FROM identity.group_members m JOIN identity.group_accounts a USING (group_id)
  UNION
  SELECT x.user_id, n.account_id FROM identity.node_access x JOIN limits.nodes n ON n.path @> ARRAY[x.node_id]
  WHERE n.account_id IS NOT NULL;

-- The version grows here and in no program, so that no change of a permission can forget it.
CREATE FUNCTION identity.next_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.permissions_version := OLD.permissions_version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER role_or_state_changed BEFORE UPDATE ON identity.users FOR EACH ROW
  WHEN (OLD.role <> NEW.role OR (OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL))
  EXECUTE FUNCTION identity.next_version();

CREATE FUNCTION identity.access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE identity.users SET permissions_version = permissions_version + 1
  WHERE user_id = coalesce(NEW.user_id, OLD.user_id);
  RETURN NULL;
END $$;
CREATE TRIGGER access_changed AFTER INSERT OR DELETE ON identity.account_access
  FOR EACH ROW EXECUTE FUNCTION identity.access_changed();
CREATE TRIGGER access_changed AFTER INSERT OR DELETE ON identity.node_access
  FOR EACH ROW EXECUTE FUNCTION identity.access_changed();
CREATE TRIGGER access_changed AFTER INSERT OR DELETE ON identity.group_members
  FOR EACH ROW EXECUTE FUNCTION identity.access_changed();

CREATE FUNCTION identity.access_of_group_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE identity.users SET permissions_version = permissions_version + 1
  WHERE user_id IN (SELECT user_id FROM identity.group_members WHERE group_id = coalesce(NEW.group_id, OLD.group_id));
  RETURN NULL;
END $$;
CREATE TRIGGER access_of_group_changed AFTER INSERT OR DELETE ON identity.group_accounts
  FOR EACH ROW EXECUTE FUNCTION identity.access_of_group_changed();

CREATE FUNCTION identity.account_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE identity.users SET permissions_version = permissions_version + 1
  WHERE user_id IN (SELECT user_id FROM identity.node_access WHERE node_id = ANY (OLD.path || NEW.path));
  RETURN NULL;
END $$;
CREATE TRIGGER account_moved AFTER UPDATE OF path ON limits.nodes FOR EACH ROW
  WHEN (NEW.account_id IS NOT NULL AND OLD.path <> NEW.path) EXECUTE FUNCTION identity.account_moved();

-- Asked before a tenant is known. A user who is disabled is not found, nor is any key of his.
DROP FUNCTION identity.find_api_key;
CREATE FUNCTION identity.find_api_key(wanted text)
  RETURNS TABLE (tenant_id uuid, subject text, username text, role text, salt bytea, secret_hash bytea, scopes text[],
                 ip_allow cidr[], expires_at timestamptz, permissions_version bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.tenant_id, u.subject, u.username, u.role, k.salt, k.secret_hash, k.scopes, k.ip_allow, k.expires_at,
         u.permissions_version
  FROM identity.api_keys k JOIN identity.users u USING (user_id)
  WHERE k.key_id = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND u.disabled_at IS NULL $$;

CREATE FUNCTION identity.find_user(wanted_tenant uuid, wanted_subject text)
  RETURNS TABLE (username text, role text, permissions_version bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT u.username, u.role, u.permissions_version FROM identity.users u
  WHERE u.tenant_id = wanted_tenant AND u.subject = wanted_subject AND u.disabled_at IS NULL $$;

-- Of many at once, each by tenant, subject and key (null: none): the places of those who stand, and their version.
CREATE FUNCTION identity.standings(wanted_tenants uuid[], wanted_subjects text[], wanted_keys text[])
  RETURNS TABLE (place bigint, permissions_version bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT w.place, u.permissions_version
  FROM unnest(wanted_tenants, wanted_subjects, wanted_keys) WITH ORDINALITY AS w (tenant_id, subject, key_id, place)
  JOIN identity.users u ON u.tenant_id = w.tenant_id AND u.subject = w.subject
  WHERE u.disabled_at IS NULL AND (w.key_id IS NULL OR EXISTS (
    SELECT FROM identity.api_keys k
    WHERE k.key_id = w.key_id AND k.user_id = u.user_id AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > now()))) $$;

-- The roles are ROLES_WITH_ALL_ACCOUNTS of domain/permissions.py; a test compares.
CREATE OR REPLACE FUNCTION identity.find_signing_key(wanted text)
  RETURNS TABLE (tenant_id uuid, subject text, username text, role text, scopes text[], ip_allow text[],
                 expires_at timestamptz, secret_ciphertext bytea, public_key bytea, account_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.tenant_id, u.subject, u.username, u.role, k.scopes, k.ip_allow::text[], k.expires_at, k.secret_ciphertext,
         k.public_key, reachable.account_id
  FROM identity.api_keys k JOIN identity.users u USING (user_id)
  LEFT JOIN LATERAL (
    SELECT (array_agg(a.account_id))[1] AS account_id FROM identity.accounts a
    WHERE a.tenant_id = k.tenant_id AND (k.account_id IS NULL OR a.account_id = k.account_id)
      AND (u.role IN ('viewer', 'risk_manager', 'organisation_admin', 'auditor')
           OR EXISTS (SELECT FROM identity.reachable_accounts x
                      WHERE x.user_id = k.user_id AND x.account_id = a.account_id))
    HAVING count(*) = 1
  ) reachable ON true
  WHERE k.key_id = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND u.disabled_at IS NULL $$;

CREATE OR REPLACE FUNCTION identity.accessible_accounts(
    wanted_tenant uuid, wanted_subject text, sees_all boolean, at_most integer)
  RETURNS TABLE (account_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.account_id FROM identity.accounts a
  WHERE a.tenant_id = wanted_tenant AND (sees_all OR a.account_id IN (
    SELECT x.account_id FROM identity.reachable_accounts x JOIN identity.users u USING (user_id)
    WHERE u.tenant_id = wanted_tenant AND u.subject = wanted_subject))
  ORDER BY a.name, a.account_id LIMIT at_most $$;

REVOKE ALL ON FUNCTION identity.find_api_key, identity.find_user, identity.standings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_api_key, identity.find_user, identity.standings
  TO breakwater_functions, breakwater_engine;

GRANT SELECT ON identity.reachable_accounts TO breakwater_functions;
GRANT SELECT, INSERT, DELETE ON identity.node_access, identity.group_members, identity.group_accounts
  TO breakwater_functions;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.groups TO breakwater_functions;
GRANT DELETE ON identity.account_access TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['node_access', 'groups', 'group_members', 'group_accounts'] LOOP
    EXECUTE format('ALTER TABLE identity.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON identity.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
