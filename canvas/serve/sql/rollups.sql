-- A page of a course's students at a moment, by user id (unknown ids last), and the rollups of these students alone; of these students
-- ($4) and outcomes ($5). A student of a course is who has any result in it, as in the gradebook. The index is walked from student
-- to student, because a course has a hundred times as many results.
WITH RECURSIVE walked (user_uuid) AS (
    (SELECT r.user_uuid
       FROM learning_outcome_result AS r
      WHERE $3::timestamptz IS NULL AND $4::text[] IS NULL AND r.root_account_uuid = $1 AND r.result_context_id = $2
        AND coalesce(r.result_context_type, 'Course') = 'Course' AND r.user_uuid IS NOT NULL
      ORDER BY r.user_uuid
      LIMIT 1)
     UNION ALL
    SELECT (SELECT r.user_uuid
              FROM learning_outcome_result AS r
             WHERE r.root_account_uuid = $1 AND r.result_context_id = $2
               AND coalesce(r.result_context_type, 'Course') = 'Course' AND r.user_uuid > walked.user_uuid
             ORDER BY r.user_uuid
             LIMIT 1)
      FROM walked
     WHERE walked.user_uuid IS NOT NULL
),
seen AS (
    SELECT walked.user_uuid FROM walked WHERE walked.user_uuid IS NOT NULL
     UNION ALL
    SELECT asked.user_uuid
      FROM (SELECT DISTINCT user_uuid FROM unnest($4::text[]) AS asked (user_uuid)) AS asked
     WHERE $3::timestamptz IS NULL
       AND EXISTS (SELECT
                     FROM learning_outcome_result AS r
                    WHERE r.root_account_uuid = $1 AND r.result_context_id = $2
                      AND coalesce(r.result_context_type, 'Course') = 'Course' AND r.user_uuid = asked.user_uuid)
     UNION ALL
    SELECT DISTINCT v.user_uuid
      FROM learning_outcome_result_version AS v
     WHERE $3::timestamptz IS NOT NULL AND v.root_account_uuid = $1 AND v.result_context_id = $2
       AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.user_uuid IS NOT NULL AND v.event_time <= $3
       AND ($4::text[] IS NULL OR v.user_uuid = ANY ($4))
),
page AS MATERIALIZED (
    SELECT known.*, count(*) OVER () AS total, row_number() OVER (ORDER BY known.user_id NULLS LAST, known.user_uuid COLLATE "C") AS place
      FROM (SELECT seen.user_uuid,
                   CASE WHEN seen.user_uuid ~ '^id:[1-9][0-9]{0,17}$' THEN substr(seen.user_uuid, 4)::bigint
                        ELSE (SELECT min(u.user_id) FROM canvas_user AS u WHERE u.root_account_uuid = $1 AND u.user_uuid = seen.user_uuid)
                   END AS user_id
              FROM seen) AS known
     ORDER BY place
     LIMIT $6 OFFSET $7
),
rollup AS MATERIALIZED (
    SELECT r.user_uuid, r.learning_outcome_id, r.score, r.results, r.last_assessed_at
      FROM rollup_of_students($1, $2, ARRAY(SELECT page.user_uuid FROM page), $3, NULL) AS r
     WHERE $5::bigint[] IS NULL OR r.learning_outcome_id = ANY ($5)
),
titled AS MATERIALIZED (
    SELECT seen.learning_outcome_id, o.title
      FROM (SELECT DISTINCT rollup.learning_outcome_id FROM rollup) AS seen
      LEFT JOIN LATERAL learning_outcome_at($1, seen.learning_outcome_id, $3) AS o ON true
)
SELECT page.total, page.user_uuid, page.user_id, rollup.learning_outcome_id, rollup.score::double precision AS score,
       rollup.results::integer AS count, rollup.last_assessed_at, titled.title
  FROM page
  LEFT JOIN rollup USING (user_uuid)
  LEFT JOIN titled USING (learning_outcome_id)
 ORDER BY page.place, rollup.learning_outcome_id
