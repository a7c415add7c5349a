-- The id of a new grading standard: above any that this tenant ever had.
SELECT coalesce(max(s.id), 0) + 1 FROM grading_standard AS s WHERE s.root_account_uuid = $1
