-- How the students of a course were spread over an outcome's levels at some moments.
SELECT asked.at, s.mean, s.assessed, s.mastered, s.levels
  FROM unnest($4::timestamptz[]) AS asked (at)
 CROSS JOIN LATERAL course_outcome_summary_of($1, $2, asked.at) AS s
 WHERE s.learning_outcome_id = $3
 ORDER BY asked.at
