-- One rollup at a moment; no row where there is no score.
SELECT score, mastery, rating, color
  FROM student_rollup_of($1, $2, $3, $4, $5, $6)
