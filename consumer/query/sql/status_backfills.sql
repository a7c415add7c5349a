-- The newest backfill of each scope, those first that were begun and not finished: they go on when they are called again.
SELECT run.root_account_uuid, run.source, run.scope, run.begun_at, run.finished_at,
       (SELECT count(*) FROM backfill_step AS step WHERE step.run_id = run.id) AS steps
  FROM (SELECT DISTINCT ON (root_account_uuid, source, scope) *
          FROM backfill_run
         ORDER BY root_account_uuid, source, scope, id DESC) AS run
 ORDER BY run.finished_at NULLS FIRST, run.source, run.scope, run.root_account_uuid
