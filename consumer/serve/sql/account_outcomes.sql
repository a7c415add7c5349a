-- What some courses ($2) came to for each of their outcomes at a moment, and at an earlier one.
SELECT asked.id AS course_id, s.learning_outcome_id, coalesce(nullif(o.display_name, ''), o.title) AS title, s.assessed, s.mastered,
       s.assessed_before, s.mastered_before
  FROM unnest($2::bigint[]) WITH ORDINALITY AS asked (id, place)
 CROSS JOIN LATERAL (
       SELECT learning_outcome_id, coalesce(became.assessed, 0) AS assessed, coalesce(became.mastered, 0) AS mastered,
              coalesce(was.assessed, 0) AS assessed_before, coalesce(was.mastered, 0) AS mastered_before
         FROM course_outcome_summary_of($1, asked.id, $3) AS became
         FULL JOIN course_outcome_summary_of($1, asked.id, $4) AS was USING (learning_outcome_id)) AS s
  LEFT JOIN learning_outcome AS o ON o.root_account_uuid = $1 AND o.id = s.learning_outcome_id
 ORDER BY asked.place, title, s.learning_outcome_id
