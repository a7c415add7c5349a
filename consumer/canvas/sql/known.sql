-- The newest versions of some objects.
SELECT *
  FROM {table}
 WHERE root_account_uuid = $1 AND id = ANY ($2::bigint[])
