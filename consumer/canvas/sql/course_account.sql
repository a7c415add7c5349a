-- The account that holds a course, if we know it.
SELECT account_id
  FROM course
 WHERE root_account_uuid = coalesce($1, root_account_uuid) AND id = $2
 ORDER BY event_time DESC
 LIMIT 1
