-- The id of a new grading standard: higher than any of this tenant.
SELECT coalesce(max(s.id), 0) + 1 FROM grading_standard AS s WHERE s.root_account_uuid = $1
