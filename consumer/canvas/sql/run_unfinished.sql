-- The unfinished backfill of this scope, and its completed steps.
SELECT run.id, run.begun_at, array_remove(array_agg(step.step), NULL) AS steps
  FROM backfill_run AS run
  LEFT JOIN backfill_step AS step ON step.run_id = run.id
 WHERE run.root_account_uuid = $1 AND run.source = $2 AND run.scope = $3 AND run.finished_at IS NULL
 GROUP BY run.id
