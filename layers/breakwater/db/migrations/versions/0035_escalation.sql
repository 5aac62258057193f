ALTER TABLE alerts.alerts ADD COLUMN acknowledged_note text CHECK (acknowledged_at IS NOT NULL OR acknowledged_note IS NULL);
GRANT UPDATE (acknowledged_note) ON alerts.alerts TO breakwater_functions;
CREATE INDEX alerts_open_groups ON alerts.alerts (tenant_id, group_key, created_at) WHERE acknowledged_at IS NULL;

-- What has been decided for an organisation; what has no row is as domain/escalation.py has it.
CREATE TABLE alerts.escalation_settings (
  tenant_id        uuid PRIMARY KEY REFERENCES identity.organisations,
  first_s          int NOT NULL,
  second_s         int NOT NULL,
  incident_bridge  text,                       -- an address or a telephone number where people meet
  CHECK (1 <= first_s AND first_s < second_s AND second_s <= 14400)
);

-- One for each alert that people are told of again until somebody acknowledges it.
CREATE TABLE alerts.escalations (
  alert_id    uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  group_key   text NOT NULL,
  severity    text NOT NULL,
  first_s     int NOT NULL,
  second_s    int NOT NULL,
  started_at  timestamptz NOT NULL,
  covers_to   timestamptz NOT NULL,            -- no later alert of the group rests on it after that
  stage       smallint NOT NULL DEFAULT 0,     -- the last that was carried out
  ended_at    timestamptz,
  outcome     text CHECK (outcome IN ('ACKNOWLEDGED', 'RESOLVED', 'EXHAUSTED')),
  CHECK ((ended_at IS NULL) = (outcome IS NULL)),
  FOREIGN KEY (tenant_id, alert_id) REFERENCES alerts.alerts (tenant_id, alert_id)
);
CREATE INDEX ON alerts.escalations (tenant_id, group_key) WHERE ended_at IS NULL;

CREATE TABLE alerts.rotas (
  tenant_id    uuid PRIMARY KEY REFERENCES identity.organisations,
  people       uuid[] NOT NULL CHECK (cardinality(people) BETWEEN 1 AND 50),
  starts_on    date NOT NULL,
  handover_at  time NOT NULL,
  time_zone    text NOT NULL,
  turn_days    smallint NOT NULL CHECK (turn_days BETWEEN 1 AND 28)
);

CREATE TABLE alerts.rota_overrides (
  override_id  uuid PRIMARY KEY,
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  user_id      uuid NOT NULL,
  starts_at    timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  made_by      text NOT NULL,
  made_at      timestamptz NOT NULL,
  CHECK (starts_at < ends_at),
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON alerts.rota_overrides (tenant_id, ends_at);

-- A link in a message: whoever has it acknowledges one alert in the name of whom the message was for. 128 random bits,
-- so no salt.
CREATE TABLE alerts.acknowledgement_links (
  token_hash  bytea PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  alert_id    uuid NOT NULL,
  user_id     uuid,                            -- null: whoever reads the channel of the organisation
  destination text NOT NULL,                   -- as the delivery has it
  via         text NOT NULL CHECK (via IN ('EMAIL', 'SMS', 'SLACK')),
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  FOREIGN KEY (tenant_id, alert_id) REFERENCES alerts.alerts (tenant_id, alert_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);
CREATE INDEX ON alerts.acknowledgement_links (tenant_id, expires_at);

GRANT SELECT, INSERT, UPDATE ON alerts.escalation_settings, alerts.rotas TO breakwater_functions;
GRANT SELECT, INSERT ON alerts.escalations TO breakwater_functions;
GRANT UPDATE (stage, ended_at, outcome) ON alerts.escalations TO breakwater_functions;
GRANT SELECT, INSERT, DELETE ON alerts.rota_overrides, alerts.acknowledgement_links TO breakwater_functions;
GRANT UPDATE (used_at) ON alerts.acknowledgement_links TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['escalation_settings', 'escalations', 'rotas', 'rota_overrides', 'acknowledgement_links'] LOOP
    EXECUTE format('ALTER TABLE alerts.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON alerts.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
