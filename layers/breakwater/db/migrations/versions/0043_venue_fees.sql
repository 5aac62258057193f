-- Of the notional, what a taker pays. The engine writes its venues' as they are configured; 0.1 % is what both exchanges
-- that there are ask of who has no discount. The engine's own book charges nothing, nor does the router by itself.
ALTER TABLE market.venues ADD COLUMN taker_fee numeric NOT NULL DEFAULT 0.001 CHECK (taker_fee >= 0 AND taker_fee < 1);
UPDATE market.venues SET taker_fee = 0 WHERE name IN ('BOOK', 'SOR');
