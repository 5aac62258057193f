-- When the last alert of the group came. Many groups are of one order, and none comes again.
ALTER TABLE alerts.group_turns ADD COLUMN heard_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX ON alerts.group_turns (tenant_id, heard_at);
