-- Of alignments of a course: how many active results each has here, and some of those of these students ($5) who have one with a
-- score: that one without is not shown tells nothing.
SELECT asked.learning_outcome_id, asked.assignment_id, count(result.id) AS results,
       coalesce((array_agg(DISTINCT result.user_uuid) FILTER (WHERE result.user_uuid = ANY ($5::text[]) AND result.score IS NOT NULL))[1:3],
                '{}') AS students
  FROM unnest($3::bigint[], $4::bigint[]) AS asked (learning_outcome_id, assignment_id)
  LEFT JOIN learning_outcome_result AS result
    ON result.root_account_uuid = $1 AND result.result_context_type = 'Course' AND result.result_context_id = $2
   AND result.workflow_state = 'active' AND result.learning_outcome_id = asked.learning_outcome_id
   AND result.associated_asset_type = 'Assignment' AND result.associated_asset_id = asked.assignment_id
 GROUP BY asked.learning_outcome_id, asked.assignment_id
