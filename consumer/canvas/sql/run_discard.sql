-- Ends an unfinished backfill of this scope, so that the next one starts from the beginning.
UPDATE backfill_run
   SET finished_at = now()
 WHERE root_account_uuid = $1 AND source = $2 AND scope = $3 AND finished_at IS NULL
