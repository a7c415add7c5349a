-- Ends the sessions of a person or a token ($2, $3).
UPDATE access_session
   SET ended_at = now()
 WHERE root_account_uuid = $1 AND ended_at IS NULL AND expires_at > now()
   AND CASE $2::text WHEN 'token' THEN token_id::text WHEN 'login' THEN login WHEN 'sis' THEN sis_user_id ELSE user_uuid END = $3::text
RETURNING id
