ALTER TABLE alerts.alerts
  ADD COLUMN category text NOT NULL DEFAULT 'RISK' CHECK (category IN ('RISK', 'TRADE_FAILURE', 'AUTHENTICATION', 'VENUE',
    'MARKET_DATA', 'RECONCILIATION', 'COMMUNICATION', 'SYSTEM', 'GOVERNANCE')),
  ADD COLUMN group_key text NOT NULL DEFAULT '',   -- alerts of one kind about the same thing share it
  ADD COLUMN acknowledged_at timestamptz,
  ADD COLUMN acknowledged_by text,
  ADD COLUMN acknowledged_via text CHECK (acknowledged_via IN ('API', 'WEBSOCKET', 'TELEGRAM', 'SLACK', 'EMAIL', 'SMS')),
  ADD CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL) AND (acknowledged_at IS NULL) = (acknowledged_via IS NULL)),
  ADD UNIQUE (tenant_id, alert_id);
ALTER TABLE alerts.alerts ALTER COLUMN category DROP DEFAULT, ALTER COLUMN group_key DROP DEFAULT;
GRANT UPDATE (acknowledged_at, acknowledged_by, acknowledged_via) ON alerts.alerts TO breakwater_functions;

-- How a person is reached beside the address that he signs in with. What he has not confirmed is not here.
CREATE TABLE alerts.contacts (
  user_id             uuid PRIMARY KEY,
  tenant_id           uuid NOT NULL REFERENCES identity.organisations,
  phone               text CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),
  telegram_chat_id    bigint UNIQUE,           -- one chat speaks for one person
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);

-- Who is to be told of an alert, by which way, and what became of it.
CREATE TABLE alerts.deliveries (
  delivery_id  uuid PRIMARY KEY,
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  alert_id     uuid NOT NULL,
  stage        smallint NOT NULL,              -- 0: at once; minutes after which an escalation told him otherwise
  channel      text NOT NULL CHECK (channel IN ('EMAIL', 'SMS', 'SLACK', 'TELEGRAM')),
  user_id      uuid,                           -- null: a channel of the organisation
  destination  text NOT NULL,                  -- an address, a number, a chat, or the name of a channel
  state        text NOT NULL DEFAULT 'DUE' CHECK (state IN ('DUE', 'SENT', 'FAILED', 'SUPPRESSED')),
  reason       text,                           -- why it was suppressed, or failed
  attempts     int NOT NULL DEFAULT 0,
  due_at       timestamptz NOT NULL,
  sent_at      timestamptz,
  UNIQUE (alert_id, stage, channel, destination),
  CHECK ((state = 'SENT') = (sent_at IS NOT NULL)),
  FOREIGN KEY (tenant_id, alert_id) REFERENCES alerts.alerts (tenant_id, alert_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON alerts.deliveries (tenant_id, due_at) WHERE state = 'DUE';

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.contacts TO breakwater_functions;
GRANT SELECT, INSERT ON alerts.deliveries TO breakwater_functions;
GRANT UPDATE (state, reason, attempts, due_at, sent_at) ON alerts.deliveries TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['contacts', 'deliveries'] LOOP
    EXECUTE format('ALTER TABLE alerts.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON alerts.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
