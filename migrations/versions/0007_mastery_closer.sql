-- Mastery closer to Canvas, and out of reach of hostile numbers.
--
-- A product of doubles that comes to nothing is an error in Postgres and 0 in Canvas: numbers of which nobody could tell the trace are
-- 0 here too. Ids beyond 64 bits are none. Ratings that are deleted belong to no scale. An outcome that was deleted takes its links
-- with it, of which no event tells. Percentages of levels are of those who stand on one. Banks of one quiz are merged where REST told
-- them too. Rollups over HTTP tell when the newest work was submitted.
--
-- And where a request was made is the greatest of what any copy of an event tells, so that it does not matter which copy came first.
--
-- The functions that compute rollups are here whole, as they are from now on: 0004 has what was before.

CREATE FUNCTION outcomes.no_trace(number double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN abs(number) < 1e-100 THEN 0 ELSE number END
$$;
COMMENT ON FUNCTION outcomes.no_trace IS
    'The number, or 0 where it is so small that products with it would underflow, which Postgres refuses; null stays null.';

CREATE OR REPLACE FUNCTION outcomes.number_of(value jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(value) WHEN 'number' THEN CASE WHEN abs(value::numeric) < 1e-100 THEN 0 ELSE value::double precision END END
$$;

CREATE OR REPLACE FUNCTION outcomes.local_id(id text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN id ~ '^[0-9]{1,19}$'
                THEN CASE WHEN id::numeric BETWEEN 1 AND 9223372036854775807
                          THEN coalesce(nullif(id::numeric % 10000000000000, 0), id::numeric)::bigint END END
$$;

CREATE OR REPLACE FUNCTION outcomes.levels_of(ratings jsonb)
RETURNS TABLE (points double precision[], descriptions text[], colors text[], mastery boolean[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT array_agg(p ORDER BY p, n DESC), array_agg(rating ->> 'description' ORDER BY p, n DESC),
           array_agg(rating ->> 'color' ORDER BY p, n DESC), array_agg(coalesce(rating -> 'mastery' = 'true', false) ORDER BY p, n DESC)
      FROM jsonb_array_elements(CASE jsonb_typeof(ratings) WHEN 'array' THEN ratings ELSE '[]' END) WITH ORDINALITY r (rating, n)
     CROSS JOIN LATERAL (SELECT outcomes.number_of(rating -> 'points')) q (p)
     WHERE p IS NOT NULL AND rating ->> 'workflow_state' IS DISTINCT FROM 'deleted'
$$;

CREATE OR REPLACE FUNCTION outcomes.rollup_score(calculation_method text, calculation_int integer, "values" double precision[], mastery_points double precision)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    n integer := cardinality("values");
    v double precision;
    w double precision;
    total double precision := 0;
    kept integer := 0;
    score double precision;
BEGIN
    IF array_position("values", NULL) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    CASE coalesce(calculation_method, 'highest')
    WHEN 'highest' THEN
        score := "values"[1];
        FOR i IN 2 .. n LOOP
            score := greatest(score, "values"[i]);
        END LOOP;
    WHEN 'latest' THEN
        score := "values"[n];
    WHEN 'average' THEN
        FOREACH v IN ARRAY "values" LOOP
            total := total + v;
        END LOOP;
        score := total / nullif(n, 0);
    WHEN 'n_mastery' THEN
        FOR i IN 1 .. n LOOP
            IF "values"[i] >= mastery_points THEN
                total := total + "values"[i];
                kept := kept + 1;
            END IF;
        END LOOP;
        IF kept < outcomes.legal_int(calculation_method, calculation_int) THEN
            RETURN NULL;
        END IF;
        score := total / kept;
    WHEN 'decaying_average', 'weighted_average' THEN
        score := "values"[n];
        IF n > 1 THEN
            w := outcomes.legal_int(calculation_method, calculation_int) / 100.0::double precision;
            FOR i IN 1 .. n - 1 LOOP
                total := total + "values"[i];
            END LOOP;
            score := w * score + (1 - w) * (total / (n - 1));
        END IF;
    WHEN 'standard_decaying_average' THEN
        w := outcomes.legal_int(calculation_method, calculation_int) / 100.0::double precision;
        score := "values"[1];
        FOR i IN 2 .. n LOOP
            score := outcomes.no_trace((1 - w) * score) + w * "values"[i]; -- who once was good and is at nought for long
        END LOOP;
    ELSE
        RETURN NULL; -- a method of tomorrow: no number is better than a wrong one
    END CASE;
    RETURN round(score::text::numeric, 2); -- as printed, because Ruby's Float#round looks at the decimal and Postgres' cast cuts it
END
$$;

CREATE FUNCTION outcomes.outcome_deleted_since(
    tenant text, outcome bigint, since timestamptz, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM outcomes.learning_outcome_version v
                    WHERE v.root_account_uuid = tenant AND v.id = outcome AND v.workflow_state = 'deleted' AND v.event_time > since
                      AND v.event_time <= coalesce(at, 'infinity') AND v.recorded_at <= coalesce(known_at, 'infinity'))
$$;
COMMENT ON FUNCTION outcomes.outcome_deleted_since IS
    'Whether an outcome was deleted after a moment: links that are older went with it, of which Canvas sends no event, and do not come back.';

CREATE FUNCTION outcomes.course_outcome_link(tenant text, course bigint, outcome bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (learning_outcome_id bigint, shown boolean) LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT l.learning_outcome_id,
           bool_or(l.workflow_state IS DISTINCT FROM 'deleted'
                   AND NOT outcomes.outcome_deleted_since(tenant, l.learning_outcome_id, l.event_time, at, known_at))
      FROM (SELECT DISTINCT v.id FROM outcomes.learning_outcome_link_version v
             WHERE v.root_account_uuid = tenant AND v.context_type = 'Course' AND v.context_id = course
               AND (outcome IS NULL OR v.learning_outcome_id = outcome)) seen
     CROSS JOIN LATERAL outcomes.learning_outcome_link_at(tenant, seen.id, at, known_at) l
     WHERE l.context_type = 'Course' AND l.context_id = course
     GROUP BY l.learning_outcome_id
$$;
COMMENT ON FUNCTION outcomes.course_outcome_link IS
    'The outcomes (or that one) that any link has placed in a course, and whether one of these is left; at null is now.';

-- Which scale a context has does not depend on whether Canvas computes with it.
CREATE FUNCTION outcomes.resolved_outcome_proficiency(
    tenant text, context_type text, context_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (outcome_proficiency_id bigint, scale_owner_type text, scale_owner_id bigint, outcome_proficiency_ratings jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT owned.id, above.owner_type, above.owner_id, owned.outcome_proficiency_ratings
      FROM outcomes.account_chain(tenant, context_type, context_id, at, known_at) above
     CROSS JOIN LATERAL (
            SELECT s.*
              FROM (SELECT DISTINCT v.id FROM outcomes.outcome_proficiency_version v
                     WHERE v.root_account_uuid = tenant AND v.context_type = above.owner_type AND v.context_id = above.owner_id) seen
             CROSS JOIN LATERAL outcomes.outcome_proficiency_at(tenant, seen.id, at, known_at) s
             WHERE s.context_type = above.owner_type AND s.context_id = above.owner_id
             ORDER BY s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC
             LIMIT 1) owned
     WHERE owned.workflow_state = 'active'
     ORDER BY above.distance
     LIMIT 1
$$;
COMMENT ON FUNCTION outcomes.resolved_outcome_proficiency IS
    'The nearest active mastery scale of a course or account, as Canvas shows it: also while account-level scales are off.';

DO $hints$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['account', 'course', 'learning_outcome', 'learning_outcome_group', 'learning_outcome_link',
                                'learning_outcome_result', 'outcome_calculation_method', 'outcome_friendly_description',
                                'outcome_proficiency', 'rubric_assessment'] LOOP
        EXECUTE format('GRANT UPDATE (metadata) ON outcomes.%I TO outcomes_writer', name || '_version');
        EXECUTE format('COMMENT ON COLUMN outcomes.%I.metadata IS %L', name || '_version',
                       'Where the request was made (context_type, context_id, context_account_id, root_account_id); null for background jobs. '
                       'Of copies that tell it differently the greatest text: the one thing of a version that a later copy may change.');
    END LOOP;
END
$hints$;


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
               CASE WHEN s.artifact_type = 'Quizzes::QuizSubmission'
                    THEN CASE s.associated_asset_type WHEN 'Quizzes::Quiz' THEN s.associated_asset_id
                                                      WHEN 'Assignment' THEN -s.associated_asset_id END END AS quiz_id
          FROM {state}
         WHERE s.workflow_state = 'active' AND s.score IS NOT NULL AND s.user_uuid IS NOT NULL{and_here}
           AND NOT EXISTS (SELECT
                             FROM outcomes.outcome_alignment_at(tenant, course, at, known_at) gone
                            WHERE gone.workflow_state = 'deleted' AND gone.asset_type = 'Assignment'
                              AND s.associated_asset_type = 'Assignment' AND gone.asset_id = s.associated_asset_id
                              AND gone.learning_outcome_id = s.learning_outcome_id AND s.event_time <= gone.event_time)
    ),
    submission AS (
        SELECT DISTINCT ON (a.id) a.id, a.submitted_at
          FROM outcomes.rubric_assessment_version a
         WHERE a.root_account_uuid = tenant
           AND a.id = ANY (ARRAY(SELECT DISTINCT r.rubric_assessment_id FROM result r WHERE r.rubric_assessment_id IS NOT NULL))
           AND a.event_time <= coalesce(at, 'infinity') AND a.recorded_at <= coalesce(known_at, 'infinity')
         ORDER BY a.id, a.event_time DESC, a.event_name DESC, a.updated_at DESC NULLS LAST, a.version_hash DESC
    ),
    -- Each outcome with the scale and the method that apply to it here.
    shown AS MATERIALIZED (
        SELECT seen.learning_outcome_id, applied.*,
               CASE WHEN applied.points_possible = 0 THEN applied.mastery_points ELSE applied.points_possible END AS unit,
               applied.calculation_method NOT IN ('highest', 'n_mastery') AS merges
          FROM (SELECT DISTINCT r.learning_outcome_id FROM result r) seen
         CROSS JOIN setting
          LEFT JOIN LATERAL outcomes.learning_outcome_at(tenant, seen.learning_outcome_id, at, known_at) o ON true
          LEFT JOIN outcomes.course_outcome_link(tenant, course, {outcome}, at, known_at) link USING (learning_outcome_id)
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
    -- Of a quiz with several banks every row takes what the quiz came to as a whole; one bank is a whole by itself. REST tells the
    -- assignment of a quiz in place of the quiz: that is the negative id.
    quiz AS (
        SELECT r.id, sum(outcomes.no_trace(r.possible) * outcomes.no_trace(r.percent)) OVER quiz
                     / nullif(sum(outcomes.no_trace(r.possible)) FILTER (WHERE r.percent IS NOT NULL) OVER quiz, 0) AS percent
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
               CASE WHEN coalesce(merged.percent, r.percent) IS NULL THEN outcomes.no_trace(r.score)
                    ELSE outcomes.no_trace(coalesce(merged.percent, r.percent)) * shown.unit END AS value
          FROM result r
          JOIN shown USING (learning_outcome_id)
          LEFT JOIN submission ON submission.id = r.rubric_assessment_id
          LEFT JOIN quiz ON quiz.id = r.id
         CROSS JOIN LATERAL (
            SELECT CASE WHEN quiz.id IS NOT NULL THEN quiz.percent
                        WHEN r.quiz_id IS NOT NULL AND shown.merges
                        THEN outcomes.no_trace(r.possible) * outcomes.no_trace(r.percent) / nullif(outcomes.no_trace(r.possible), 0)
                        END) merged (percent)
        OFFSET 0 -- so that what is sorted is as narrow as this
    )
$inputs$;
    rollup text := $rollup$,
    grouped AS (
        SELECT v.user_uuid, v.learning_outcome_id, max(v.assessed_at) AS last_assessed_at, {worked}
               array_agg(v.value ORDER BY v.worked_at NULLS FIRST, v.id) AS "values"
          FROM valued v
         GROUP BY v.user_uuid, v.learning_outcome_id
    ),
    rollup AS (
        SELECT g.user_uuid, g.learning_outcome_id, s.score, s.reached >= shown.mastery_points AS mastery,
               shown.descriptions[s.level] AS rating, shown.colors[s.level] AS color, shown.calculation_method, shown.calculation_int,
               shown.points_possible, shown.mastery_points, cardinality(g."values")::bigint AS results, g.last_assessed_at,
               s.level{last_worked}
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
    -- As Canvas has it: percentages are of those who stand on a level, so that who is below the lowest one is not among them.
    counted AS (
        SELECT r.learning_outcome_id, r.level, count(*) AS students,
               sum(count(*)) OVER (PARTITION BY r.learning_outcome_id) AS placed
          FROM rollup r
         WHERE r.level > 0
         GROUP BY r.learning_outcome_id, r.level
    )
    SELECT o.learning_outcome_id, o.mean, trim_scale((o.scores[(o.assessed + 1) / 2] + o.scores[o.assessed / 2 + 1]) / 2),
           (SELECT count(DISTINCT r.user_uuid) FROM rollup r), o.assessed, o.mastered,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'description', shown.descriptions[n], 'color', shown.colors[n], 'points', shown.points[n],
                       'mastery', shown.points[n] >= shown.mastery_points, 'count', coalesce(c.students, 0),
                       'percent', coalesce(round(100.0 * c.students / c.placed), 0)) ORDER BY n DESC), '[]')
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
                   r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id, r.event_time
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
    of_students text := ' AND r.user_uuid = ANY (students)';
    columns text := $columns$(user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
            calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
            results bigint, last_assessed_at timestamptz, level integer{last_worked})$columns$;
    setting text := $setting$SELECT found.outcome_proficiency_ratings AS scale_ratings, found.outcome_calculation_method_id IS NOT NULL AS method_found,
               found.calculation_method AS found_method, found.calculation_int AS found_int
          FROM outcomes.mastery_setting(tenant, 'Course', course, at, known_at) found$setting$;
    setting_given text := 'SELECT scale_ratings, method_found, found_method, found_int';
    more text := 'r.score, r.possible, r.percent, r.quiz_id, merged.percent AS merged_percent,';
    plain text;
    of_course text;
    of_some text;
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
    plain := outcomes.filled(rollup || rollups, 'worked', '', 'last_worked', '');
    body := outcomes.filled(body,
        'now_here', outcomes.filled(inputs, 'candidates', '', 'state', state_now, 'and_here', '', 'here', here) || '{answer}',
        'then_here', outcomes.filled(inputs, 'candidates', candidates_then, 'state', state_then, 'and_here', and_here_then, 'here', here) || '{answer}',
        'now_nowhere', outcomes.filled(inputs, 'candidates', '', 'state', state_now, 'and_here', '', 'here', nowhere) || '{answer}',
        'then_nowhere', outcomes.filled(inputs, 'candidates', candidates_then, 'state', state_then, 'and_here', and_here_then, 'here', nowhere) || '{answer}');
    of_course := outcomes.filled(body, 'and_student', '', 'outcome', 'NULL');
    of_some := outcomes.filled(body, 'and_student', of_students, 'outcome', 'NULL');
    of_one := outcomes.filled(body, 'and_student', of_student, 'outcome', 'outcome');

    -- Planned once, because planning takes longer than a small course; without parallel workers, because starting them does.
    -- No nested loops where there is a choice, because how many versions a course has at a moment nobody can estimate. Digits as
    -- Postgres writes them by itself, because scores are rounded as they are written.
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION outcomes.rollup_of(tenant text, course bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE %1$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500 %3$s %4$s AS %5$L;
        DROP FUNCTION IF EXISTS outcomes.rollup_of_students;
        CREATE FUNCTION outcomes.rollup_of_students(tenant text, course bigint, students text[], at timestamptz, known_at timestamptz)
        RETURNS TABLE %2$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500 %3$s %4$s AS %6$L;
        CREATE OR REPLACE FUNCTION outcomes.student_rollup_with(
            tenant text, course bigint, student text, outcome bigint, at timestamptz, known_at timestamptz,
            scale_ratings jsonb, method_found boolean, found_method text, found_int integer)
        RETURNS TABLE %1$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 %4$s AS %7$L;
        CREATE OR REPLACE FUNCTION outcomes.course_outcome_summary_of(tenant text, course bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE (learning_outcome_id bigint, mean numeric, median numeric, students bigint, assessed bigint, mastered bigint,
                       levels jsonb)
        LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20 %3$s %4$s AS %8$L;
        CREATE OR REPLACE FUNCTION outcomes.rollup_input(
            tenant text, course bigint, student text, outcome bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
        RETURNS TABLE (id bigint, score double precision, possible double precision, percent double precision, assessed_at timestamptz,
                       worked_at timestamptz, quiz_id bigint, merged_percent double precision, value double precision)
        LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10 %4$s AS %9$L;
    $sql$,
        outcomes.filled(columns, 'last_worked', ''),
        outcomes.filled(columns, 'last_worked', ', last_worked_at timestamptz'),
        'SET work_mem = ''64MB'' SET enable_nestloop = off SET enable_mergejoin = off',
        'SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off SET extra_float_digits = 1',
        outcomes.filled(of_course, 'setting', setting, 'more', '', 'answer', plain),
        outcomes.filled(of_some, 'setting', setting, 'more', '', 'answer',
                       outcomes.filled(rollup || rollups, 'worked', 'max(v.worked_at) AS last_worked_at,', 'last_worked', ', g.last_worked_at')),
        outcomes.filled(of_one, 'setting', setting_given, 'more', '', 'answer', plain),
        outcomes.filled(of_course, 'setting', setting, 'more', '', 'answer', outcomes.filled(rollup, 'worked', '', 'last_worked', '') || summaries),
        outcomes.filled(of_one, 'setting', setting, 'more', more, 'answer', rows));
END
$make$;

DROP FUNCTION outcomes.filled;
COMMENT ON FUNCTION outcomes.rollup_of_students IS 'rollup_of for these students of the course alone, with when the newest work was submitted.';
