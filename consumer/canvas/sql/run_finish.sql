-- The backfill has come to its end.
UPDATE backfill_run
   SET finished_at = now()
 WHERE id = $1
