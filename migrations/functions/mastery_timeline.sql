-- Where old history was retired, everything before history begins counts as one moment: the state with which it begins.
CREATE OR REPLACE FUNCTION outcomes.mastery_timeline(
    tenant text, course_id bigint, user_uuid text, outcome_id bigint)
RETURNS TABLE (at timestamptz, score numeric, mastery boolean, rating text, color text, calculation_method text, calculation_int integer,
               points_possible double precision, mastery_points double precision, results bigint, cause text, caused_by jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 AS $$
#variable_conflict use_column
DECLARE
    begins timestamptz := outcomes.history_begins();
    moment record;
    setting record;
    found record;
    before record;
    heard boolean := false;
    seen boolean := false;
    settled boolean := false;
BEGIN
    PERFORM outcomes_internal.known_tenant(tenant);
    FOR moment IN
        SELECT greatest(m.at, begins) AS at,
               string_agg(DISTINCT CASE WHEN m.at < begins THEN 'history begins' ELSE m.cause END, ', ') AS cause,
               coalesce(jsonb_agg(DISTINCT jsonb_build_object('cause', m.cause, 'table', m.table_name, 'id', m.id))
                            FILTER (WHERE (m.at < begins) IS NOT TRUE), '[]') AS caused_by,
               bool_or(m.table_name IS NOT DISTINCT FROM 'learning_outcome_result') AS tells_results,
               -- Scale and method come from the tree, the scales and the methods; nothing else changes them.
               bool_and(m.table_name IS NOT NULL AND m.table_name IN ('learning_outcome_result', 'rubric_assessment', 'learning_outcome',
                                                                      'learning_outcome_link')) AS leaves_setting
          FROM outcomes_internal.rollup_moment($1, $2, $3, $4) m
         GROUP BY greatest(m.at, begins)
         ORDER BY greatest(m.at, begins)
    LOOP
        heard := heard OR moment.tells_results;
        settled := settled AND moment.leaves_setting;
        CONTINUE WHEN NOT heard; -- no result, no score
        IF NOT settled THEN
            SELECT * INTO setting FROM outcomes.mastery_setting($1, 'Course', $2, moment.at);
            settled := true;
        END IF;
        SELECT r.score, r.mastery, r.rating, r.color, r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results
          INTO found
          FROM outcomes_internal.student_rollup_with(
               $1, $2, $3, $4, moment.at, NULL, setting.outcome_proficiency_id, setting.outcome_proficiency_ratings,
               setting.outcome_calculation_method_id IS NOT NULL, setting.calculation_method, setting.calculation_int) r;
        IF NOT seen AND found.score IS NULL OR seen AND found IS NOT DISTINCT FROM before THEN
            CONTINUE;
        END IF;
        seen := true;
        before := found;
        at := moment.at;
        score := found.score;
        mastery := found.mastery;
        rating := found.rating;
        color := found.color;
        calculation_method := found.calculation_method;
        calculation_int := found.calculation_int;
        points_possible := found.points_possible;
        mastery_points := found.mastery_points;
        results := found.results;
        cause := moment.cause;
        caused_by := moment.caused_by;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes.mastery_timeline IS
    'Each change of one student''s rollup, from the first score on: when, to what, and why (caused_by: the objects whose events '
    'came at that moment). All nulls: from here on there is no score.';
