-- While a replace is not decided its reservation holds the larger of the order's terms (kept) and the new ones (asked).
ALTER TABLE limits.reservations
  ADD COLUMN replace_no            integer CHECK (replace_no > 0),
  ADD COLUMN kept_quantity         numeric,
  ADD COLUMN kept_valuation_price  numeric,
  ADD COLUMN asked_quantity        numeric CHECK (asked_quantity > 0),
  ADD COLUMN asked_valuation_price numeric CHECK (asked_valuation_price > 0),
  ADD CONSTRAINT reservations_replace_check CHECK (
    num_nulls(replace_no, kept_quantity, kept_valuation_price, asked_quantity, asked_valuation_price) IN (0, 5));

CREATE TABLE trading.order_replaces (
  order_id       uuid NOT NULL REFERENCES trading.orders,
  replace_no     integer NOT NULL CHECK (replace_no > 0),
  tenant_id      uuid NOT NULL REFERENCES identity.organisations,
  replace_id     text NOT NULL CHECK (length(replace_id) BETWEEN 1 AND 36), -- the client's: the same with another body is refused
  asked_quantity numeric,                      -- as it was sent; null: as it is
  asked_price    numeric,
  quantity       numeric NOT NULL,             -- what the order shall have
  price          numeric NOT NULL,
  price_low      numeric NOT NULL,             -- the band it is reserved for
  price_high     numeric NOT NULL,
  state          text NOT NULL CHECK (state IN ('PENDING', 'REPLACED', 'REJECTED')),
  reject_code    text,
  reject_reason  text,
  refusals       jsonb,
  requested_by   text NOT NULL,
  correlation_id text NOT NULL,
  requested_at   timestamptz NOT NULL,
  decided_at     timestamptz,
  PRIMARY KEY (order_id, replace_no),
  UNIQUE (order_id, replace_id)
);
CREATE UNIQUE INDEX order_replaces_pending ON trading.order_replaces (order_id) WHERE state = 'PENDING'; -- one at a time

GRANT SELECT, INSERT, UPDATE ON trading.order_replaces TO breakwater_functions;
ALTER TABLE trading.order_replaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON trading.order_replaces TO breakwater_functions USING (tenant_id = identity.current_tenant());

-- Exits by the order that they exit from.
CREATE INDEX order_exits ON trading.orders ((execution ->> 'after')) WHERE execution ->> 'after' IS NOT NULL;

CREATE FUNCTION trading.undecided_replaces(older_than interval, at_most integer)
  RETURNS TABLE (tenant_id uuid, order_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT tenant_id, order_id FROM trading.order_replaces
  WHERE state = 'PENDING' AND requested_at < now() - older_than ORDER BY random() LIMIT at_most $$;
REVOKE ALL ON FUNCTION trading.undecided_replaces FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trading.undecided_replaces TO breakwater_functions;
