-- Whose rows a course's gradebook has at a moment: the students who are enrolled, and people with results of whom no enrolment was ever
-- told; of these ($4). By user id, unknown ids last. Walks the index from uuid to uuid: a course has a hundred times as many results.
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
seen AS MATERIALIZED (
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
),
roster AS MATERIALIZED (
    SELECT r.user_id, outcomes_internal.person_key(r.user_id, r.user_uuid) AS user_uuid, r.enrollments,
           array_remove(r.user_uuid || r.past_uuids, NULL) || ('id:' || r.user_id) AS uuids
      FROM course_roster_at($1, $2, $3) AS r
     WHERE r.standing = 'enrolled'
)
SELECT r.user_id, r.user_uuid, r.enrollments
  FROM roster AS r
 WHERE $4::text[] IS NULL OR r.uuids && $4
 UNION ALL
SELECT p.user_id, p.counts_as, NULL
  FROM (SELECT DISTINCT ON (p.counts_as) p.user_id, p.counts_as
          FROM outcomes_internal.result_person($1, $2, ARRAY(SELECT seen.user_uuid FROM seen), $3, NULL) AS p
         WHERE p.counts_as IS NOT NULL
         ORDER BY p.counts_as, p.held_from DESC) AS p
 WHERE p.counts_as <> ALL (ARRAY(SELECT roster.user_uuid FROM roster))
 ORDER BY 1 NULLS LAST, 2
