-- Never the same twice, not even after a rollback or in another database: what was once read under a version is for ever
-- what that version means, so processes keep it by the version alone.
ALTER TABLE limits.nodes ADD COLUMN limits_version uuid NOT NULL DEFAULT gen_random_uuid();

-- A change of limits locks the node as an order does, so whoever has the node locked knows that its version holds.
CREATE FUNCTION limits.renew_version() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE limits.nodes SET limits_version = gen_random_uuid() WHERE node_id IN (old.node_id, new.node_id);
  RETURN NULL;
END $$;
CREATE FUNCTION limits.renew_version_of_overridden() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE limits.nodes SET limits_version = gen_random_uuid()
  WHERE node_id IN (SELECT l.node_id FROM limits.limits l WHERE l.limit_id IN (old.limit_id, new.limit_id));
  RETURN NULL;
END $$;
CREATE TRIGGER renew_version AFTER INSERT OR UPDATE OR DELETE ON limits.limits
  FOR EACH ROW EXECUTE FUNCTION limits.renew_version();
CREATE TRIGGER renew_version AFTER INSERT OR UPDATE OR DELETE ON limits.overrides
  FOR EACH ROW EXECUTE FUNCTION limits.renew_version_of_overridden();
