-- A new right; none for a token that this tenant does not have.
INSERT INTO access_grant (root_account_uuid, kind, who, scope, scope_id, names, operations)
SELECT $1, $2, $3, $4, $5, $6, $7
 WHERE $2::text <> 'token' OR EXISTS (SELECT FROM api_token AS t WHERE t.root_account_uuid = $1 AND t.id::text = $3)
RETURNING *
