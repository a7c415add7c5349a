-- One grading standard as it was at a time; null is now.
SELECT id AS grading_standard_id, title, grading_scheme, points_based, scaling_factor, context_type, context_id, workflow_state
  FROM grading_standard_version
 WHERE root_account_uuid = $1 AND id = $2 AND valid_from <= coalesce($3, clock_timestamp())
 ORDER BY valid_from DESC, imported_at DESC
 LIMIT 1
