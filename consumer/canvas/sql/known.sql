-- The newest versions of some objects of a table, to be compared with what REST tells of them.
SELECT *
  FROM {table}
 WHERE root_account_uuid = $1 AND id = ANY ($2::bigint[])
