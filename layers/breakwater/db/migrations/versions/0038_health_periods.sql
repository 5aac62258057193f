-- How each dependency of the platform was. A row is a time in which it did not change; what nobody looked at lies between
-- two rows. Of no tenant: states, and nothing of what anybody does.
CREATE TABLE trading.health_periods (
  dependency  text NOT NULL,
  began_at    timestamptz NOT NULL,  -- the first look that found it so
  seen_until  timestamptz NOT NULL,  -- and the last one
  state       text NOT NULL CHECK (state IN ('UP', 'DEGRADED', 'DOWN')),
  detail      text NOT NULL,         -- what is not well with it, in words
  PRIMARY KEY (dependency, began_at)
);
CREATE INDEX ON trading.health_periods (seen_until);
GRANT SELECT, INSERT, UPDATE, DELETE ON trading.health_periods TO breakwater_functions;
