-- The outcomes of a course at a moment: which scale and method apply to each (those of $6 where that is not null), also where nobody has a
-- score, why it is hidden where it is, and the summary over its students.
SELECT seen.learning_outcome_id, o.title, o.display_name, coalesce(path.path, o.title) AS outcome_path, seen.hidden,
       applied.calculation_method, applied.calculation_int, applied.points_possible, applied.mastery_points,
       summary.mean, summary.median, coalesce(summary.assessed, 0) AS assessed, coalesce(summary.mastered, 0) AS mastered,
       coalesce(summary.levels,
                (SELECT jsonb_agg(jsonb_build_object(
                            'description', applied.descriptions[n], 'color', applied.colors[n], 'points', applied.points[n],
                            'mastery', applied.points[n] >= applied.mastery_points, 'count', 0, 'percent', 0) ORDER BY n DESC)
                   FROM generate_subscripts(applied.points, 1) AS n),
                '[]') AS levels
  FROM outcomes_internal.course_outcome($1, $2, $3, $4) AS seen
 CROSS JOIN mastery_setting($1, 'Course', $2, coalesce($6, $3), $4) AS setting
  LEFT JOIN LATERAL learning_outcome_at($1, seen.learning_outcome_id, $3, $4) AS o ON true
  LEFT JOIN (
       SELECT DISTINCT ON (p.learning_outcome_id) p.learning_outcome_id, p.path
         FROM outcome_path_at($1, 'Course', $2, $3, $4) AS p
        ORDER BY p.learning_outcome_id, p.learning_outcome_link_id) AS path ON path.learning_outcome_id = o.id AND o.title IS NOT NULL
  LEFT JOIN LATERAL learning_outcome_at($1, seen.learning_outcome_id, $6, $4) AS judged ON $6::timestamptz IS NOT NULL
  LEFT JOIN course_outcome_summary_of($1, $2, $3, $4, $6, $7) AS summary ON summary.learning_outcome_id = seen.learning_outcome_id
 CROSS JOIN LATERAL outcomes_internal.outcome_setting(
       setting.outcome_proficiency_ratings, setting.outcome_calculation_method_id IS NOT NULL, setting.calculation_method,
       setting.calculation_int,
       CASE WHEN judged.id IS NULL THEN o.rubric_criterion ELSE judged.rubric_criterion END,
       CASE WHEN judged.id IS NULL THEN o.calculation_method ELSE judged.calculation_method END,
       CASE WHEN judged.id IS NULL THEN o.calculation_int ELSE judged.calculation_int END) AS applied
 WHERE $5::bigint IS NULL OR seen.learning_outcome_id = $5
 ORDER BY o.title COLLATE "C" NULLS LAST, seen.learning_outcome_id
