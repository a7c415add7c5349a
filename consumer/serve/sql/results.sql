-- The results of a course at a moment that Canvas shows: active, with a score or without, of an outcome that is still there and of an alignment that is not
-- gone; of these students ($4) and outcomes ($5). By user id, outcome and result; users whose id is unknown come last. Students
-- are counted first and only those of the page are sorted, with arrays in place of joins: how many results a course has the
-- planner cannot know.
WITH candidate AS MATERIALIZED (
    SELECT r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.mastery, r.assessed_at,
           r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id, r.event_time
      FROM learning_outcome_result AS r
     WHERE $3::timestamptz IS NULL AND r.root_account_uuid = $1 AND r.result_context_id = $2
       AND coalesce(r.result_context_type, 'Course') = 'Course' AND ($4::text[] IS NULL OR r.user_uuid = ANY ($4))
       AND r.workflow_state = 'active' AND r.user_uuid IS NOT NULL
     UNION ALL
    SELECT r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.mastery, r.assessed_at,
           r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id, r.event_time
      FROM (SELECT DISTINCT v.id
              FROM learning_outcome_result_version AS v
             WHERE v.root_account_uuid = $1 AND v.result_context_id = $2
               AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.event_time <= $3
               AND ($4::text[] IS NULL OR v.user_uuid = ANY ($4))) AS seen
     CROSS JOIN LATERAL learning_outcome_result_at($1, seen.id, $3) AS r
     WHERE $3::timestamptz IS NOT NULL AND r.result_context_id = $2 AND coalesce(r.result_context_type, 'Course') = 'Course'
       AND ($4::text[] IS NULL OR r.user_uuid = ANY ($4))
       AND r.workflow_state = 'active' AND r.user_uuid IS NOT NULL
),
shown AS (
    SELECT seen.learning_outcome_id
      FROM (SELECT DISTINCT c.learning_outcome_id FROM candidate AS c) AS seen
      LEFT JOIN LATERAL learning_outcome_at($1, seen.learning_outcome_id, $3) AS o ON true
      LEFT JOIN course_outcome_link($1, $2, NULL, $3) AS link USING (learning_outcome_id)
     WHERE o.workflow_state IS DISTINCT FROM 'deleted' AND link.shown IS NOT false
       AND ($5::bigint[] IS NULL OR seen.learning_outcome_id = ANY ($5))
),
gone AS MATERIALIZED (
    SELECT a.learning_outcome_id, a.asset_id, a.event_time
      FROM outcome_alignment_at($1, $2, $3) AS a
     WHERE a.workflow_state = 'deleted' AND a.asset_type = 'Assignment'
),
visible AS MATERIALIZED (
    SELECT c.*
      FROM candidate AS c
     WHERE c.learning_outcome_id = ANY (ARRAY(SELECT shown.learning_outcome_id FROM shown))
       AND NOT EXISTS (SELECT
                         FROM gone
                        WHERE c.associated_asset_type = 'Assignment' AND gone.asset_id = c.associated_asset_id
                          AND gone.learning_outcome_id = c.learning_outcome_id AND c.event_time <= gone.event_time)
),
student AS MATERIALIZED (
    SELECT placed.*, sum(placed.results) OVER (ORDER BY placed.place) - placed.results AS before, sum(placed.results) OVER ()::bigint AS total
      FROM (SELECT known.*, row_number() OVER (ORDER BY known.user_id NULLS LAST, known.user_uuid COLLATE "C") AS place
              FROM (SELECT counted.*,
                           CASE WHEN counted.user_uuid ~ '^id:[1-9][0-9]{0,17}$' THEN substr(counted.user_uuid, 4)::bigint
                                ELSE (SELECT min(u.user_id) FROM canvas_user AS u
                                       WHERE u.root_account_uuid = $1 AND u.user_uuid = counted.user_uuid)
                           END AS user_id
                      FROM (SELECT v.user_uuid, count(*) AS results FROM visible AS v GROUP BY v.user_uuid) AS counted) AS known) AS placed
),
here AS MATERIALIZED (
    SELECT s.* FROM student AS s WHERE s.before < $7::bigint + $6::bigint AND s.before + s.results > $7::bigint
),
page AS MATERIALIZED (
    SELECT v.*, here.place, here.user_id, here.total
      FROM (SELECT * FROM visible AS v WHERE v.user_uuid = ANY (ARRAY(SELECT here.user_uuid FROM here)) OFFSET 0) AS v
      JOIN here USING (user_uuid)
     ORDER BY here.place, v.learning_outcome_id, v.id
     LIMIT $6 OFFSET $7 - coalesce((SELECT min(here.before) FROM here), 0)
)
SELECT page.id, page.user_uuid, page.user_id, page.learning_outcome_id, page.score, page.possible, page.percent, page.mastery,
       page.associated_asset_type, page.associated_asset_id, page.total,
       whole_second(coalesce(submission.submitted_at, page.assessed_at)) AS submitted_or_assessed_at
  FROM page
  LEFT JOIN LATERAL rubric_assessment_at($1, CASE WHEN page.artifact_type = 'RubricAssessment' THEN page.artifact_id END, $3) AS submission
    ON true
 ORDER BY page.place, page.learning_outcome_id, page.id
