-- First of all: whoever counts does so before it locks anything that is locked below.
LOCK TABLE limits.activity IN SHARE ROW EXCLUSIVE MODE;

-- limits.activity once more, by five minutes: a limit that looks back over a day reads some hundreds of rows of a symbol at
-- a venue while its node is locked, and not all of a day's seconds. Kept by a trigger, so that whoever counts a second
-- counts it here too, functions of the version before among them.
CREATE TABLE limits.activity_blocks (LIKE limits.activity INCLUDING DEFAULTS, PRIMARY KEY (node_id, at, symbol, venue));
CREATE INDEX ON limits.activity_blocks (at);
GRANT SELECT, INSERT, UPDATE, DELETE ON limits.activity_blocks TO breakwater_functions;
ALTER TABLE limits.activity_blocks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON limits.activity_blocks TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- When the block of a second began.
CREATE FUNCTION limits.activity_block(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN date_bin('5 minutes', at, timestamptz '1970-01-01 00:00:00+00');

CREATE FUNCTION limits.count_in_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO limits.activity_blocks AS b (node_id, at, symbol, venue, tenant_id, new_count, replace_count, cancel_count,
                                           fill_count, automated_fill_count, traded_notional)
  VALUES (NEW.node_id, limits.activity_block(NEW.at), NEW.symbol, NEW.venue, NEW.tenant_id,
          NEW.new_count - coalesce(OLD.new_count, 0), NEW.replace_count - coalesce(OLD.replace_count, 0),
          NEW.cancel_count - coalesce(OLD.cancel_count, 0), NEW.fill_count - coalesce(OLD.fill_count, 0),
          NEW.automated_fill_count - coalesce(OLD.automated_fill_count, 0),
          NEW.traded_notional - coalesce(OLD.traded_notional, 0))
  ON CONFLICT (node_id, at, symbol, venue) DO UPDATE SET
    new_count = b.new_count + excluded.new_count,
    replace_count = b.replace_count + excluded.replace_count,
    cancel_count = b.cancel_count + excluded.cancel_count,
    fill_count = b.fill_count + excluded.fill_count,
    automated_fill_count = b.automated_fill_count + excluded.automated_fill_count,
    traded_notional = b.traded_notional + excluded.traded_notional;
  RETURN NULL;
END $$;
INSERT INTO limits.activity_blocks
SELECT node_id, limits.activity_block(at), symbol, venue, tenant_id, sum(new_count), sum(replace_count),
  sum(cancel_count), sum(fill_count), sum(automated_fill_count), sum(traded_notional)
FROM limits.activity GROUP BY node_id, limits.activity_block(at), symbol, venue, tenant_id;
CREATE TRIGGER count_in_block AFTER INSERT OR UPDATE ON limits.activity
  FOR EACH ROW EXECUTE FUNCTION limits.count_in_block();

CREATE OR REPLACE FUNCTION limits.forget_activity(before timestamptz, at_most integer) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH old AS (SELECT ctid FROM limits.activity WHERE at < before LIMIT at_most),
  gone AS (DELETE FROM limits.activity a USING old WHERE a.ctid = old.ctid RETURNING 1),
  old_blocks AS (SELECT ctid FROM limits.activity_blocks WHERE at <= before - interval '5 minutes' LIMIT at_most),
  gone_blocks AS (DELETE FROM limits.activity_blocks b USING old_blocks o WHERE b.ctid = o.ctid RETURNING 1)
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM gone_blocks) $$;

-- Last, because orders wait for these locks.
ALTER TABLE limits.activity_blocks
  ADD FOREIGN KEY (node_id) REFERENCES limits.nodes,
  ADD FOREIGN KEY (tenant_id) REFERENCES identity.organisations;

-- Of the notional, what a taker pays. The engine writes its venues' as they are configured; 0.1 % is what both exchanges
-- that there are ask of who has no discount. The engine's own book charges nothing, nor does the router by itself.
ALTER TABLE market.venues ADD COLUMN taker_fee numeric NOT NULL DEFAULT 0.001 CHECK (taker_fee >= 0 AND taker_fee < 1);
UPDATE market.venues SET taker_fee = 0 WHERE name IN ('BOOK', 'SOR');
