-- All tokens, revoked ones too.
SELECT id, root_account_uuid, name, created_at, revoked_at
  FROM api_token
 ORDER BY id
