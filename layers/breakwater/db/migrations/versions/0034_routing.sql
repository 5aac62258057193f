-- What an organisation says otherwise than domain/alerting.py: one document, changed as a whole.
CREATE TABLE alerts.routing (
  tenant_id   uuid PRIMARY KEY REFERENCES identity.organisations,
  version     int NOT NULL CHECK (version > 0),
  routes      jsonb NOT NULL,                  -- category: audiences
  audiences   jsonb NOT NULL,                  -- audience: {roles, group_ids}
  channels    jsonb NOT NULL,                  -- severity: channels
  changed_by  text NOT NULL,
  changed_at  timestamptz NOT NULL
);

CREATE TABLE alerts.slack_channels (
  channel_id    uuid PRIMARY KEY,
  tenant_id     uuid NOT NULL REFERENCES identity.organisations,
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  categories    text[] NOT NULL,               -- empty: of all
  sealed_hook   bytea NOT NULL,                -- its URL is a secret: whoever has it writes there
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL,
  UNIQUE (tenant_id, name)
);

-- Alerts of one group and severity: which one is told now, with all that were gathered since.
CREATE TABLE alerts.group_windows (
  tenant_id    uuid NOT NULL REFERENCES identity.organisations,
  group_key    text NOT NULL,
  severity     text NOT NULL,
  leader_id    uuid NOT NULL,                  -- the alert whose message speaks for the others
  escalated_id uuid NOT NULL,                  -- the leader whose escalation is that of the group
  sends_at     timestamptz NOT NULL,
  message_no   int NOT NULL,                   -- of the group, from 1
  taken_at     timestamptz,                    -- since then the message is written, and nobody joins it
  PRIMARY KEY (tenant_id, group_key, severity),
  FOREIGN KEY (tenant_id, leader_id) REFERENCES alerts.alerts (tenant_id, alert_id),
  FOREIGN KEY (tenant_id, escalated_id) REFERENCES alerts.alerts (tenant_id, alert_id)
);
CREATE INDEX ON alerts.group_windows (tenant_id, leader_id);
CREATE INDEX ON alerts.group_windows (tenant_id, sends_at);
ALTER TABLE alerts.alerts
  ADD COLUMN gathered_in uuid,                             -- the leader that speaks for it
  ADD COLUMN escalates boolean NOT NULL DEFAULT false,     -- others are told when nobody acknowledges it
  ADD FOREIGN KEY (tenant_id, gathered_in) REFERENCES alerts.alerts (tenant_id, alert_id);
CREATE INDEX ON alerts.alerts (tenant_id, gathered_in) WHERE gathered_in IS NOT NULL;
GRANT UPDATE (gathered_in, escalates) ON alerts.alerts TO breakwater_functions;

-- When a group went up or down lately.
CREATE TABLE alerts.group_turns (
  tenant_id       uuid NOT NULL REFERENCES identity.organisations,
  group_key       text NOT NULL,
  severity        text NOT NULL,               -- the last one's
  turned_at       timestamptz[] NOT NULL,
  flapping_since  timestamptz,
  PRIMARY KEY (tenant_id, group_key)
);

CREATE TABLE alerts.suppressions (
  suppression_id     uuid PRIMARY KEY,
  tenant_id          uuid NOT NULL REFERENCES identity.organisations,
  category           text,                     -- null: each
  kind               text,
  node_id            uuid,                     -- what the alert is about
  includes_critical  boolean NOT NULL,
  starts_at          timestamptz NOT NULL,
  ends_at            timestamptz NOT NULL,
  reason             text NOT NULL CHECK (reason <> ''),
  created_by         text NOT NULL,
  created_at         timestamptz NOT NULL,
  ended_by           text,                     -- ended before its time
  CHECK (starts_at <= ends_at),
  CHECK (coalesce(category, kind, node_id::text) IS NOT NULL)
);
CREATE INDEX ON alerts.suppressions (tenant_id, ends_at);

ALTER TABLE alerts.contacts
  ADD COLUMN time_zone   text,
  ADD COLUMN quiet_from  time,
  ADD COLUMN quiet_until time,
  ADD COLUMN quiet_days  smallint[],           -- on which they begin: 1 is Monday
  ADD CHECK (num_nulls(time_zone, quiet_from, quiet_until, quiet_days) IN (0, 4));

-- A number that somebody says is his, until he types what was sent there.
CREATE TABLE alerts.phone_codes (
  user_id     uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES identity.organisations,
  phone       text NOT NULL,
  code_hash   bytea NOT NULL,
  tries_left  smallint NOT NULL,
  expires_at  timestamptz NOT NULL,
  sent_at     timestamptz[] NOT NULL,          -- within the last day
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);

ALTER TABLE alerts.deliveries ADD COLUMN claimed_until timestamptz;   -- somebody is sending it
GRANT UPDATE (claimed_until) ON alerts.deliveries TO breakwater_functions;
CREATE INDEX ON alerts.deliveries (tenant_id, channel, destination) WHERE state = 'DUE';

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.routing, alerts.slack_channels, alerts.group_windows, alerts.group_turns,
  alerts.phone_codes TO breakwater_functions;
GRANT SELECT, INSERT ON alerts.suppressions TO breakwater_functions;
GRANT UPDATE (ends_at, ended_by) ON alerts.suppressions TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['routing', 'slack_channels', 'group_windows', 'group_turns', 'suppressions', 'phone_codes'] LOOP
    EXECUTE format('ALTER TABLE alerts.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON alerts.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
