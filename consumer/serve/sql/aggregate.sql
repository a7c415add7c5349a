-- A course's rollups over its students at a moment, of these students ($4) and outcomes ($5), in doubles as in Canvas: the mean has
-- 2 decimals, the median is not rounded. Students without a score do not count.
WITH rollup AS (
    SELECT r.learning_outcome_id, r.score::double precision AS score FROM outcomes_internal.rollup_of_students($1, $2, $4, $3, NULL) AS r
)
SELECT summed.learning_outcome_id, o.title, summed.count,
       outcomes_internal.rollup_score('average', NULL, summed.scores, NULL)::double precision AS mean,
       (summed.scores[(summed.count + 1) / 2] + summed.scores[summed.count / 2 + 1]) / 2 AS median
  FROM (SELECT r.learning_outcome_id, count(*)::integer AS count, array_agg(r.score ORDER BY r.score) AS scores
          FROM rollup AS r
         WHERE $5::bigint[] IS NULL OR r.learning_outcome_id = ANY ($5)
         GROUP BY r.learning_outcome_id) AS summed
  LEFT JOIN LATERAL learning_outcome_at($1, summed.learning_outcome_id, $3) AS o ON true
 ORDER BY summed.learning_outcome_id
