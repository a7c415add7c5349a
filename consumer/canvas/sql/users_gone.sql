-- Users who may have been merged into others: they ever had an enrolment in course $2, or have an active result there, and no enrolment
-- now ($3). Excluded: those whose merge is known, and those who merely left: Canvas shows their deleted enrolments ($4), and no event
-- says that they are deleted themselves.
WITH known AS (
    SELECT version.user_id
      FROM enrollment_version AS version
     WHERE version.root_account_uuid = $1 AND version.course_id = $2
     UNION
    SELECT identity.user_id
      FROM learning_outcome_result AS result
      JOIN user_identity AS identity
        ON identity.root_account_uuid = result.root_account_uuid AND identity.user_uuid = result.user_uuid
     WHERE result.root_account_uuid = $1 AND result.result_context_type = 'Course' AND result.result_context_id = $2
       AND result.workflow_state = 'active'
)
SELECT known.user_id
  FROM known
  LEFT JOIN canvas_user AS person ON person.root_account_uuid = $1 AND person.id = known.user_id
 WHERE known.user_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS enrolled (id) WHERE enrolled.id = known.user_id)
   AND NOT EXISTS (SELECT FROM user_merge AS merge WHERE merge.root_account_uuid = $1 AND merge.id = known.user_id
                      AND merge.merged_into_user_id IS NOT NULL)
   AND (person.workflow_state = 'deleted'
        OR NOT EXISTS (SELECT FROM unnest($4::bigint[]) AS dropped (id) WHERE dropped.id = known.user_id))
 ORDER BY known.user_id
 LIMIT $5
