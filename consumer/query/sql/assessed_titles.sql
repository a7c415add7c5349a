-- Titles of what some results of a tenant assess, those of today: of the assignment, else as REST told it of the alignment.
SELECT r.id, coalesce(assignment.title, alignment.title) AS title
  FROM learning_outcome_result AS r
  LEFT JOIN LATERAL outcomes_internal.assessed_assignment($1, r.associated_asset_type, r.associated_asset_id, NULL) AS assignment ON true
  LEFT JOIN outcome_alignment AS alignment
         ON alignment.root_account_uuid = $1 AND alignment.course_id = r.result_context_id
        AND alignment.learning_outcome_id = r.learning_outcome_id
        AND alignment.asset_type = r.associated_asset_type AND alignment.asset_id = r.associated_asset_id
 WHERE r.root_account_uuid = $1 AND r.id = ANY ($2::bigint[]) AND coalesce(assignment.title, alignment.title) IS NOT NULL
