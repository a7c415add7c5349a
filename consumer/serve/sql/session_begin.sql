-- A session of whoever has signed in: of a token ($3) or of a person, by login, SIS id, uuid. The second attempt of one changes nothing.
INSERT INTO access_session (root_account_uuid, digest, token_id, login, sis_user_id, user_uuid, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    ON CONFLICT DO NOTHING
