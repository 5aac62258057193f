-- Whoever may write into the chain of an audit trail could put into it what never happened. That is the sealer's function
-- alone: it signs in as a role of its own, which writes nothing else and reads nothing but events. See decision 105.
GRANT USAGE ON SCHEMA identity, trading, audit TO breakwater_sealer;
GRANT SELECT ON trading.events TO breakwater_sealer;
GRANT SELECT ON SEQUENCE trading.events_recorded_no_seq TO breakwater_sealer;
GRANT SELECT, INSERT, UPDATE ON audit.heads TO breakwater_sealer;
GRANT SELECT, INSERT ON audit.records, audit.anchors TO breakwater_sealer;
GRANT UPDATE (stored_at) ON audit.anchors TO breakwater_sealer;
GRANT EXECUTE ON FUNCTION audit.tenants_to_seal TO breakwater_sealer;

REVOKE INSERT, UPDATE ON audit.heads FROM breakwater_functions;
REVOKE INSERT ON audit.records, audit.anchors FROM breakwater_functions;
REVOKE UPDATE (stored_at) ON audit.anchors FROM breakwater_functions;
REVOKE EXECUTE ON FUNCTION audit.tenants_to_seal FROM breakwater_functions;
REVOKE SELECT ON SEQUENCE trading.events_recorded_no_seq FROM breakwater_functions;

CREATE POLICY sealer ON trading.events TO breakwater_sealer USING (tenant_id = identity.current_tenant());
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['heads', 'records', 'anchors'] LOOP
    EXECUTE format('CREATE POLICY sealer ON audit.%I TO breakwater_sealer USING (tenant_id = identity.current_tenant())', t);
  END LOOP;
END $$;
