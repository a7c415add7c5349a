-- A step of a backfill is committed.
INSERT INTO backfill_step (run_id, step)
VALUES ($1, $2)
    ON CONFLICT DO NOTHING
