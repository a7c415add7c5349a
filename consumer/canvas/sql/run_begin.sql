-- A new backfill of this scope, unless one is unfinished.
INSERT INTO backfill_run (root_account_uuid, source, scope)
VALUES ($1, $2, $3)
    ON CONFLICT (root_account_uuid, source, scope) WHERE finished_at IS NULL DO NOTHING
