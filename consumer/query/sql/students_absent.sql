-- Whose results count nowhere in a course, though nobody told of an enrolment as a student there.
SELECT p.user_id, array_agg(p.user_uuid) AS uuids,
       CASE WHEN p.user_id IS NULL THEN min(p.user_uuid)
            ELSE outcomes_internal.person_key(p.user_id, min(p.user_uuid) FILTER (WHERE p.held_until = 'infinity')) END AS key
  FROM outcomes_internal.result_person($1, $2, outcomes_internal.course_uuids($1, $2, NULL, NULL), NULL, NULL) AS p
 GROUP BY p.user_id, CASE WHEN p.user_id IS NULL THEN p.user_uuid END
HAVING bool_and(p.counts_as IS NULL)
   AND (p.user_id IS NULL OR p.user_id NOT IN (SELECT r.user_id FROM course_roster_at($1, $2) AS r))
