CREATE OR REPLACE FUNCTION outcomes_internal.summary_parts(
    tenant text, course_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (learning_outcome_id bigint, mean numeric, median numeric, students integer, assessed integer, mastered integer, scale bigint,
               counts integer[], levels jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT s.learning_outcome_id, s.mean, s.median, s.students::integer, s.assessed::integer, s.mastered::integer,
           hashtextextended(l.levels::text, 0), l.counts, l.levels
      FROM outcomes.course_outcome_summary_of($1, $2, $3, $4) s
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(e.level - '{count,percent}'::text[] ORDER BY e.n), '[]'),
                                coalesce(array_agg((e.level ->> 'count')::integer ORDER BY e.n), '{}')
                           FROM jsonb_array_elements(s.levels) WITH ORDINALITY e (level, n)) l (levels, counts)
$$;
COMMENT ON FUNCTION outcomes_internal.summary_parts IS
    'course_outcome_summary_of as it is kept and added up: the levels apart from how many students are on them.';
