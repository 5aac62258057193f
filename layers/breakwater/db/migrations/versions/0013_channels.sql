-- The engine still reads no table of identity, orders or positions: it may ask these questions, each of one tenant.
CREATE FUNCTION identity.accessible_accounts(wanted_tenant uuid, wanted_subject text, sees_all boolean, at_most integer)
  RETURNS TABLE (account_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.account_id FROM identity.accounts a
  WHERE a.tenant_id = wanted_tenant AND (sees_all OR EXISTS (
    SELECT FROM identity.account_access x JOIN identity.users u USING (user_id)
    WHERE x.account_id = a.account_id AND u.tenant_id = wanted_tenant AND u.subject = wanted_subject))
  ORDER BY a.name, a.account_id LIMIT at_most $$;

CREATE FUNCTION trading.newest_orders(wanted_tenant uuid, wanted_account uuid, at_most integer)
  RETURNS TABLE (order_id uuid, client_order_id text, symbol text, side text, type text, status text, quantity numeric,
                 price numeric, cum_qty numeric, leaves_qty numeric, cum_notional numeric, time_in_force text,
                 venue text, is_leased boolean, created_at timestamptz, updated_at timestamptz, correlation_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT o.order_id, o.client_order_id, o.symbol, o.side, o.type, o.status, o.quantity, o.price, o.cum_qty,
         o.leaves_qty, o.cum_notional, o.time_in_force, o.venue, o.is_leased, o.created_at, o.updated_at,
         o.correlation_id
  FROM trading.orders o WHERE o.account_id = wanted_account AND o.tenant_id = wanted_tenant
  ORDER BY o.created_at DESC, o.order_id DESC LIMIT at_most $$;

CREATE FUNCTION trading.positions_of(wanted_tenant uuid, wanted_account uuid, at_most integer)
  RETURNS TABLE (symbol text, quantity numeric, average_price numeric, realised_pnl numeric, updated_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT p.symbol, p.quantity, p.average_price, p.realised_pnl, p.updated_at
  FROM trading.positions p WHERE p.account_id = wanted_account AND p.tenant_id = wanted_tenant
  ORDER BY p.symbol LIMIT at_most $$;

REVOKE ALL ON FUNCTION identity.accessible_accounts, trading.newest_orders, trading.positions_of FROM PUBLIC;
GRANT USAGE ON SCHEMA identity TO breakwater_engine;
GRANT EXECUTE ON FUNCTION identity.find_api_key, identity.accessible_accounts, trading.newest_orders,
  trading.positions_of TO breakwater_engine;
