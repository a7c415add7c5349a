-- What these people are called, to look for it in quarantine.
SELECT DISTINCT word
  FROM person_name
 CROSS JOIN unnest(ARRAY[name, short_name, sortable_name, login, sis_user_id]) word
 WHERE root_account_uuid = $1 AND user_id = ANY ($2) AND word IS NOT NULL
