-- For each alignment: how many active results we have, and up to three of these students ($5) who have one with a score. That
-- Canvas does not show a result without a score proves nothing.
SELECT alignment.learning_outcome_id, alignment.assignment_id, count(result.id) AS results,
       coalesce((array_agg(DISTINCT result.user_uuid) FILTER (WHERE result.user_uuid = ANY ($5::text[]) AND result.score IS NOT NULL))[1:3],
                '{}') AS students
  FROM unnest($3::bigint[], $4::bigint[]) AS alignment (learning_outcome_id, assignment_id)
  LEFT JOIN learning_outcome_result AS result
    ON result.root_account_uuid = $1 AND result.result_context_type = 'Course' AND result.result_context_id = $2
   AND result.workflow_state = 'active' AND result.learning_outcome_id = alignment.learning_outcome_id
   AND result.associated_asset_type = 'Assignment' AND result.associated_asset_id = alignment.assignment_id
 GROUP BY alignment.learning_outcome_id, alignment.assignment_id
