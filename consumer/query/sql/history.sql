-- The states of one object as periods.
SELECT *
  FROM {table}_history
 WHERE root_account_uuid = $1 AND id = $2
 ORDER BY valid_from, event_name, coalesce(updated_at, '-infinity'), version_hash
