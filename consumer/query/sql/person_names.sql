-- The names of some users of a tenant.
SELECT user_id, name, short_name, sortable_name, login, sis_user_id
  FROM person_name
 WHERE root_account_uuid = $1 AND user_id = ANY ($2::bigint[]) AND name IS NOT NULL
