-- A part of a backfill that is written whole.
INSERT INTO backfill_step (run_id, step)
VALUES ($1, $2)
    ON CONFLICT DO NOTHING
