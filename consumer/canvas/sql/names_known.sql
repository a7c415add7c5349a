-- Names of some people, as they were told last. Only where OUTCOMES_PEOPLE is names.
SELECT user_id, name, short_name, sortable_name, login, sis_user_id
  FROM person_name
 WHERE root_account_uuid = $1 AND user_id = ANY ($2::bigint[])
