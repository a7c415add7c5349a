-- The outcomes of a course at a moment that any result is of: which scale and method apply to each (those of $6 where that is not null),
-- also where nobody has a score, why it is hidden where it is, and the summary over its students.
WITH result AS (
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE v.root_account_uuid = $1 AND v.result_context_id = $2 AND coalesce(v.result_context_type, 'Course') = 'Course'
     UNION
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE $2::bigint IS NULL AND v.root_account_uuid = $1 AND outcomes_internal.course_of(v.result_context_type, v.result_context_id) IS NULL
),
seen AS (
    SELECT DISTINCT r.learning_outcome_id AS id
      FROM result
     CROSS JOIN LATERAL learning_outcome_result_at($1, result.id, $3, $4) AS r
     WHERE outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NOT DISTINCT FROM $2
       AND r.learning_outcome_id = coalesce($5, r.learning_outcome_id)
)
SELECT seen.id AS learning_outcome_id, o.title, o.display_name, CASE WHEN o.title IS NOT NULL THEN array_to_string(path.groups || o.title, ' > ') END AS outcome_path,
       CASE WHEN o.workflow_state = 'deleted' THEN 'deleted' WHEN NOT link.shown THEN 'unlinked' END AS hidden,
       applied.calculation_method, applied.calculation_int, applied.points_possible, applied.mastery_points,
       summary.mean, summary.median, coalesce(summary.assessed, 0) AS assessed, coalesce(summary.mastered, 0) AS mastered,
       coalesce(summary.levels,
                (SELECT jsonb_agg(jsonb_build_object(
                            'description', applied.descriptions[n], 'color', applied.colors[n], 'points', applied.points[n],
                            'mastery', applied.points[n] >= applied.mastery_points, 'count', 0, 'percent', 0) ORDER BY n DESC)
                   FROM generate_subscripts(applied.points, 1) AS n),
                '[]') AS levels
  FROM seen
 CROSS JOIN mastery_setting($1, 'Course', $2, coalesce($6, $3), $4) AS setting
  LEFT JOIN LATERAL learning_outcome_at($1, seen.id, $3, $4) AS o ON true
  LEFT JOIN LATERAL (
       SELECT p.titles[:cardinality(p.titles) - 1] AS groups
         FROM outcome_path AS p
        WHERE p.root_account_uuid = $1 AND p.context_type = 'Course' AND p.context_id = $2 AND p.learning_outcome_id = seen.id
        ORDER BY p.learning_outcome_link_id
        LIMIT 1) AS path ON true
  LEFT JOIN LATERAL learning_outcome_at($1, seen.id, $6, $4) AS judged ON $6::timestamptz IS NOT NULL
  LEFT JOIN outcomes_internal.course_outcome_link($1, $2, $5, $3, $4) AS link ON link.learning_outcome_id = seen.id
  LEFT JOIN course_outcome_summary_of($1, $2, $3, $4, $6, $7) AS summary ON summary.learning_outcome_id = seen.id
 CROSS JOIN LATERAL outcomes_internal.outcome_setting(
       setting.outcome_proficiency_ratings, setting.outcome_calculation_method_id IS NOT NULL, setting.calculation_method,
       setting.calculation_int,
       CASE WHEN judged.id IS NULL THEN o.rubric_criterion ELSE judged.rubric_criterion END,
       CASE WHEN judged.id IS NULL THEN o.calculation_method ELSE judged.calculation_method END,
       CASE WHEN judged.id IS NULL THEN o.calculation_int ELSE judged.calculation_int END) AS applied
 ORDER BY o.title COLLATE "C" NULLS LAST, seen.id
