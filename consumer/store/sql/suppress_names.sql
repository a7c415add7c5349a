-- Suppresses names of a person, for texts of any form; no column is looked at for them.
INSERT INTO suppression (root_account_uuid, kind, digest)
SELECT $1, 'text', * FROM unnest($2::bytea[])
    ON CONFLICT DO NOTHING
