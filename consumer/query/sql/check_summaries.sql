-- Kept summaries that may be used and are not what course_outcome_summary_of says in this snapshot, and such as are missing.
WITH stale AS MATERIALIZED (
    SELECT t.root_account_uuid, s.course_id
      FROM outcomes_internal.summary_tenant AS t
     CROSS JOIN LATERAL outcomes_internal.stale_courses(t.root_account_uuid) AS s
),
usable AS MATERIALIZED (
    (SELECT root_account_uuid, course_id FROM outcomes_internal.summary_course
      UNION
     SELECT t.root_account_uuid, r.course_id
       FROM outcomes_internal.summary_tenant AS t
      CROSS JOIN LATERAL outcomes_internal.courses_with_results(t.root_account_uuid, ever => false) AS r)
    EXCEPT SELECT root_account_uuid, course_id FROM stale
),
kept AS (
    SELECT root_account_uuid, course_id, learning_outcome_id, mean, median, students, assessed, mastered, scale, counts, levels
      FROM usable
      JOIN outcomes_internal.summary AS summary USING (root_account_uuid, course_id)
      LEFT JOIN outcomes_internal.summary_scale USING (root_account_uuid, scale)
),
computed AS (
    SELECT u.root_account_uuid, u.course_id, p.learning_outcome_id, p.mean, p.median, p.students, p.assessed, p.mastered, p.scale, p.counts,
           p.levels
      FROM usable AS u
     CROSS JOIN LATERAL outcomes_internal.summary_parts(u.root_account_uuid, u.course_id) AS p
)
SELECT format('outcome %s in course %s of %s: the kept summary is not what is computed', learning_outcome_id, course_id, root_account_uuid) AS sentence
  FROM kept
  FULL JOIN computed USING (root_account_uuid, course_id, learning_outcome_id)
 WHERE ROW(kept.mean, kept.median, kept.students, kept.assessed, kept.mastered, kept.scale, kept.counts, kept.levels)
       IS DISTINCT FROM ROW(computed.mean, computed.median, computed.students, computed.assessed, computed.mastered, computed.scale,
                            computed.counts, computed.levels)
