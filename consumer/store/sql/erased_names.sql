-- What these people are called, to look for it in quarantine. A name of one word is other people's too.
SELECT DISTINCT word
  FROM person_name
 CROSS JOIN unnest(ARRAY[name, short_name, sortable_name, login, sis_user_id], ARRAY[true, true, true, false, false])
       AS called (word, is_name)
 WHERE root_account_uuid = $1 AND user_id = ANY ($2) AND word IS NOT NULL AND (word LIKE '% %' OR NOT is_name)
