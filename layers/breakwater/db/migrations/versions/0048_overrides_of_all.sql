-- What an override puts in the place of what was set: a value, parameters, or both; or the limit does not hold at all.
ALTER TABLE limits.overrides
  ALTER COLUMN value DROP NOT NULL,
  ADD COLUMN parameters jsonb,
  ADD COLUMN is_exempt  boolean NOT NULL DEFAULT false,
  ADD CHECK (CASE WHEN is_exempt THEN value IS NULL AND parameters IS NULL
                  ELSE value IS NOT NULL OR parameters IS NOT NULL END);
