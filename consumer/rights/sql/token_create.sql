-- A new token, as its digest: nothing stores the token itself.
INSERT INTO api_token (root_account_uuid, name, digest) VALUES ($1, $2, $3)
RETURNING id, root_account_uuid, name, created_at, revoked_at
