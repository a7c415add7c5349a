-- Where old history was retired, everything before history begins counts as one moment: the state with which it begins.
CREATE OR REPLACE FUNCTION outcomes.mastery_timeline(
    tenant text, course_id bigint, user_uuid text, outcome_id bigint)
RETURNS TABLE (at timestamptz, score numeric, mastery boolean, rating text, color text, calculation_method text, calculation_int integer,
               points_possible double precision, mastery_points double precision, results bigint, cause text, caused_by jsonb, shown boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 AS $$
#variable_conflict use_column
DECLARE
    begins timestamptz := outcomes.history_begins();
    -- After the roster was read a new result shows somebody of whom no enrolment was told.
    read boolean := EXISTS (SELECT FROM outcomes.roster_reading r WHERE r.root_account_uuid = $1 AND r.course_id = $2);
    -- By a name that was another's too, or by several, a new result shows more than itself.
    contested boolean := (
        SELECT count(*) > 1
          FROM outcomes_internal.uuid_holder($1, ARRAY(
               SELECT u.user_uuid
                 FROM outcomes_internal.uuids_of_same($1, ARRAY[$3]) u
                WHERE EXISTS (SELECT
                                FROM outcomes.learning_outcome_result_version v
                               WHERE v.root_account_uuid = $1 AND v.result_context_id = $2 AND v.user_uuid = u.user_uuid)), NULL));
    moment record;
    setting record;
    whose record;
    was_whose record;
    found record;
    before record;
    was_shown boolean;
    heard boolean := false;
    seen boolean := false;
    -- What tells who is in the course. It is a cause where somebody left or came back, or where nothing else is.
    people CONSTANT text[] := ARRAY['enrollment', 'course_section', 'canvas_user', 'user_merge', 'user_identity', 'roster_reading'];
    settled boolean := false;
    placed boolean := false;
    depends boolean := false;
BEGIN
    PERFORM outcomes_internal.known_tenant(tenant);
    FOR moment IN
        SELECT greatest(m.at, begins) AS at,
               string_agg(DISTINCT CASE WHEN m.at < begins THEN 'history begins' ELSE m.cause END, ', ')
                   FILTER (WHERE m.at < begins OR NOT told.of_people) AS cause,
               string_agg(DISTINCT m.cause, ', ') FILTER (WHERE told.of_people) AS people_cause,
               coalesce(jsonb_agg(DISTINCT jsonb_build_object('cause', m.cause, 'table', m.table_name, 'id', m.id))
                            FILTER (WHERE (m.at < begins) IS NOT TRUE), '[]') AS caused_by,
               bool_or(m.table_name IS NOT DISTINCT FROM 'learning_outcome_result') AS tells_results,
               bool_or(m.table_name = ANY (people)) IS TRUE AS tells_people,
               bool_and(told.of_people) AS tells_people_alone,
               -- Scale and method come from the tree, the scales and the methods; nothing else changes them.
               bool_and(m.table_name IS NOT NULL
                        AND m.table_name = ANY (people || ARRAY['learning_outcome_result', 'rubric_assessment', 'submission',
                                                                'learning_outcome', 'learning_outcome_link'])) AS leaves_setting
          FROM outcomes_internal.rollup_moment($1, $2, $3, $4) m
         CROSS JOIN LATERAL (
            SELECT coalesce(m.table_name = ANY (people), false) OR m.cause = 'result made after the roster was read') told (of_people)
         GROUP BY greatest(m.at, begins)
         ORDER BY greatest(m.at, begins)
    LOOP
        heard := heard OR moment.tells_results AND NOT moment.tells_people_alone;
        settled := settled AND moment.leaves_setting;
        placed := placed AND NOT moment.tells_people AND NOT (depends AND moment.tells_results);
        CONTINUE WHEN NOT heard; -- no result, no score
        IF NOT settled THEN
            SELECT * INTO setting FROM outcomes.mastery_setting($1, 'Course', $2, moment.at);
            settled := true;
        END IF;
        was_whose := whose;
        IF NOT placed THEN
            SELECT array_agg(u.user_uuid) AS names, array_agg(u.held_from) AS held_from, array_agg(u.held_until) AS held_until,
                   bool_or(u.shown) AS shown
              INTO whose
              FROM outcomes_internal.student_uuids($1, $2, $3, moment.at, NULL) u;
            placed := true;
            depends := read AND (contested OR NOT whose.shown);
        END IF;
        CONTINUE WHEN seen AND moment.tells_people_alone AND whose IS NOT DISTINCT FROM was_whose;
        SELECT r.score, r.mastery, r.rating, r.color, r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results
          INTO found
          FROM outcomes_internal.student_rollup_with(
               $1, $2, $3, $4, moment.at, NULL, setting.outcome_proficiency_id, setting.outcome_proficiency_ratings,
               setting.outcome_calculation_method_id IS NOT NULL, setting.calculation_method, setting.calculation_int,
               whose.names, whose.held_from, whose.held_until) r;
        IF NOT seen AND found.score IS NULL OR seen AND found IS NOT DISTINCT FROM before AND whose.shown = was_shown THEN
            CONTINUE;
        END IF;
        cause := concat_ws(', ', moment.cause, CASE WHEN was_shown AND NOT whose.shown THEN 'student left the course'
                                                    WHEN whose.shown AND NOT was_shown THEN 'student came back to the course' END);
        IF cause = '' THEN
            cause := moment.people_cause;
        END IF;
        was_shown := whose.shown;
        shown := whose.shown;
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
        caused_by := moment.caused_by;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes.mastery_timeline IS
    'Each change of one student''s rollup, from the first score on: when, to what, and why (caused_by: the objects whose events '
    'came at that moment). All nulls: from here on there is no score. shown: whether the course shows a row of the student from here on; '
    'the score of one who has left is what it would be.';
