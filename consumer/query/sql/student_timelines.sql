-- Each change of the rollups of one student in a course, for some outcomes.
SELECT asked.id AS learning_outcome_id, t.at, t.score, t.color, t.points_possible, t.mastery_points, t.caused_by
  FROM unnest($4::bigint[]) AS asked (id)
 CROSS JOIN LATERAL mastery_timeline($1, $2, $3, asked.id) AS t
 ORDER BY asked.id, t.at
