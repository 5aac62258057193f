-- Records that were anchored and that the database has lost by a restore: asked for by one person, approved by another.
CREATE TABLE audit.gaps (
  gap_id         uuid PRIMARY KEY,
  tenant_id      uuid NOT NULL REFERENCES identity.organisations,
  first_sequence bigint NOT NULL CHECK (first_sequence > 0),
  sequence       bigint NOT NULL CHECK (sequence >= first_sequence),
  reason         text NOT NULL,
  asked_by       text NOT NULL,
  asked_at       timestamptz NOT NULL,
  approved_by    text CHECK (approved_by <> asked_by),
  approved_at    timestamptz,
  CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);
CREATE UNIQUE INDEX ON audit.gaps (tenant_id, sequence) WHERE approved_by IS NOT NULL;
CREATE INDEX ON audit.gaps (tenant_id, asked_at);

-- What is not anchored yet moves behind what was lost; what is anchored stays as it is. Whoever says another head than the
-- anchor's gets no signature: the sealer compares with the bucket. It alone may call this, as it alone writes the chain.
CREATE FUNCTION audit.go_on_behind(lost_to bigint, lost_head bytea, lost_digest bytea, reached bytea) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := identity.current_tenant();
  head audit.heads;
BEGIN
  SELECT * INTO STRICT head FROM audit.heads h WHERE h.tenant_id = tenant FOR UPDATE;
  IF lost_to <= head.anchored_sequence THEN
    RAISE EXCEPTION 'the trail goes on behind record % already', lost_to;
  END IF;
  -- By way of negative numbers, since a key is checked row by row.
  UPDATE audit.records r SET sequence = -(r.sequence + lost_to - head.anchored_sequence)
    WHERE r.tenant_id = tenant AND r.sequence > head.anchored_sequence;
  UPDATE audit.records r SET sequence = -r.sequence WHERE r.tenant_id = tenant AND r.sequence < 0;
  UPDATE audit.heads h SET sequence = head.sequence + lost_to - head.anchored_sequence, hash = reached,
    anchored_sequence = lost_to, anchored_hash = lost_head, anchor_digest = lost_digest WHERE h.tenant_id = tenant;
END $$;
REVOKE ALL ON FUNCTION audit.go_on_behind FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.go_on_behind TO breakwater_sealer;

GRANT SELECT, INSERT ON audit.gaps TO breakwater_functions;
GRANT UPDATE (approved_by, approved_at) ON audit.gaps TO breakwater_functions;
ALTER TABLE audit.gaps ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit.gaps TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- The sealer names them in its anchors.
GRANT SELECT ON audit.gaps TO breakwater_sealer;
CREATE POLICY sealer ON audit.gaps TO breakwater_sealer USING (tenant_id = identity.current_tenant());
