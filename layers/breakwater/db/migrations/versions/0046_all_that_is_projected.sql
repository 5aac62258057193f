-- As before, and it waits for replaces and restatements too: projections note them since there are such.
CREATE OR REPLACE FUNCTION trading.applied_sequence(wanted_tenant uuid, wanted_account uuid, at_most integer) RETURNS bigint
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  noted CONSTANT text[] := ARRAY['orders.OrderAccepted.v1', 'orders.OrderRejected.v1', 'orders.OrderCanceled.v1',
                                 'orders.OrderExpired.v1', 'orders.OrderReplaced.v1', 'orders.OrderReplaceRejected.v1',
                                 'orders.OrderRestated.v1', 'orders.OrderLeased.v1', 'trades.TradeExecuted.v1'];
  newest_noted_id uuid;
  last_sequence bigint;
  taken_sequence bigint;
  lacked_sequence bigint;
BEGIN
  SELECT coalesce(max(f.sequence), 0) INTO last_sequence FROM trading.account_feed f
  WHERE f.account_id = wanted_account AND f.tenant_id = wanted_tenant;
  -- A count and not EXISTS: that would be planned as a join with all that was ever projected.
  SELECT f.sequence INTO taken_sequence FROM trading.account_feed f
  WHERE f.account_id = wanted_account AND f.tenant_id = wanted_tenant AND f.sequence > last_sequence - at_most
    AND (SELECT count(*) FROM trading.inbox i WHERE i.consumer = 'projections' AND i.event_id = f.event_id) > 0
  ORDER BY f.sequence DESC LIMIT 1;
  IF taken_sequence IS NULL AND last_sequence > at_most THEN
    -- Perhaps all of these are of other kinds, as in an account that trades elsewhere. Then what came before them says it.
    SELECT f.event_id INTO newest_noted_id FROM trading.account_feed f
    WHERE f.account_id = wanted_account AND f.tenant_id = wanted_tenant
      AND (SELECT e.topic FROM trading.events e WHERE e.event_id = f.event_id) = ANY (noted)
    ORDER BY f.sequence DESC LIMIT 1;
    IF NOT FOUND OR EXISTS (
      SELECT FROM trading.inbox i WHERE i.consumer = 'projections' AND i.event_id = newest_noted_id
    ) THEN
      RETURN last_sequence;
    END IF;
    RETURN NULL;
  END IF;
  SELECT f.sequence INTO lacked_sequence FROM trading.account_feed f JOIN trading.events e USING (event_id)
  WHERE f.account_id = wanted_account AND f.tenant_id = wanted_tenant AND f.sequence > coalesce(taken_sequence, 0)
    AND e.topic = ANY (noted)
  ORDER BY f.sequence LIMIT 1;
  RETURN coalesce(lacked_sequence - 1, last_sequence);
END $$;
