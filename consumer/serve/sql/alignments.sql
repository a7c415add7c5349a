-- The alignments of a course at a moment, of one assignment ($4), or of results of these students ($5); those of quizzes ($6) too. A
-- backfill has told some; an active result proves others, also after an alignment was removed. Canvas has no alignments of deleted outcomes.
WITH backfilled AS (
    SELECT a.* FROM outcome_alignment_at($1, $2, $3) AS a
),
result AS (
    SELECT r.learning_outcome_id, r.user_uuid, r.workflow_state, r.associated_asset_type, r.associated_asset_id, r.event_time
      FROM learning_outcome_result AS r
     WHERE $3::timestamptz IS NULL AND r.root_account_uuid = $1 AND r.result_context_id = $2
       AND coalesce(r.result_context_type, 'Course') = 'Course'
     UNION ALL
    SELECT r.learning_outcome_id, r.user_uuid, r.workflow_state, r.associated_asset_type, r.associated_asset_id, r.event_time
      FROM (SELECT DISTINCT v.id
              FROM learning_outcome_result_version AS v
             WHERE v.root_account_uuid = $1 AND v.result_context_id = $2
               AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.event_time <= $3
               AND ($4::bigint IS NULL OR v.associated_asset_id = $4) AND ($5::text[] IS NULL OR v.user_uuid = ANY ($5))) AS seen
     CROSS JOIN LATERAL learning_outcome_result_at($1, seen.id, $3) AS r
     WHERE $3::timestamptz IS NOT NULL AND r.result_context_id = $2 AND coalesce(r.result_context_type, 'Course') = 'Course'
),
proved AS (
    SELECT r.learning_outcome_id, r.associated_asset_type AS asset_type, r.associated_asset_id AS asset_id, max(r.event_time) AS event_time
      FROM result AS r
     WHERE r.workflow_state = 'active' AND (r.associated_asset_type IN ('Assignment', 'LiveAssessments::Assessment')
            OR $6::boolean AND r.associated_asset_type = 'Quizzes::Quiz')
       AND r.associated_asset_id IS NOT NULL AND ($5::text[] IS NULL OR r.user_uuid = ANY ($5))
     GROUP BY r.learning_outcome_id, r.associated_asset_type, r.associated_asset_id
)
SELECT learning_outcome_id, asset_type, asset_id, coalesce(assignment.title, backfilled.title) AS title,
       coalesce(assignment.submission_types, backfilled.submission_types) AS submission_types, assignment.workflow_state AS assignment_state,
       CASE asset_type WHEN 'Assignment' THEN coalesce(backfilled.url, '/courses/' || $2 || '/assignments/' || asset_id)
                       WHEN 'Quizzes::Quiz' THEN '/courses/' || $2 || '/quizzes/' || asset_id END AS url
  FROM backfilled
  FULL JOIN proved USING (learning_outcome_id, asset_type, asset_id)
  LEFT JOIN LATERAL learning_outcome_at($1, learning_outcome_id, $3) AS o ON true
  LEFT JOIN LATERAL outcomes_internal.assessed_assignment($1, asset_type, asset_id, $3) AS assignment ON true
 WHERE (backfilled.workflow_state IS NULL OR backfilled.workflow_state = 'active' OR proved.event_time > backfilled.event_time)
   AND ($4::bigint IS NULL OR asset_type = 'Assignment' AND asset_id = $4)
   AND ($5::text[] IS NULL OR proved.asset_id IS NOT NULL)
   AND o.workflow_state IS DISTINCT FROM 'deleted'
 ORDER BY asset_type, asset_id, learning_outcome_id
