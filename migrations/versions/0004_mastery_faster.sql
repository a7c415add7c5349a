-- Reading mastery faster, with the same answers.
--
-- A result that moved away is looked for once and not row by row; a quiz of one bank is not grouped; what is sorted is narrow; a
-- timeline asks for scale and method only at moments that can change them.

-- A template with its {parts} put in.
CREATE FUNCTION outcomes.filled(template text, VARIADIC parts text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    FOR part IN 1 .. cardinality(parts) BY 2 LOOP
        template := replace(template, '{' || parts[part] || '}', parts[part + 1]);
    END LOOP;
    RETURN template;
END
$$;

-- One text, asked in several ways: of a course or one student's outcome in it; now or at a moment; and what went into it.
DO $make$
DECLARE
    inputs text := $inputs$
    WITH setting AS MATERIALIZED (
        {setting}
    ),
    {candidates}
    result AS MATERIALIZED (
        SELECT s.id, s.user_uuid COLLATE "C" AS user_uuid, s.learning_outcome_id, s.score, s.possible, s.percent, s.assessed_at,
               CASE WHEN s.artifact_type = 'RubricAssessment' THEN s.artifact_id END AS rubric_assessment_id,
               CASE WHEN s.artifact_type = 'Quizzes::QuizSubmission' AND s.associated_asset_type = 'Quizzes::Quiz'
                    THEN s.associated_asset_id END AS quiz_id
          FROM {state}
         WHERE s.workflow_state = 'active' AND s.score IS NOT NULL AND s.user_uuid IS NOT NULL{and_here}
    ),
    submission AS (
        SELECT DISTINCT ON (a.id) a.id, a.submitted_at
          FROM outcomes.rubric_assessment_version a
         WHERE a.root_account_uuid = tenant
           AND a.id = ANY (ARRAY(SELECT DISTINCT r.rubric_assessment_id FROM result r WHERE r.rubric_assessment_id IS NOT NULL))
           AND a.event_time <= coalesce(at, 'infinity') AND a.recorded_at <= coalesce(known_at, 'infinity')
         ORDER BY a.id, a.event_time DESC, a.event_name DESC, a.updated_at DESC NULLS LAST, a.version_hash DESC
    ),
    link AS (
        SELECT l.learning_outcome_id, bool_or(l.workflow_state IS DISTINCT FROM 'deleted') AS shown
          FROM (SELECT DISTINCT v.id FROM outcomes.learning_outcome_link_version v
                 WHERE v.root_account_uuid = tenant AND v.context_type = 'Course' AND v.context_id = course {and_link}) seen
         CROSS JOIN LATERAL outcomes.learning_outcome_link_at(tenant, seen.id, at, known_at) l
         WHERE l.context_type = 'Course' AND l.context_id = course
         GROUP BY l.learning_outcome_id
    ),
    -- Each outcome with the scale and the method that apply to it here.
    shown AS MATERIALIZED (
        SELECT seen.learning_outcome_id, applied.*,
               CASE WHEN applied.points_possible = 0 THEN applied.mastery_points ELSE applied.points_possible END AS unit,
               applied.calculation_method NOT IN ('highest', 'n_mastery') AS merges
          FROM (SELECT DISTINCT r.learning_outcome_id FROM result r) seen
         CROSS JOIN setting
          LEFT JOIN LATERAL outcomes.learning_outcome_at(tenant, seen.learning_outcome_id, at, known_at) o ON true
          LEFT JOIN link USING (learning_outcome_id)
         CROSS JOIN LATERAL outcomes.outcome_setting(
                setting.scale_ratings, setting.method_found, setting.found_method, setting.found_int,
                o.rubric_criterion, o.calculation_method, o.calculation_int) applied
         WHERE o.workflow_state IS DISTINCT FROM 'deleted' AND link.shown IS NOT false
    ),
    banks AS (
        SELECT r.user_uuid, r.learning_outcome_id, r.quiz_id
          FROM result r
         WHERE r.quiz_id IS NOT NULL
         GROUP BY r.user_uuid, r.learning_outcome_id, r.quiz_id
        HAVING count(*) > 1
    ),
    -- Of a quiz with several banks every row takes what the quiz came to as a whole; one bank is a whole by itself.
    quiz AS (
        SELECT r.id, sum(r.possible * r.percent) OVER quiz / nullif(sum(r.possible) FILTER (WHERE r.percent IS NOT NULL) OVER quiz, 0) AS percent
          FROM result r
          JOIN shown USING (learning_outcome_id)
          JOIN banks USING (user_uuid, learning_outcome_id, quiz_id)
         WHERE shown.merges
        WINDOW quiz AS (PARTITION BY r.user_uuid, r.learning_outcome_id, r.quiz_id
                        ORDER BY r.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    valued AS (
        SELECT r.id, r.user_uuid, r.learning_outcome_id, r.assessed_at, {more}
               outcomes.whole_second(coalesce(submission.submitted_at, r.assessed_at)) AS worked_at,
               CASE WHEN coalesce(merged.percent, r.percent) IS NULL THEN r.score
                    ELSE coalesce(merged.percent, r.percent) * shown.unit END AS value
          FROM result r
          JOIN shown USING (learning_outcome_id)
          LEFT JOIN submission ON submission.id = r.rubric_assessment_id
          LEFT JOIN quiz ON quiz.id = r.id
         CROSS JOIN LATERAL (
            SELECT CASE WHEN quiz.id IS NOT NULL THEN quiz.percent
                        WHEN r.quiz_id IS NOT NULL AND shown.merges THEN r.possible * r.percent / nullif(r.possible, 0) END) merged (percent)
        OFFSET 0 -- so that what is sorted is as narrow as this
    )
$inputs$;
    rollup text := $rollup$,
    grouped AS (
        SELECT v.user_uuid, v.learning_outcome_id, max(v.assessed_at) AS last_assessed_at,
               array_agg(v.value ORDER BY v.worked_at NULLS FIRST, v.id) AS "values"
          FROM valued v
         GROUP BY v.user_uuid, v.learning_outcome_id
    ),
    rollup AS (
        SELECT g.user_uuid, g.learning_outcome_id, s.score, s.reached >= shown.mastery_points AS mastery,
               shown.descriptions[s.level] AS rating, shown.colors[s.level] AS color, shown.calculation_method, shown.calculation_int,
               shown.points_possible, shown.mastery_points, cardinality(g."values")::bigint AS results, g.last_assessed_at,
               s.level
          FROM grouped g
          JOIN shown USING (learning_outcome_id)
         CROSS JOIN LATERAL (
            SELECT p.score, p.reached, width_bucket(p.reached, shown.points) AS level
              FROM (SELECT q.score, q.score::double precision AS reached
                      FROM (SELECT outcomes.rollup_score(shown.calculation_method, shown.calculation_int, g."values",
                                                         shown.mastery_points) AS score OFFSET 0) q OFFSET 0) p) s
         WHERE s.score IS NOT NULL
    )
$rollup$;
    rollups text := $rollups$
    SELECT * FROM rollup
$rollups$;
    summaries text := $summaries$,
    summed AS (
        SELECT r.learning_outcome_id, count(*) AS assessed, count(*) FILTER (WHERE r.mastery) AS mastered, round(avg(r.score), 2) AS mean,
               array_agg(r.score ORDER BY r.score) AS scores
          FROM rollup r
         GROUP BY r.learning_outcome_id
    ),
    counted AS (
        SELECT r.learning_outcome_id, r.level, count(*) AS students FROM rollup r GROUP BY r.learning_outcome_id, r.level
    )
    SELECT o.learning_outcome_id, o.mean, trim_scale((o.scores[(o.assessed + 1) / 2] + o.scores[o.assessed / 2 + 1]) / 2),
           (SELECT count(DISTINCT r.user_uuid) FROM rollup r), o.assessed, o.mastered,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'description', shown.descriptions[n], 'color', shown.colors[n], 'points', shown.points[n],
                       'mastery', shown.points[n] >= shown.mastery_points, 'count', coalesce(c.students, 0),
                       'percent', round(100.0 * coalesce(c.students, 0) / o.assessed)) ORDER BY n DESC), '[]')
              FROM generate_subscripts(shown.points, 1) n
              LEFT JOIN counted c ON c.learning_outcome_id = o.learning_outcome_id AND c.level = n)
      FROM summed o
      JOIN shown USING (learning_outcome_id)
$summaries$;
    rows text := $rows$
    SELECT v.id, v.score, v.possible, v.percent, v.assessed_at, v.worked_at, v.quiz_id, v.merged_percent, v.value
      FROM valued v
     ORDER BY v.worked_at NULLS FIRST, v.id
$rows$;
    state_now text := $now$(
            SELECT r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.assessed_at, r.workflow_state,
                   r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id
              FROM outcomes.learning_outcome_result r
             WHERE r.root_account_uuid = tenant AND {here}) s$now$;
    candidates_then text := $candidates$candidate AS MATERIALIZED (
        SELECT DISTINCT ON (r.id)
               r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.assessed_at, r.workflow_state,
               r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id,
               r.event_time, r.event_name, r.updated_at, r.version_hash
          FROM outcomes.learning_outcome_result_version r
         WHERE r.root_account_uuid = tenant AND {here}
           AND r.event_time <= coalesce(at, 'infinity') AND r.recorded_at <= coalesce(known_at, 'infinity')
         ORDER BY r.id, r.event_time DESC, r.event_name DESC, r.updated_at DESC NULLS LAST, r.version_hash DESC
    ),
    -- A result does not change its course, student or outcome in Canvas; if one ever does, it is no longer here.
    elsewhere AS (
        SELECT c.id
          FROM candidate c
          JOIN outcomes.learning_outcome_result_version r USING (id)
         WHERE r.root_account_uuid = tenant AND r.id = ANY (ARRAY(SELECT id FROM candidate)) AND ({here}) IS NOT TRUE
           AND r.event_time <= coalesce(at, 'infinity') AND r.recorded_at <= coalesce(known_at, 'infinity')
           AND (r.event_time, r.event_name, coalesce(r.updated_at, '-infinity'), r.version_hash)
             > (c.event_time, c.event_name, coalesce(c.updated_at, '-infinity'), c.version_hash)
    ),$candidates$;
    state_then text := 'candidate s';
    and_here_then text := ' AND s.id <> ALL (ARRAY(SELECT elsewhere.id FROM elsewhere))';
    here text := $here$r.result_context_id = course AND (r.result_context_type = 'Course' OR r.result_context_type IS NULL){and_student}$here$;
    nowhere text := $here$outcomes.course_of(r.result_context_type, r.result_context_id) IS NULL{and_student}$here$;
    of_student text := $student$ AND r.user_uuid = student AND r.learning_outcome_id = outcome$student$;
    columns text := $columns$(user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
            calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
            results bigint, last_assessed_at timestamptz, level integer)$columns$;
    setting text := $setting$SELECT found.outcome_proficiency_ratings AS scale_ratings, found.outcome_calculation_method_id IS NOT NULL AS method_found,
               found.calculation_method AS found_method, found.calculation_int AS found_int
          FROM outcomes.mastery_setting(tenant, 'Course', course, at, known_at) found$setting$;
    setting_given text := 'SELECT scale_ratings, method_found, found_method, found_int';
    more text := 'r.score, r.possible, r.percent, r.quiz_id, merged.percent AS merged_percent,';
    of_course text;
    of_one text;
    body text := $body$
        #variable_conflict use_column
        BEGIN
            IF at IS NULL AND known_at IS NULL AND course IS NOT NULL THEN
                RETURN QUERY {now_here};
            ELSIF course IS NOT NULL THEN
                RETURN QUERY {then_here};
            ELSIF at IS NULL AND known_at IS NULL THEN
                RETURN QUERY {now_nowhere};
            ELSE
                RETURN QUERY {then_nowhere};
            END IF;
        END
    $body$;
BEGIN
    body := outcomes.filled(body,
        'now_here', outcomes.filled(inputs, 'candidates', '', 'state', state_now, 'and_here', '', 'here', here) || '{answer}',
        'then_here', outcomes.filled(inputs, 'candidates', candidates_then, 'state', state_then, 'and_here', and_here_then, 'here', here) || '{answer}',
        'now_nowhere', outcomes.filled(inputs, 'candidates', '', 'state', state_now, 'and_here', '', 'here', nowhere) || '{answer}',
        'then_nowhere', outcomes.filled(inputs, 'candidates', candidates_then, 'state', state_then, 'and_here', and_here_then, 'here', nowhere) || '{answer}');
    of_course := outcomes.filled(body, 'and_student', '', 'and_link', '');
    of_one := outcomes.filled(body, 'and_student', of_student, 'and_link', 'AND v.learning_outcome_id = outcome');

    -- Planned once, because planning takes longer than a small course; without parallel workers, because starting them does.
    -- No nested loops where there is a choice, because how many versions a course has at a moment nobody can estimate.
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION outcomes.rollup_of(tenant text, course bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE %1$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
        SET work_mem = '64MB' SET enable_nestloop = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %2$L;
        CREATE FUNCTION outcomes.student_rollup_with(
            tenant text, course bigint, student text, outcome bigint, at timestamptz, known_at timestamptz,
            scale_ratings jsonb, method_found boolean, found_method text, found_int integer)
        RETURNS TABLE %1$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
        SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %3$L;
        CREATE OR REPLACE FUNCTION outcomes.course_outcome_summary_of(tenant text, course bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE (learning_outcome_id bigint, mean numeric, median numeric, students bigint, assessed bigint, mastered bigint,
                       levels jsonb)
        LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
        SET work_mem = '64MB' SET enable_nestloop = off SET enable_mergejoin = off
        SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %5$L;
        CREATE OR REPLACE FUNCTION outcomes.rollup_input(
            tenant text, course bigint, student text, outcome bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
        RETURNS TABLE (id bigint, score double precision, possible double precision, percent double precision, assessed_at timestamptz,
                       worked_at timestamptz, quiz_id bigint, merged_percent double precision, value double precision)
        LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
        SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %4$L;
    $sql$, columns,
        outcomes.filled(of_course, 'setting', setting, 'more', '', 'answer', rollup || rollups),
        outcomes.filled(of_one, 'setting', setting_given, 'more', '', 'answer', rollup || rollups),
        outcomes.filled(of_one, 'setting', setting, 'more', more, 'answer', rows),
        outcomes.filled(of_course, 'setting', setting, 'more', '', 'answer', rollup || summaries));
END
$make$;

DROP FUNCTION outcomes.filled;
COMMENT ON FUNCTION outcomes.student_rollup_with IS
    'student_rollup_of with what mastery_setting has found for the course at that moment; for those who ask at many moments.';

CREATE OR REPLACE FUNCTION outcomes.student_rollup_of(
    tenant text, course bigint, student text, outcome bigint, at timestamptz, known_at timestamptz)
RETURNS TABLE (user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
               calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               results bigint, last_assessed_at timestamptz, level integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.*
      FROM outcomes.mastery_setting(tenant, 'Course', course, at, known_at) s
     CROSS JOIN LATERAL outcomes.student_rollup_with(
        tenant, course, student, outcome, at, known_at, s.outcome_proficiency_ratings, s.outcome_calculation_method_id IS NOT NULL,
        s.calculation_method, s.calculation_int) r;
END
$$;
ALTER FUNCTION outcomes.student_rollup_of RESET ALL;


CREATE OR REPLACE FUNCTION outcomes.mastery_timeline(root_account_uuid text, course_id bigint, user_uuid text, learning_outcome_id bigint)
RETURNS TABLE (at timestamptz, score numeric, mastery boolean, rating text, color text, calculation_method text, calculation_int integer,
               points_possible double precision, mastery_points double precision, results bigint, cause text, caused_by jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 AS $$
#variable_conflict use_column
DECLARE
    moment record;
    setting record;
    found record;
    before record;
    heard boolean := false;
    seen boolean := false;
    settled boolean := false;
BEGIN
    FOR moment IN
        SELECT m.at, string_agg(DISTINCT m.cause, ', ') AS cause,
               jsonb_agg(DISTINCT jsonb_build_object('cause', m.cause, 'table', m.table_name, 'id', m.id)) AS caused_by,
               bool_or(m.table_name IS NOT DISTINCT FROM 'learning_outcome_result') AS tells_results,
               -- Scale and method come from the tree, the scales and the methods; nothing else moves them.
               bool_and(m.table_name IS NOT NULL AND m.table_name IN ('learning_outcome_result', 'rubric_assessment', 'learning_outcome',
                                                                      'learning_outcome_link')) AS leaves_setting
          FROM outcomes.rollup_moment($1, $2, $3, $4) m
         GROUP BY m.at
         ORDER BY m.at
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
          FROM outcomes.student_rollup_with(
               $1, $2, $3, $4, moment.at, NULL, setting.outcome_proficiency_ratings, setting.outcome_calculation_method_id IS NOT NULL,
               setting.calculation_method, setting.calculation_int) r;
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
