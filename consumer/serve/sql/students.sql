-- A page of a course's students at a moment, by user id (unknown ids last); of these students ($4). The students are those with a
-- result in the course, as in the gradebook. Walks the index from student to student: a course has a hundred times as many results.
WITH RECURSIVE walked (user_uuid) AS (
    (SELECT r.user_uuid
       FROM learning_outcome_result AS r
      WHERE $3::timestamptz IS NULL AND $4::text[] IS NULL AND r.root_account_uuid = $1 AND r.result_context_id = $2
        AND coalesce(r.result_context_type, 'Course') = 'Course' AND r.user_uuid IS NOT NULL
      ORDER BY r.user_uuid
      LIMIT 1)
     UNION ALL
    SELECT next.user_uuid
      FROM walked
     CROSS JOIN LATERAL (
           SELECT r.user_uuid
             FROM learning_outcome_result AS r
            WHERE r.root_account_uuid = $1 AND r.result_context_id = $2
              AND coalesce(r.result_context_type, 'Course') = 'Course' AND r.user_uuid > walked.user_uuid
            ORDER BY r.user_uuid
            LIMIT 1) AS next
),
seen AS (
    SELECT walked.user_uuid FROM walked
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
)
SELECT known.user_uuid, known.user_id, count(*) OVER () AS total
  FROM (SELECT seen.user_uuid,
               CASE WHEN seen.user_uuid ~ '^id:[1-9][0-9]{0,17}$' THEN substr(seen.user_uuid, 4)::bigint
                    ELSE (SELECT min(u.user_id) FROM user_identity AS u WHERE u.root_account_uuid = $1 AND u.user_uuid = seen.user_uuid)
               END AS user_id
          FROM seen) AS known
 ORDER BY known.user_id NULLS LAST, known.user_uuid COLLATE "C"
 LIMIT $5 OFFSET $6
