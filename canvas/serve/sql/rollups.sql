-- The rollups of these students ($4) of a course at a moment, of these outcomes ($5).
WITH rollup AS MATERIALIZED (
    SELECT r.user_uuid, r.learning_outcome_id, r.score, r.results, r.last_assessed_at
      FROM rollup_of_students($1, $2, $4, $3, NULL) AS r
     WHERE $5::bigint[] IS NULL OR r.learning_outcome_id = ANY ($5)
),
titled AS MATERIALIZED (
    SELECT seen.learning_outcome_id, o.title
      FROM (SELECT DISTINCT rollup.learning_outcome_id FROM rollup) AS seen
      LEFT JOIN LATERAL learning_outcome_at($1, seen.learning_outcome_id, $3) AS o ON true
)
SELECT rollup.user_uuid, rollup.learning_outcome_id, rollup.score::double precision AS score, rollup.results::integer AS count,
       rollup.last_assessed_at, titled.title
  FROM rollup
  JOIN titled USING (learning_outcome_id)
 ORDER BY rollup.user_uuid, rollup.learning_outcome_id
