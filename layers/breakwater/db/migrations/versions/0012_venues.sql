-- The same for every tenant. A venue that is not configured any more stays, disabled: orders and trades name it.
CREATE TABLE market.venues (
  name       text PRIMARY KEY CHECK (name ~ '^[A-Z0-9_]{1,16}$'),
  exchange   text NOT NULL,
  is_enabled boolean NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO market.venues (name, exchange, is_enabled) VALUES ('SIM', 'simulated', true), ('BOOK', 'internal', true);

GRANT SELECT ON market.venues TO breakwater_functions;
GRANT SELECT, INSERT, UPDATE ON market.venues TO breakwater_engine;
