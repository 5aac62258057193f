-- Whether the session that linked the chat had a second factor: where a role asks for one, it asks it of the chat too.
ALTER TABLE alerts.contacts ADD COLUMN telegram_second_factor boolean NOT NULL DEFAULT false;

-- One-time codes, by their hash. Whoever shows one to the bot speaks for the user from that chat on.
CREATE TABLE alerts.telegram_codes (
  user_id            uuid PRIMARY KEY,             -- a new code takes the place of the one before
  tenant_id          uuid NOT NULL REFERENCES identity.organisations,
  code_hash          bytea NOT NULL UNIQUE,
  has_second_factor  boolean NOT NULL,             -- of the session that asked for it
  expires_at         timestamptz NOT NULL,
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);

-- What the bot has shown a person, and asked him, last.
CREATE TABLE alerts.telegram_talks (
  user_id          uuid PRIMARY KEY,
  tenant_id        uuid NOT NULL REFERENCES identity.organisations,
  shown_alert_ids  uuid[] NOT NULL DEFAULT '{}',   -- as they were numbered
  kill_node_id     uuid,                           -- to be killed, once he has said why and confirmed it
  kill_reason      text,
  kill_token_hash  bytea,                          -- of the button that confirms it
  kill_expires_at  timestamptz,
  FOREIGN KEY (tenant_id, user_id) REFERENCES identity.users (tenant_id, user_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.telegram_codes, alerts.telegram_talks TO breakwater_functions;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['telegram_codes', 'telegram_talks'] LOOP
    EXECUTE format('ALTER TABLE alerts.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON alerts.%I TO breakwater_functions USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;

-- Who is disabled speaks from no chat, nor does he when he is let in again. As a trigger, so that no program forgets it.
CREATE FUNCTION alerts.telegram_ends_with_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE alerts.contacts SET telegram_chat_id = NULL, telegram_second_factor = false WHERE user_id = NEW.user_id;
  DELETE FROM alerts.telegram_codes WHERE user_id = NEW.user_id;
  DELETE FROM alerts.telegram_talks WHERE user_id = NEW.user_id;
  RETURN NEW;
END $$;
CREATE TRIGGER telegram_ends_with_user AFTER UPDATE OF disabled_at ON identity.users FOR EACH ROW
  WHEN ((OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL)) EXECUTE FUNCTION alerts.telegram_ends_with_user();

-- What Telegram has told the bot already. It tries for a day.
CREATE TABLE alerts.telegram_updates (
  update_id  bigint PRIMARY KEY,
  taken_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON alerts.telegram_updates (taken_at);

-- Asked before a tenant is known. Whether the update is told for the first time:
CREATE FUNCTION alerts.take_telegram_update(told bigint) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  DELETE FROM alerts.telegram_updates WHERE update_id IN (
    SELECT u.update_id FROM alerts.telegram_updates u WHERE u.taken_at < now() - interval '2 days'
    LIMIT 20 FOR UPDATE SKIP LOCKED);
  INSERT INTO alerts.telegram_updates (update_id) VALUES (told) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

-- For whom a chat speaks:
CREATE FUNCTION alerts.find_telegram_chat(wanted bigint)
  RETURNS TABLE (tenant_id uuid, user_id uuid, subject text, username text, role text, has_second_factor boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT u.tenant_id, u.user_id, u.subject, u.username, u.role, c.telegram_second_factor
  FROM alerts.contacts c JOIN identity.users u USING (tenant_id, user_id)
  WHERE c.telegram_chat_id = wanted AND u.disabled_at IS NULL $$;

-- And of which organisation a code is, so that it can be taken within it:
CREATE FUNCTION alerts.find_telegram_code(wanted bytea) RETURNS TABLE (tenant_id uuid, username text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT u.tenant_id, u.username FROM alerts.telegram_codes c JOIN identity.users u USING (tenant_id, user_id)
  WHERE c.code_hash = wanted AND c.expires_at > now() AND u.disabled_at IS NULL $$;

REVOKE ALL ON FUNCTION alerts.take_telegram_update, alerts.find_telegram_chat, alerts.find_telegram_code FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alerts.take_telegram_update, alerts.find_telegram_chat, alerts.find_telegram_code
  TO breakwater_functions;
