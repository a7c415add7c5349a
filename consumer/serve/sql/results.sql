-- The results of a course at a moment that Canvas shows: active, scored or not, of an outcome that exists and an alignment that is not
-- removed; of these students ($4), whatever their uuid was then, and of these outcomes ($5). In the order of the students, then by
-- outcome and result. Counts by student first, then sorts only the students of the page; arrays replace joins, because the planner
-- cannot know how many results a course has.
WITH known AS MATERIALIZED (
    SELECT array_agg(u.user_uuid) AS uuids FROM outcomes_internal.uuids_of_same($1, $4) AS u
),
candidate AS MATERIALIZED (
    SELECT r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.mastery, r.assessed_at,
           r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id, r.event_time,
           coalesce(r.created_at, r.assessed_at, r.event_time) AS made_at
      FROM learning_outcome_result AS r
     WHERE $3::timestamptz IS NULL AND r.root_account_uuid = $1 AND r.result_context_id = $2
       AND coalesce(r.result_context_type, 'Course') = 'Course' AND r.user_uuid = ANY ((SELECT known.uuids FROM known)::text[])
       AND r.workflow_state = 'active' AND r.user_uuid IS NOT NULL
     UNION ALL
    SELECT r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.mastery, r.assessed_at,
           r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id, r.event_time,
           coalesce(r.created_at, r.assessed_at, r.event_time)
      FROM (SELECT DISTINCT v.id
              FROM learning_outcome_result_version AS v
             WHERE v.root_account_uuid = $1 AND v.result_context_id = $2
               AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.event_time <= $3
               AND v.user_uuid = ANY ((SELECT known.uuids FROM known)::text[])) AS seen
     CROSS JOIN LATERAL learning_outcome_result_at($1, seen.id, $3) AS r
     WHERE $3::timestamptz IS NOT NULL AND r.result_context_id = $2 AND coalesce(r.result_context_type, 'Course') = 'Course'
       AND r.user_uuid = ANY ((SELECT known.uuids FROM known)::text[])
       AND r.workflow_state = 'active' AND r.user_uuid IS NOT NULL
),
shown AS (
    SELECT seen.learning_outcome_id
      FROM (SELECT DISTINCT c.learning_outcome_id FROM candidate AS c) AS seen
      LEFT JOIN LATERAL learning_outcome_at($1, seen.learning_outcome_id, $3) AS o ON true
      LEFT JOIN outcomes_internal.course_outcome_link($1, $2, NULL, $3) AS link USING (learning_outcome_id)
     WHERE o.workflow_state IS DISTINCT FROM 'deleted' AND link.shown IS NOT false
       AND ($5::bigint[] IS NULL OR seen.learning_outcome_id = ANY ($5))
),
removed AS MATERIALIZED (
    SELECT a.* FROM outcomes_internal.removed_alignment($1, $2, $3, NULL) AS a
),
person AS MATERIALIZED (
    SELECT p.*
      FROM outcomes_internal.result_person($1, $2, ARRAY(SELECT DISTINCT c.user_uuid FROM candidate AS c), $3, NULL) AS p
),
visible AS MATERIALIZED (
    SELECT c.id, p.counts_as AS user_uuid, c.learning_outcome_id, c.score, c.possible, c.percent, c.mastery, c.assessed_at,
           c.artifact_type, c.artifact_id, c.associated_asset_type, c.associated_asset_id, c.event_time
      FROM candidate AS c
      JOIN person AS p ON p.user_uuid = c.user_uuid AND c.made_at >= p.held_from AND c.made_at < p.held_until
     WHERE p.counts_as = ANY ($4::text[]) AND c.learning_outcome_id = ANY (ARRAY(SELECT shown.learning_outcome_id FROM shown))
       AND NOT EXISTS (SELECT
                         FROM removed
                        WHERE c.associated_asset_type = 'Assignment' AND removed.assignment_id = c.associated_asset_id
                          AND removed.learning_outcome_id = c.learning_outcome_id AND c.event_time <= removed.removed_at)
),
student AS MATERIALIZED (
    SELECT counted.user_uuid, counted.results, asked.place,
           sum(counted.results) OVER (ORDER BY asked.place) - counted.results AS before, sum(counted.results) OVER ()::bigint AS total
      FROM (SELECT v.user_uuid, count(*) AS results FROM visible AS v GROUP BY v.user_uuid) AS counted
      JOIN unnest($4::text[]) WITH ORDINALITY AS asked (user_uuid, place) USING (user_uuid)
),
page_student AS MATERIALIZED (
    SELECT s.* FROM student AS s WHERE s.before < $7::bigint + $6::bigint AND s.before + s.results > $7::bigint
),
page AS MATERIALIZED (
    SELECT v.*, s.place, s.total
      FROM (SELECT * FROM visible AS v WHERE v.user_uuid = ANY (ARRAY(SELECT s.user_uuid FROM page_student AS s)) OFFSET 0) AS v
      JOIN page_student AS s USING (user_uuid)
     ORDER BY s.place, v.learning_outcome_id, v.id
     LIMIT $6 OFFSET $7 - coalesce((SELECT min(s.before) FROM page_student AS s), 0)
),
assessed AS MATERIALIZED (
    SELECT page.*, assessment.id IS NOT NULL AS told, assessment.submitted_at
      FROM page
      LEFT JOIN LATERAL rubric_assessment_at($1, CASE WHEN page.artifact_type = 'RubricAssessment' THEN page.artifact_id END, $3) AS assessment
        ON true
)
SELECT page.id, page.user_uuid, page.learning_outcome_id, page.score, page.possible, page.percent, page.mastery,
       page.associated_asset_type, page.associated_asset_id, page.total,
       outcomes_internal.whole_second(coalesce(page.submitted_at, work.submitted_at, page.assessed_at)) AS submitted_or_assessed_at
  FROM assessed AS page
  LEFT JOIN outcomes_internal.submission_time(
            $1, ARRAY(SELECT a.associated_asset_id FROM assessed AS a WHERE NOT a.told AND a.associated_asset_type = 'Assignment'), $3, NULL) AS work
    ON NOT page.told AND page.associated_asset_type = 'Assignment' AND work.assignment_id = page.associated_asset_id
   AND work.user_uuid = page.user_uuid AND work.submitted_at <= coalesce(page.assessed_at, 'infinity')
   AND (work.resubmitted_at = 'infinity' OR work.resubmitted_at > page.assessed_at)
 ORDER BY page.place, page.learning_outcome_id, page.id
