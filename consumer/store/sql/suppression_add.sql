-- Adds suppressions of a list that are not known here; returns how many.
WITH added AS (
    INSERT INTO suppression (root_account_uuid, kind, digest, erased_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::timestamptz[])
        ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*) FROM added
