-- What an account was worth at a minute, in its base currency at the prices of then (decision 120).
CREATE TABLE trading.equity_samples (
  account_id      uuid NOT NULL,
  at              timestamptz NOT NULL,             -- a whole minute
  tenant_id       uuid NOT NULL REFERENCES identity.organisations,
  is_hourly       boolean NOT NULL,                 -- the first of its hour, which is kept for longer
  currency        text NOT NULL,
  equity          numeric NOT NULL,
  realised_pnl    numeric NOT NULL,                 -- before fees
  unrealised_pnl  numeric NOT NULL,
  fees            numeric NOT NULL,
  is_stale        boolean NOT NULL,                 -- one of the prices was old
  PRIMARY KEY (account_id, at),
  FOREIGN KEY (tenant_id, account_id) REFERENCES identity.accounts (tenant_id, account_id)
);
-- For what is forgotten, each after its time.
CREATE INDEX ON trading.equity_samples (tenant_id, at) WHERE is_hourly;
CREATE INDEX ON trading.equity_samples (tenant_id, at) WHERE NOT is_hourly;

GRANT SELECT, INSERT, DELETE ON trading.equity_samples TO breakwater_functions;
ALTER TABLE trading.equity_samples ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON trading.equity_samples TO breakwater_functions USING (tenant_id = identity.current_tenant());
