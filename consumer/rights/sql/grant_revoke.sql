-- From now on the right is none; revoking it again keeps the first time.
UPDATE access_grant SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING *
