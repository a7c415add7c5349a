-- The rollups of these students ($4) of a course at a moment, of these outcomes ($5): a row for each student with any, scores as JSON.
-- Postgres makes the JSON because two of these statements run at once and our process has one thread. It joins texts, and writes an
-- outcome's part once: json_build_object would add a quarter to the time.
WITH rollup AS MATERIALIZED (
    SELECT r.user_uuid, r.learning_outcome_id, r.score, r.results, r.last_worked_at
      FROM outcomes_internal.rollup_of_students($1, $2, $4, $3, NULL) AS r
     WHERE $5::bigint[] IS NULL OR r.learning_outcome_id = ANY ($5)
),
title AS MATERIALIZED (
    SELECT seen.learning_outcome_id,
           format('"title":%s,"hide_points":false,"links":{"outcome":"%s"}',
                  coalesce(to_json(o.title)::text, 'null'), seen.learning_outcome_id) AS outcome
      FROM (SELECT DISTINCT rollup.learning_outcome_id FROM rollup) AS seen
      LEFT JOIN LATERAL learning_outcome_at($1, seen.learning_outcome_id, $3) AS o ON true
)
SELECT rollup.user_uuid,
       '[' || string_agg(
           '{"score":' || rollup.score::double precision || ',"count":' || rollup.results || ',"submitted_at":'
           || coalesce(to_char(rollup.last_worked_at AT TIME ZONE 'UTC', '"\""YYYY-MM-DD"T"HH24:MI:SS"Z\""'), 'null')
           || ',' || title.outcome || '}', ',' ORDER BY rollup.learning_outcome_id) || ']' AS scores
  FROM rollup
  JOIN title USING (learning_outcome_id)
 GROUP BY rollup.user_uuid
