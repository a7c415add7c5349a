-- Whose rows a course's gradebook has at a moment: the students who are enrolled, and people with results of whom no enrolment was ever
-- told. By user id, unknown ids last. uuids: whatever else results call the person.
WITH seen AS MATERIALIZED (
    SELECT found.user_uuid
      FROM unnest(CASE WHEN $3::timestamptz IS NULL THEN outcomes_internal.course_uuids($1, $2, NULL, NULL) END) AS found (user_uuid)
     WHERE EXISTS (SELECT
                     FROM learning_outcome_result AS r
                    WHERE r.root_account_uuid = $1 AND r.result_context_id = $2 AND r.user_uuid = found.user_uuid
                      AND coalesce(r.result_context_type, 'Course') = 'Course')
     UNION ALL
    SELECT DISTINCT v.user_uuid
      FROM learning_outcome_result_version AS v
     WHERE $3::timestamptz IS NOT NULL AND v.root_account_uuid = $1 AND v.result_context_id = $2
       AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.user_uuid IS NOT NULL AND v.event_time <= $3
),
roster AS MATERIALIZED (
    SELECT r.user_id, outcomes_internal.person_key(r.user_id, r.user_uuid) AS key, r.past_uuids, r.enrollments
      FROM course_roster_at($1, $2, $3) AS r
     WHERE r.standing = 'enrolled'
)
SELECT r.user_id, r.key, r.past_uuids AS uuids, r.enrollments
  FROM roster AS r
 UNION ALL
SELECT p.user_id, p.counts_as, '{}', NULL
  FROM (SELECT DISTINCT ON (p.counts_as) p.user_id, p.counts_as
          FROM outcomes_internal.result_person($1, $2, ARRAY(SELECT seen.user_uuid FROM seen), $3, NULL) AS p
         WHERE p.counts_as IS NOT NULL
         ORDER BY p.counts_as, p.held_from DESC) AS p
 WHERE p.counts_as <> ALL (ARRAY(SELECT roster.key FROM roster))
 ORDER BY 1 NULLS LAST, 2
