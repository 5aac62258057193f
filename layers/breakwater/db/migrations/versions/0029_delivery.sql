-- A row for each queue, and one for the outbox. Of no tenant: numbers and times, and nothing of what the messages say.
CREATE TABLE trading.consumers (
  queue          text PRIMARY KEY,
  -- What the consumer says of itself.
  taken_to       timestamptz,                  -- when the newest message that it is done with was sent
  failing_since  timestamptz,                  -- when the oldest one was sent that fails and is tried again
  failing_until  timestamptz,                  -- after that time without another failure it does not fail any more
  -- What was seen of the queue when it was last looked at.
  empty_at       timestamptz,                  -- when nothing was last seen to wait, or when it was first looked at
  visible        bigint,
  in_flight      bigint,
  delayed        bigint,
  dead_letters   bigint,
  lag_s          double precision,
  sampled_at     timestamptz
);
GRANT SELECT, INSERT, UPDATE ON trading.consumers TO breakwater_functions;

-- What an account began with, which no event tells: balances are this and what its trades have moved since.
CREATE TABLE trading.opening_balances (
  account_id uuid NOT NULL,
  asset      text NOT NULL,
  tenant_id  uuid NOT NULL REFERENCES identity.organisations,
  total      numeric NOT NULL,
  PRIMARY KEY (account_id, asset)
);
INSERT INTO trading.opening_balances (account_id, asset, tenant_id, total)
SELECT b.account_id, b.asset, b.tenant_id, b.total - coalesce(moved.amount, 0)
FROM trading.balances b LEFT JOIN (
  SELECT t.account_id, change.asset, sum(change.amount) AS amount
  FROM trading.trades t JOIN market.instruments i USING (symbol)
  CROSS JOIN LATERAL (VALUES
    (i.base_asset, CASE t.side WHEN 'BUY' THEN t.last_qty ELSE -t.last_qty END),
    (i.quote_asset, CASE t.side WHEN 'BUY' THEN -t.last_qty * t.last_px ELSE t.last_qty * t.last_px END),
    (t.fee_currency, -t.fee)) AS change (asset, amount)
  GROUP BY t.account_id, change.asset
) moved USING (account_id, asset);
ALTER TABLE trading.opening_balances ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON trading.opening_balances TO breakwater_functions USING (tenant_id = identity.current_tenant());
GRANT SELECT, INSERT ON trading.opening_balances TO breakwater_functions;

-- A trade's row can be corrected to what its event says. None is ever removed.
GRANT UPDATE ON trading.trades TO breakwater_functions;
