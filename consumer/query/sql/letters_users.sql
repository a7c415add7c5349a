-- Who uses one grading standard now.
SELECT context_type, context_id, valid_from
  FROM grading_standard_use_history
 WHERE root_account_uuid = $1 AND grading_standard_id = $2
   AND valid_from <= now() AND (valid_to > now() OR valid_to IS NULL)
 ORDER BY context_type, context_id
