-- An unfinished backfill of this scope that is not gone on with: the next one begins anew.
UPDATE backfill_run
   SET finished_at = now()
 WHERE root_account_uuid = $1 AND source = $2 AND scope = $3 AND finished_at IS NULL
