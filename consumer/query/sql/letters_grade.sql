-- The letter of a percentage, or of points of what was possible.
SELECT letter_grade($1::jsonb, given.percent) AS letter, given.percent
  FROM (SELECT coalesce($2::numeric, points_percent($3, $4)) AS percent) AS given
