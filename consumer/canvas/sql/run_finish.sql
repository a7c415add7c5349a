-- A backfill that came to its end; the next one begins anew.
UPDATE backfill_run
   SET finished_at = now()
 WHERE id = $1
