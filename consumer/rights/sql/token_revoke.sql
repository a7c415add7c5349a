-- From now on the token opens nothing; revoking it again keeps the first time.
UPDATE api_token SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1
RETURNING id, root_account_uuid, name, created_at, revoked_at
