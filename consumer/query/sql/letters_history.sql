-- The states of one grading standard as periods.
SELECT *
  FROM grading_standard_history
 WHERE root_account_uuid = $1 AND id = $2
 ORDER BY valid_from
