-- When an order that is GTD or DAY ends; null of any other. The engine ends it: here it is only told.
ALTER TABLE trading.orders ADD COLUMN expire_time timestamptz;
