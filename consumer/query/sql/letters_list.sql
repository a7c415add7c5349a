-- The newest state of each grading standard of one tenant.
SELECT *
  FROM grading_standard
 WHERE root_account_uuid = $1
 ORDER BY id
