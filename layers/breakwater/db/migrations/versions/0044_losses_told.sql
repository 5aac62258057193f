-- How far the use of a limit on losses was told, in percent of the limit: a soft threshold, 100 where it is crossed, and
-- 0 again once it has fallen. `session_date`: of the session that it was told in, for limits that begin anew with each.
CREATE TABLE limits.losses_told (
  limit_id     uuid PRIMARY KEY REFERENCES limits.limits ON DELETE CASCADE,
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  pct          integer NOT NULL,
  session_date date NOT NULL
);
ALTER TABLE limits.losses_told ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON limits.losses_told TO breakwater_functions USING (tenant_id = identity.current_tenant());
GRANT SELECT, INSERT, UPDATE ON limits.losses_told TO breakwater_functions;
