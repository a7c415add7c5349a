-- Scores equal to Canvas' to the last cent.
--
-- Canvas computes in Ruby's doubles, where the last cent depends on each operation: weights are 0.01 * int and 0.01 * (100 - int), a list
-- is added up with a correction of what rounding lost (Ruby's Array#sum), and the end is rounded once, by Float#round(2). The mean over
-- students is an average of their rounded scores; the median is not rounded. Corrected sums come to the same cents in any order. Of a quiz
-- Canvas adds up the banks in a plain loop, by result id, as the window functions below have done before. See app/models/rollup_score.rb and
-- app/helpers/rollup_score_aggregator_helper.rb of Canvas, array.c and float.c of Ruby.
--
-- The functions that compute rollups are here whole, as they are from now on: 0007 has what was before.

CREATE FUNCTION outcomes.shortest_decimal(number double precision) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET extra_float_digits = 1 AS $$
    SELECT number::text::numeric
$$;
COMMENT ON FUNCTION outcomes.shortest_decimal IS
    'A double as Ruby and JSON print it: the shortest decimal that reads back as the same double. A cast to numeric keeps 15 digits.';

CREATE OR REPLACE FUNCTION outcomes.rollup_score(calculation_method text, calculation_int integer, "values" double precision[], mastery_points double precision)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    n integer := cardinality("values");
    added double precision[]; -- of which the mean counts
    v double precision;
    total double precision := 0;
    lost double precision := 0; -- what rounding took from total
    number integer; -- the percentage that the newest value weighs
    newest double precision;
    older double precision;
    score double precision;
    size double precision;
    cents double precision;
BEGIN
    IF n = 0 OR array_position("values", NULL) IS NOT NULL THEN
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
        added := "values";
    WHEN 'n_mastery' THEN
        FOREACH v IN ARRAY "values" LOOP
            IF v >= mastery_points THEN
                added := added || v;
            END IF;
        END LOOP;
        IF coalesce(cardinality(added), 0) < outcomes.legal_int(calculation_method, calculation_int) THEN
            RETURN NULL;
        END IF;
    WHEN 'decaying_average', 'weighted_average' THEN
        IF n = 1 THEN
            score := "values"[1];
        ELSE
            added := "values"[:n - 1];
            number := outcomes.legal_int(calculation_method, calculation_int);
        END IF;
    WHEN 'standard_decaying_average' THEN
        number := outcomes.legal_int(calculation_method, calculation_int);
        newest := 0.01::double precision * number;
        older := 0.01::double precision * (100 - number);
        score := "values"[1];
        FOR i IN 2 .. n LOOP
            score := outcomes.no_trace(score * older) + "values"[i] * newest; -- who once was good and is at nought for long
        END LOOP;
    ELSE
        RETURN NULL; -- a method of tomorrow: no number is better than a wrong one
    END CASE;

    IF added IS NOT NULL THEN
        -- Array#sum: Kahan's and Babuska's algorithm. What an addition rounds away is found from the greater of its two numbers.
        FOREACH v IN ARRAY added LOOP
            lost := lost + CASE WHEN abs(total) >= abs(v) THEN (total - (total + v)) + v ELSE (v - (total + v)) + total END;
            total := total + v;
        END LOOP;
        score := (total + lost) / cardinality(added);
        IF number IS NOT NULL THEN
            score := "values"[n] * (0.01::double precision * number) + score * (0.01::double precision * (100 - number));
        END IF;
    END IF;

    -- Float#round(2). Halves go away from zero; where the hundredfold fell short of its half by rounding, the comparison finds out.
    -- From 2^59 on doubles have no cents. Below 10^13 cents are the shortest decimal, and faster made of an integer.
    size := abs(score);
    IF size < 576460752303423488 THEN
        cents := floor(size * 100) + floor(2 * (size * 100 - floor(size * 100)));
        cents := sign(score) * (cents + CASE WHEN (cents + 0.5::double precision) / 100 <= size THEN 1 ELSE 0 END);
        IF size < 1e13 THEN
            RETURN cents::bigint * 0.01;
        END IF;
        score := cents / 100;
    END IF;
    RETURN outcomes.shortest_decimal(score);
END
$$;
COMMENT ON FUNCTION outcomes.rollup_score IS
    'The score of values in time order, by Canvas'' stored name of the method; computed in doubles and rounded once, to cents, as Ruby does. Null: no score.';


-- A template with its {parts} put in; dropped below.
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
               CASE WHEN applied.points_possible <= 0 THEN applied.mastery_points ELSE applied.points_possible END AS unit,
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
               s.level{also}
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
        SELECT r.learning_outcome_id, count(*) AS assessed, count(*) FILTER (WHERE r.mastery) AS mastered,
               array_agg(r.reached ORDER BY r.reached) AS scores
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
    SELECT o.learning_outcome_id, outcomes.rollup_score('average', NULL, o.scores, NULL),
           outcomes.shortest_decimal((o.scores[(o.assessed + 1) / 2] + o.scores[o.assessed / 2 + 1]) / 2),
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
    plain := outcomes.filled(rollup || rollups, 'worked', '', 'also', '');
    body := outcomes.filled(body,
        'now_here', outcomes.filled(inputs, 'candidates', '', 'state', state_now, 'and_here', '', 'here', here) || '{answer}',
        'then_here', outcomes.filled(inputs, 'candidates', candidates_then, 'state', state_then, 'and_here', and_here_then, 'here', here) || '{answer}',
        'now_nowhere', outcomes.filled(inputs, 'candidates', '', 'state', state_now, 'and_here', '', 'here', nowhere) || '{answer}',
        'then_nowhere', outcomes.filled(inputs, 'candidates', candidates_then, 'state', state_then, 'and_here', and_here_then, 'here', nowhere) || '{answer}');
    of_course := outcomes.filled(body, 'and_student', '', 'outcome', 'NULL');
    of_some := outcomes.filled(body, 'and_student', of_students, 'outcome', 'NULL');
    of_one := outcomes.filled(body, 'and_student', of_student, 'outcome', 'outcome');

    -- Planned once, because planning takes longer than a small course; without parallel workers, because starting them does.
    -- No nested loops where there is a choice, because how many versions a course has at a moment nobody can estimate.
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION outcomes.rollup_of(tenant text, course bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE %1$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500 %3$s %4$s AS %5$L;
        CREATE OR REPLACE FUNCTION outcomes.rollup_of_students(tenant text, course bigint, students text[], at timestamptz, known_at timestamptz)
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
        'SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off',
        outcomes.filled(of_course, 'setting', setting, 'more', '', 'answer', plain),
        outcomes.filled(of_some, 'setting', setting, 'more', '', 'answer',
                        outcomes.filled(rollup || rollups, 'worked', 'max(v.worked_at) AS last_worked_at,', 'also', ', g.last_worked_at')),
        outcomes.filled(of_one, 'setting', setting_given, 'more', '', 'answer', plain),
        outcomes.filled(of_course, 'setting', setting, 'more', '', 'answer',
                        outcomes.filled(rollup || summaries, 'worked', '', 'also', ', s.reached')),
        outcomes.filled(of_one, 'setting', setting, 'more', more, 'answer', rows));
END
$make$;
DROP FUNCTION outcomes.filled;
