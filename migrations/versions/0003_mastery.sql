-- Mastery, as Canvas computes it: now, at any moment, and why it changed.
--
-- Everything is computed when it is asked for, from the projection alone, so it is right in the moment in which an event is
-- committed. There is one computation, `rollup_of`; views and functions only ask it different questions.
--   state of an object at a moment     <table>_at
--   which scale and method apply       account_level_scales, account_chain, mastery_setting, outcome_setting
--   a score                            rollup_score, which knows the seven methods
--   rollups                            rollup_of -> outcome_rollup_at -> outcome_rollup, course_outcome_summary
--   why                                rollup_input, mastery_timeline
-- Rules are those of Canvas' app/models/rollup_score.rb, app/helpers/rollup_score_aggregator_helper.rb, lib/outcomes,
-- app/models/account.rb and course.rb (outcome_proficiency), app/models/outcome_calculation_method.rb.
--
-- In all functions `at` null means now, and `known_at` null means all that is known. `at` asks for what was true then
-- (event_time), `known_at` for what had been recorded then (recorded_at).


-- The course of a result. Only Course occurs in Canvas' model; account ids overlap with course ids, so another type is no course.
CREATE FUNCTION outcomes.course_of(result_context_type text, result_context_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(result_context_type, 'Course') = 'Course' THEN result_context_id END
$$;
COMMENT ON FUNCTION outcomes.course_of IS 'The course of a result: result_context_id where that is one; null where it is unknown.';

CREATE INDEX learning_outcome_result_by_course ON outcomes.learning_outcome_result
       (root_account_uuid, result_context_id, user_uuid, learning_outcome_id);
CREATE INDEX learning_outcome_result_without_course ON outcomes.learning_outcome_result (root_account_uuid)
 WHERE outcomes.course_of(result_context_type, result_context_id) IS NULL;
CREATE INDEX learning_outcome_result_version_by_course ON outcomes.learning_outcome_result_version
       (root_account_uuid, result_context_id, user_uuid, learning_outcome_id);
CREATE INDEX learning_outcome_result_version_without_course ON outcomes.learning_outcome_result_version (root_account_uuid)
 WHERE outcomes.course_of(result_context_type, result_context_id) IS NULL;
CREATE INDEX learning_outcome_link_version_by_context ON outcomes.learning_outcome_link_version
       (root_account_uuid, context_type, context_id, learning_outcome_id);
CREATE INDEX outcome_proficiency_version_by_context ON outcomes.outcome_proficiency_version
       (root_account_uuid, context_type, context_id);
CREATE INDEX outcome_calculation_method_version_by_context ON outcomes.outcome_calculation_method_version
       (root_account_uuid, context_type, context_id);


-- The state of one object at a moment. Lives as long as this migration.
CREATE FUNCTION outcomes.add_at(name text) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(format('v.%I', attname), ', ' ORDER BY attnum) INTO columns
      FROM pg_attribute WHERE attrelid = format('outcomes.%I', name)::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format($sql$
        CREATE FUNCTION outcomes.%1$I(root_account_uuid text, id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
        RETURNS SETOF outcomes.%2$I LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $at$
            SELECT %4$s
              FROM outcomes.%3$I v
             WHERE v.root_account_uuid = $1 AND v.id = $2 AND v.event_time <= coalesce($3, 'infinity')
               AND v.recorded_at <= coalesce($4, 'infinity')
             ORDER BY v.event_time DESC, v.event_name DESC, v.updated_at DESC NULLS LAST, v.version_hash DESC
             LIMIT 1
        $at$;
        COMMENT ON FUNCTION outcomes.%1$I IS %5$L;
    $sql$, name || '_at', name, name || '_version', columns,
        format('The row of %s as it was at a moment; at null is now, known_at null is all that is known.', name));
END
$body$;

DO $at$
BEGIN
    PERFORM outcomes.add_at(name) FROM unnest(ARRAY['account', 'course', 'learning_outcome', 'learning_outcome_group', 'learning_outcome_link',
                    'learning_outcome_result', 'outcome_calculation_method', 'outcome_friendly_description',
                    'outcome_proficiency', 'rubric_assessment']) name;
END
$at$;

DROP FUNCTION outcomes.add_at;



-- The tree

CREATE FUNCTION outcomes.local_id(id text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN id ~ '^[0-9]{1,19}$' THEN coalesce(nullif(id::numeric % 10000000000000, 0), id::numeric)::bigint END
$$;
COMMENT ON FUNCTION outcomes.local_id IS 'Local id of a global one: modulo 10^13. Null where it is no id.';

-- The request behind an event knows more than its body: the account of its course, and the root account.
DO $hints$
DECLARE
    name text;
    hints text[];
BEGIN
    FOREACH name IN ARRAY ARRAY['account', 'course', 'learning_outcome', 'learning_outcome_group', 'learning_outcome_link',
                                'learning_outcome_result', 'outcome_calculation_method', 'outcome_friendly_description',
                                'outcome_proficiency', 'rubric_assessment'] LOOP
        EXECUTE format($sql$
            COMMENT ON COLUMN outcomes.%1$I.metadata IS
                'Where the request was made (context_type, context_id, context_account_id, root_account_id); null for background jobs.';
            CREATE INDEX %2$I ON outcomes.%1$I (root_account_uuid, (outcomes.local_id(metadata ->> 'context_id')), event_time)
             WHERE metadata ->> 'context_type' = 'Course' AND metadata ? 'context_account_id';
            CREATE INDEX %3$I ON outcomes.%1$I (root_account_uuid, event_time) WHERE metadata ? 'root_account_id';
        $sql$, name || '_version', name || '_version_hint_of_account', name || '_version_hint_of_root');
        hints := hints || format('SELECT root_account_uuid, event_time, recorded_at, metadata FROM outcomes.%I', name || '_version');
    END LOOP;
    EXECUTE format('CREATE VIEW outcomes.context_hint AS %s', array_to_string(hints, ' UNION ALL '));
END
$hints$;
COMMENT ON VIEW outcomes.context_hint IS 'Where web requests were made, of all versions; tells what no account or course event has told.';
COMMENT ON COLUMN outcomes.context_hint.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.context_hint.event_time IS 'When Canvas posted the event.';
COMMENT ON COLUMN outcomes.context_hint.recorded_at IS 'When it was recorded here.';
COMMENT ON COLUMN outcomes.context_hint.metadata IS 'context_type, context_id, context_account_id, root_account_id: global ids.';


CREATE FUNCTION outcomes.root_account(tenant text, at timestamptz, known_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH known AS (
        SELECT a.*
          FROM (SELECT DISTINCT v.id FROM outcomes.account_version v WHERE v.root_account_uuid = tenant) seen
         CROSS JOIN LATERAL outcomes.account_at(tenant, seen.id, at, known_at) a
    ),
    owner AS (
        SELECT p.context_type, p.context_id
          FROM (SELECT DISTINCT v.id FROM outcomes.outcome_proficiency_version v WHERE v.root_account_uuid = tenant) seen
         CROSS JOIN LATERAL outcomes.outcome_proficiency_at(tenant, seen.id, at, known_at) p
         UNION ALL
        SELECT m.context_type, m.context_id
          FROM (SELECT DISTINCT v.id FROM outcomes.outcome_calculation_method_version v WHERE v.root_account_uuid = tenant) seen
         CROSS JOIN LATERAL outcomes.outcome_calculation_method_at(tenant, seen.id, at, known_at) m
    )
    SELECT coalesce(
        (SELECT min(id) FROM known WHERE parent_account_id IS NULL),
        (SELECT min(root_account_id) FROM known),
        (SELECT outcomes.local_id(h.metadata ->> 'root_account_id')
           FROM outcomes.context_hint h
          WHERE h.root_account_uuid = tenant AND h.metadata ? 'root_account_id'
            AND h.event_time <= coalesce(at, 'infinity') AND h.recorded_at <= coalesce(known_at, 'infinity')
          ORDER BY h.event_time DESC, 1
          LIMIT 1),
        (SELECT min(context_id) FROM owner WHERE context_type = 'Account' HAVING count(DISTINCT context_id) = 1))
$$;
COMMENT ON FUNCTION outcomes.root_account IS
    'Local id of the root account: the account without parent, else the one that accounts name, else the metadata''s, else the only account that owns scales and methods.';


CREATE FUNCTION outcomes.account_chain(tenant text, context_type text, context_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (distance integer, owner_type text, owner_id bigint) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    account bigint;
    parent bigint;
    visited bigint[] := '{}';
BEGIN
    distance := 0;
    IF context_type = 'Course' THEN
        IF context_id IS NOT NULL THEN
            owner_type := 'Course';
            owner_id := context_id;
            RETURN NEXT;
            SELECT c.account_id INTO account FROM outcomes.course_at(tenant, context_id, at, known_at) c;
            IF account IS NULL THEN
                SELECT outcomes.local_id(h.metadata ->> 'context_account_id') INTO account
                  FROM outcomes.context_hint h
                 WHERE h.root_account_uuid = tenant
                   AND h.metadata ->> 'context_type' = 'Course' AND h.metadata ? 'context_account_id'
                   AND outcomes.local_id(h.metadata ->> 'context_id') = context_id
                   AND h.event_time <= coalesce(at, 'infinity') AND h.recorded_at <= coalesce(known_at, 'infinity')
                 ORDER BY h.event_time DESC, 1 DESC
                 LIMIT 1;
            END IF;
            account := coalesce(account, outcomes.root_account(tenant, at, known_at));
        END IF;
    ELSIF context_type = 'Account' THEN
        account := context_id;
    ELSE
        RETURN; -- nothing else has a place in the tree
    END IF;
    owner_type := 'Account';
    WHILE account IS NOT NULL LOOP
        IF account = ANY (visited) THEN
            EXIT; -- a circle, which Canvas does not make and a feed out of order can
        END IF;
        visited := visited || account;
        distance := distance + 1;
        owner_id := account;
        RETURN NEXT;
        SELECT a.parent_account_id INTO parent FROM outcomes.account_at(tenant, account, at, known_at) a;
        IF FOUND AND parent IS NULL THEN
            RETURN; -- a root
        END IF;
        account := parent;
    END LOOP;
    account := outcomes.root_account(tenant, at, known_at);
    IF account IS NOT NULL AND account <> ALL (visited) THEN
        distance := distance + 1;
        owner_id := account;
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION outcomes.account_chain IS
    'The contexts that a course or account inherits from, nearest first: itself, its account, that one''s parents; the root where the tree is not known.';


-- Scales and methods

CREATE FUNCTION outcomes.account_level_scales(tenant text, at timestamptz, known_at timestamptz DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE (SELECT s.value FROM outcomes.tenant_setting s
                  WHERE s.root_account_uuid = tenant AND s.name = 'account_level_mastery_scales')
           WHEN 'on' THEN true
           WHEN 'off' THEN false
           ELSE EXISTS (SELECT FROM outcomes.outcome_proficiency_version v
                         WHERE v.root_account_uuid = tenant AND v.event_time <= coalesce(at, 'infinity')
                           AND v.recorded_at <= coalesce(known_at, 'infinity'))
             OR EXISTS (SELECT FROM outcomes.outcome_calculation_method_version v
                         WHERE v.root_account_uuid = tenant AND v.event_time <= coalesce(at, 'infinity')
                           AND v.recorded_at <= coalesce(known_at, 'infinity'))
           END
$$;
COMMENT ON FUNCTION outcomes.account_level_scales IS
    'Whether Canvas computes with account-level mastery scales: the tenant''s setting, or else whether a scale or method has been seen.';


-- Of the rows of one context the newest counts, whatever its state: what REST told under a negative id is over when the feed tells the
-- same scale, deleted or not.
CREATE FUNCTION outcomes.mastery_setting(tenant text, context_type text, context_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (account_level boolean, outcome_proficiency_id bigint, scale_owner_type text, scale_owner_id bigint, scale_since timestamptz,
               outcome_proficiency_ratings jsonb, outcome_calculation_method_id bigint, method_owner_type text, method_owner_id bigint,
               method_since timestamptz, calculation_method text, calculation_int integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    owner record;
    scale record;
    method record;
BEGIN
    account_level := outcomes.account_level_scales(tenant, at, known_at);
    IF account_level THEN
        FOR owner IN SELECT * FROM outcomes.account_chain(tenant, context_type, context_id, at, known_at) LOOP
            IF outcome_proficiency_id IS NULL THEN
                SELECT s.* INTO scale
                  FROM (SELECT DISTINCT v.id FROM outcomes.outcome_proficiency_version v
                         WHERE v.root_account_uuid = tenant AND v.context_type = owner.owner_type AND v.context_id = owner.owner_id) seen
                 CROSS JOIN LATERAL outcomes.outcome_proficiency_at(tenant, seen.id, at, known_at) s
                 WHERE s.context_type = owner.owner_type AND s.context_id = owner.owner_id
                 ORDER BY s.event_time DESC, s.event_name DESC, s.updated_at DESC NULLS LAST, s.version_hash DESC
                 LIMIT 1;
                IF FOUND AND scale.workflow_state = 'active' THEN
                    outcome_proficiency_id := scale.id;
                    scale_owner_type := owner.owner_type;
                    scale_owner_id := owner.owner_id;
                    scale_since := scale.event_time;
                    outcome_proficiency_ratings := scale.outcome_proficiency_ratings;
                END IF;
            END IF;
            IF outcome_calculation_method_id IS NULL THEN
                SELECT m.* INTO method
                  FROM (SELECT DISTINCT v.id FROM outcomes.outcome_calculation_method_version v
                         WHERE v.root_account_uuid = tenant AND v.context_type = owner.owner_type AND v.context_id = owner.owner_id) seen
                 CROSS JOIN LATERAL outcomes.outcome_calculation_method_at(tenant, seen.id, at, known_at) m
                 WHERE m.context_type = owner.owner_type AND m.context_id = owner.owner_id
                 ORDER BY m.event_time DESC, m.event_name DESC, m.updated_at DESC NULLS LAST, m.version_hash DESC
                 LIMIT 1;
                IF FOUND AND method.workflow_state = 'active' THEN
                    outcome_calculation_method_id := method.id;
                    method_owner_type := owner.owner_type;
                    method_owner_id := owner.owner_id;
                    method_since := method.event_time;
                    calculation_method := method.calculation_method;
                    calculation_int := method.calculation_int;
                END IF;
            END IF;
            EXIT WHEN outcome_proficiency_id IS NOT NULL AND outcome_calculation_method_id IS NOT NULL;
        END LOOP;
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION outcomes.mastery_setting IS
    'Which account-level scale and, independently, which calculation method apply to a course or account: the nearest active ones. Nulls where the outcome''s own count.';


CREATE FUNCTION outcomes.number_of(value jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(value) WHEN 'number' THEN value::double precision END
$$;
COMMENT ON FUNCTION outcomes.number_of IS 'A JSON number as a double; null where it is anything else.';


CREATE FUNCTION outcomes.levels_of(ratings jsonb)
RETURNS TABLE (points double precision[], descriptions text[], colors text[], mastery boolean[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT array_agg(p ORDER BY p, n DESC), array_agg(rating ->> 'description' ORDER BY p, n DESC),
           array_agg(rating ->> 'color' ORDER BY p, n DESC), array_agg(coalesce(rating -> 'mastery' = 'true', false) ORDER BY p, n DESC)
      FROM jsonb_array_elements(CASE jsonb_typeof(ratings) WHEN 'array' THEN ratings ELSE '[]' END) WITH ORDINALITY r (rating, n)
     CROSS JOIN LATERAL (SELECT outcomes.number_of(rating -> 'points')) q (p)
     WHERE p IS NOT NULL
$$;
COMMENT ON FUNCTION outcomes.levels_of IS
    'The ratings of a scale or criterion as arrays, lowest first, so that width_bucket(score, points) is the level. Of equal points the first in the list wins.';


CREATE FUNCTION outcomes.legal_int(calculation_method text, calculation_int integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
           WHEN calculation_method IN ('decaying_average', 'weighted_average')
           THEN CASE WHEN calculation_int BETWEEN 1 AND 99 THEN calculation_int ELSE 65 END
           WHEN calculation_method = 'standard_decaying_average'
           THEN CASE WHEN calculation_int BETWEEN 50 AND 99 THEN calculation_int ELSE 65 END
           WHEN calculation_method = 'n_mastery'
           THEN CASE WHEN calculation_int BETWEEN 1 AND 10 THEN calculation_int ELSE 5 END
           END
$$;
COMMENT ON FUNCTION outcomes.legal_int IS
    'calculation_int as the method uses it: the default where it is absent or out of its legal range, null where the method has none.';


CREATE FUNCTION outcomes.outcome_setting(
    scale_ratings jsonb, method_found boolean, found_method text, found_int integer, own_criterion jsonb, own_method text, own_int integer)
RETURNS TABLE (calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               points double precision[], descriptions text[], colors text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT method.name, outcomes.legal_int(method.name, method.number), scale.points_possible, scale.mastery_points,
           level.points, level.descriptions, level.colors
      FROM outcomes.levels_of(coalesce(scale_ratings, own_criterion -> 'ratings')) level
     CROSS JOIN LATERAL (
        SELECT CASE WHEN method_found THEN found_method ELSE coalesce(own_method, 'highest') END,
               CASE WHEN method_found THEN found_int ELSE own_int END) method (name, number)
     CROSS JOIN LATERAL (
        SELECT level.points[cardinality(level.points)], level.points[array_position(level.mastery, true)]
         WHERE scale_ratings IS NOT NULL
         UNION ALL
        SELECT coalesce(own.points_possible, level.points[cardinality(level.points)]),
               coalesce(own.mastery_points, own.points_possible, level.points[cardinality(level.points)])
          FROM (SELECT outcomes.number_of(own_criterion -> 'points_possible') AS points_possible,
                       outcomes.number_of(own_criterion -> 'mastery_points') AS mastery_points) own
         WHERE scale_ratings IS NULL) scale (points_possible, mastery_points)
$$;
COMMENT ON FUNCTION outcomes.outcome_setting IS
    'The method, points and levels that an outcome is computed with: those that were found for its context (mastery_setting), each else its own.';


CREATE FUNCTION outcomes.whole_second("time" timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN "time" = "time"::timestamptz(0) THEN "time" ELSE date_trunc('second', "time") END
$$;
COMMENT ON FUNCTION outcomes.whole_second IS 'A time cut to whole seconds, as results are ordered; fast for those that are whole already, which is what Canvas writes.';


CREATE FUNCTION outcomes.rollup_score(calculation_method text, calculation_int integer, "values" double precision[], mastery_points double precision)
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
            score := (1 - w) * score + w * "values"[i];
        END LOOP;
    ELSE
        RETURN NULL; -- a method of tomorrow: no number is better than a wrong one
    END CASE;
    RETURN round(score::text::numeric, 2); -- as printed, because Ruby's Float#round looks at the decimal and Postgres' cast cuts it
END
$$;
COMMENT ON FUNCTION outcomes.rollup_score IS
    'The score of values in time order, by Canvas'' stored name of the method; rounded once, to 2 decimals, halves away from zero on the decimal as printed. Null: no score.';


-- Rollups

-- One text, asked in several ways: of a course or one student's outcome in it; now or at a moment; and what went into it.
DO $make$
DECLARE
    inputs text := $inputs$
    WITH setting AS MATERIALIZED (
        SELECT * FROM outcomes.mastery_setting(tenant, 'Course', course, at, known_at)
    ),
    result AS MATERIALIZED (
        SELECT s.id, s.user_uuid COLLATE "C" AS user_uuid, s.learning_outcome_id, s.score, s.possible, s.percent, s.assessed_at,
               CASE WHEN s.artifact_type = 'RubricAssessment' THEN s.artifact_id END AS rubric_assessment_id,
               CASE WHEN s.artifact_type = 'Quizzes::QuizSubmission' AND s.associated_asset_type = 'Quizzes::Quiz'
                    THEN s.associated_asset_id END AS quiz_id
          FROM ({state}) s
         WHERE s.workflow_state = 'active' AND s.score IS NOT NULL AND s.user_uuid IS NOT NULL
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
                setting.outcome_proficiency_ratings, setting.outcome_calculation_method_id IS NOT NULL, setting.calculation_method,
                setting.calculation_int, o.rubric_criterion, o.calculation_method, o.calculation_int) applied
         WHERE o.workflow_state IS DISTINCT FROM 'deleted' AND link.shown IS NOT false
    ),
    -- Of a quiz with several banks every row takes what the quiz came to as a whole.
    quiz AS (
        SELECT r.id, sum(r.possible * r.percent) OVER quiz / nullif(sum(r.possible) FILTER (WHERE r.percent IS NOT NULL) OVER quiz, 0) AS percent
          FROM result r
          JOIN shown USING (learning_outcome_id)
         WHERE shown.merges AND r.quiz_id IS NOT NULL
        WINDOW quiz AS (PARTITION BY r.user_uuid, r.learning_outcome_id, r.quiz_id
                        ORDER BY r.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    valued AS (
        SELECT r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.assessed_at, r.quiz_id,
               quiz.percent AS merged_percent,
               outcomes.whole_second(coalesce(submission.submitted_at, r.assessed_at)) AS worked_at,
               CASE WHEN coalesce(quiz.percent, r.percent) IS NULL THEN r.score
                    ELSE coalesce(quiz.percent, r.percent) * shown.unit END AS value
          FROM result r
          JOIN shown USING (learning_outcome_id)
          LEFT JOIN submission ON submission.id = r.rubric_assessment_id
          LEFT JOIN quiz ON quiz.id = r.id
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
    state_now text := $now$
            SELECT r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.assessed_at, r.workflow_state,
                   r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id
              FROM outcomes.learning_outcome_result r
             WHERE r.root_account_uuid = tenant AND {here} $now$;
    state_then text := $then$
            SELECT DISTINCT ON (r.id)
                   r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.assessed_at, r.workflow_state,
                   r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id
              FROM outcomes.learning_outcome_result_version r
             WHERE r.root_account_uuid = tenant AND {here}
               AND r.event_time <= coalesce(at, 'infinity') AND r.recorded_at <= coalesce(known_at, 'infinity')
               -- A result does not change its course, student or outcome in Canvas; if one ever does, it is no longer here.
               AND NOT EXISTS (
                   SELECT FROM outcomes.learning_outcome_result_version n
                    WHERE n.root_account_uuid = tenant AND n.id = r.id AND n.event_time >= r.event_time
                      AND n.event_time <= coalesce(at, 'infinity') AND n.recorded_at <= coalesce(known_at, 'infinity')
                      AND (n.event_time, n.event_name, coalesce(n.updated_at, '-infinity'), n.version_hash)
                        > (r.event_time, r.event_name, coalesce(r.updated_at, '-infinity'), r.version_hash)
                      AND (outcomes.course_of(n.result_context_type, n.result_context_id), n.user_uuid, n.learning_outcome_id)
                          IS DISTINCT FROM
                          (outcomes.course_of(r.result_context_type, r.result_context_id), r.user_uuid, r.learning_outcome_id)
                   OFFSET 0)
             ORDER BY r.id, r.event_time DESC, r.event_name DESC, r.updated_at DESC NULLS LAST, r.version_hash DESC $then$;
    here text := $here$r.result_context_id = course AND (r.result_context_type = 'Course' OR r.result_context_type IS NULL)$here$;
    nowhere text := $here$outcomes.course_of(r.result_context_type, r.result_context_id) IS NULL$here$;
    of_student text := $student$ AND r.user_uuid = student AND r.learning_outcome_id = outcome$student$;
    columns text := $columns$(user_uuid text, learning_outcome_id bigint, score numeric, mastery boolean, rating text, color text,
            calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
            results bigint, last_assessed_at timestamptz, level integer)$columns$;
    body text;
BEGIN
    body := $body$
        #variable_conflict use_column
        BEGIN
            IF at IS NULL AND known_at IS NULL AND course IS NOT NULL THEN
                RETURN QUERY $body$ || replace(replace(inputs, '{state}', state_now), '{here}', here || '{and_student}') || $body${answer};
            ELSIF course IS NOT NULL THEN
                RETURN QUERY $body$ || replace(replace(inputs, '{state}', state_then), '{here}', here || '{and_student}') || $body${answer};
            ELSIF at IS NULL AND known_at IS NULL THEN
                RETURN QUERY $body$ || replace(replace(inputs, '{state}', state_now), '{here}', nowhere || '{and_student}') || $body${answer};
            ELSE
                RETURN QUERY $body$ || replace(replace(inputs, '{state}', state_then), '{here}', nowhere || '{and_student}') || $body${answer};
            END IF;
        END
    $body$;

    -- Planned once, because planning takes longer than a small course; without parallel workers, because starting them does.
    -- No nested loops where there is a choice, because how many versions a course has at a moment nobody can estimate.
    EXECUTE format($sql$
        CREATE FUNCTION outcomes.rollup_of(tenant text, course bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE %1$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 500
        SET work_mem = '64MB' SET enable_nestloop = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %2$L;
        CREATE FUNCTION outcomes.student_rollup_of(
            tenant text, course bigint, student text, outcome bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE %1$s LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
        SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %3$L;
        CREATE FUNCTION outcomes.course_outcome_summary_of(tenant text, course bigint, at timestamptz, known_at timestamptz)
        RETURNS TABLE (learning_outcome_id bigint, mean numeric, median numeric, students bigint, assessed bigint, mastered bigint,
                       levels jsonb)
        LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
        SET work_mem = '64MB' SET enable_nestloop = off SET enable_mergejoin = off
        SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %5$L;
        CREATE FUNCTION outcomes.rollup_input(
            tenant text, course bigint, student text, outcome bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
        RETURNS TABLE (id bigint, score double precision, possible double precision, percent double precision, assessed_at timestamptz,
                       worked_at timestamptz, quiz_id bigint, merged_percent double precision, value double precision)
        LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
        SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS %4$L;
    $sql$, columns,
        replace(replace(replace(body, '{answer}', rollup || rollups), '{and_student}', ''), '{and_link}', ''),
        replace(replace(replace(body, '{answer}', rollup || rollups), '{and_student}', of_student), '{and_link}', 'AND v.learning_outcome_id = outcome'),
        replace(replace(replace(body, '{answer}', rows), '{and_student}', of_student), '{and_link}', 'AND v.learning_outcome_id = outcome'),
        replace(replace(replace(body, '{answer}', rollup || summaries), '{and_student}', ''), '{and_link}', ''));
END
$make$;
COMMENT ON FUNCTION outcomes.rollup_of IS
    'The rollups of one course (null: of the results whose course is unknown); level is the place of the rating, 1 is the lowest, 0 below all. Views and outcome_rollup_at stand on it.';
COMMENT ON FUNCTION outcomes.student_rollup_of IS 'The rollup of one student and outcome in one course; the same computation as rollup_of.';
COMMENT ON FUNCTION outcomes.rollup_input IS
    'The results that go into a rollup, in time order: worked_at orders them, merged_percent is what their quiz came to as a whole, value is what is counted.';


CREATE VIEW outcomes.course_with_results AS
SELECT DISTINCT known.root_account_uuid, known.result_context_id AS course_id
  FROM outcomes.learning_outcome_result known
 WHERE known.result_context_id IS NOT NULL
 UNION ALL
SELECT DISTINCT unknown.root_account_uuid, NULL::bigint
  FROM outcomes.learning_outcome_result unknown
 WHERE outcomes.course_of(unknown.result_context_type, unknown.result_context_id) IS NULL;
COMMENT ON VIEW outcomes.course_with_results IS 'Courses that results are known of; null for results whose course is unknown.';
COMMENT ON COLUMN outcomes.course_with_results.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.course_with_results.course_id IS 'Local id of the course.';

CREATE VIEW outcomes.outcome_rollup AS
SELECT c.root_account_uuid, c.course_id, r.user_uuid, r.learning_outcome_id, r.score, r.mastery, r.rating, r.color,
       r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results, r.last_assessed_at
  FROM outcomes.course_with_results c
 CROSS JOIN LATERAL outcomes.rollup_of(c.root_account_uuid, c.course_id, NULL, NULL) r;

COMMENT ON VIEW outcomes.outcome_rollup IS
    'One student''s score for one outcome in one course, as Canvas computes it now; no row where there is no score. Ask for a course, or for all: a question for one student still computes every course.';

CREATE FUNCTION outcomes.outcome_rollup_at(root_account_uuid text, course_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.outcome_rollup LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT $1, $2, r.user_uuid, r.learning_outcome_id, r.score, r.mastery, r.rating, r.color,
           r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results, r.last_assessed_at
      FROM outcomes.rollup_of($1, $2, $3, $4) r
$$;
COMMENT ON FUNCTION outcomes.outcome_rollup_at IS
    'outcome_rollup of one course as it was at a moment; known_at: from what had been recorded by then. at null is now.';


COMMENT ON FUNCTION outcomes.course_outcome_summary_of IS 'course_outcome_summary of one course at a moment; at null is now.';

CREATE VIEW outcomes.course_outcome_summary AS
SELECT c.root_account_uuid, c.course_id, s.learning_outcome_id, s.mean, s.median, s.students, s.assessed, s.mastered, s.levels
  FROM outcomes.course_with_results c
 CROSS JOIN LATERAL outcomes.course_outcome_summary_of(c.root_account_uuid, c.course_id, NULL, NULL) s;

COMMENT ON VIEW outcomes.course_outcome_summary IS 'Each outcome of a course over its students, as Canvas sums it up now.';


CREATE FUNCTION outcomes.mastery_scale(root_account_uuid text, context_type text, context_id bigint, at timestamptz DEFAULT now())
RETURNS TABLE (level integer, description text, points double precision, mastery boolean, color text, points_possible double precision,
               mastery_points double precision, outcome_proficiency_id bigint, owner_type text, owner_id bigint, since timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5 AS $$
    SELECT (cardinality(l.points) + 1 - n)::integer, l.descriptions[n], l.points[n], l.mastery[n], l.colors[n],
           l.points[cardinality(l.points)], l.points[array_position(l.mastery, true)],
           s.outcome_proficiency_id, s.scale_owner_type, s.scale_owner_id, s.scale_since
      FROM outcomes.mastery_setting($1, $2, $3, $4) s
     CROSS JOIN LATERAL outcomes.levels_of(s.outcome_proficiency_ratings) l
     CROSS JOIN LATERAL generate_subscripts(l.points, 1) n
     WHERE s.outcome_proficiency_id IS NOT NULL
     ORDER BY n DESC
$$;
COMMENT ON FUNCTION outcomes.mastery_scale IS
    'The account-level scale that applies to a Course or an Account, a row for each level, highest first, and whose it is. No row: the outcomes'' own criteria count.';


CREATE FUNCTION outcomes.mastery_timeline(root_account_uuid text, course_id bigint, user_uuid text, learning_outcome_id bigint)
RETURNS TABLE (at timestamptz, score numeric, mastery boolean, rating text, color text, calculation_method text, calculation_int integer,
               points_possible double precision, mastery_points double precision, results bigint, cause text, caused_by jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 AS $$
#variable_conflict use_column
DECLARE
    moment record;
    found record;
    before record;
    seen boolean := false;
BEGIN
    FOR moment IN
        SELECT m.at, string_agg(DISTINCT m.cause, ', ') AS cause,
               jsonb_agg(DISTINCT jsonb_build_object('cause', m.cause, 'table', m.table_name, 'id', m.id)) AS caused_by
          FROM outcomes.rollup_moment($1, $2, $3, $4) m
         GROUP BY m.at
         ORDER BY m.at
    LOOP
        SELECT r.score, r.mastery, r.rating, r.color, r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results
          INTO found
          FROM outcomes.student_rollup_of($1, $2, $3, $4, moment.at, NULL) r;
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
    'Each change of one student''s rollup, from the first score on: when, to what, and why (caused_by: the objects whose events came at that moment). All nulls: from here on there is no score.';


DO $comments$
DECLARE
    meanings jsonb := '{
        "root_account_uuid": "Tenant.",
        "course_id": "Local id of the course; null for results whose course is unknown.",
        "user_uuid": "The student.",
        "learning_outcome_id": "The outcome.",
        "score": "Rollup score, rounded once to 2 decimals.",
        "mastery": "Whether the score reaches mastery_points; null where no threshold is known.",
        "rating": "Name of the level that the score is in; null below the lowest.",
        "color": "Colour of that level, six hex digits without #; an outcome''s own ratings have none.",
        "calculation_method": "The method that was used, by Canvas'' stored name: decaying_average is the weighted formula.",
        "calculation_int": "Its number as it was used; null for highest, latest and average.",
        "points_possible": "Points of the highest level of the scale that was used.",
        "mastery_points": "Points from which mastery counts.",
        "results": "How many results went in.",
        "last_assessed_at": "Newest assessed_at of them.",
        "mean": "Mean of the students'' scores, rounded to 2 decimals.",
        "median": "Median of the students'' scores, not rounded.",
        "students": "Students of the course with a score for any outcome.",
        "assessed": "Students with a score for this outcome.",
        "mastered": "Students whose score is mastery.",
        "levels": "Levels of the scale, highest first: description, color, points, mastery, count of students, percent of those assessed (whole; need not sum to 100)."
    }';
    member record;
BEGIN
    FOR member IN SELECT attrelid::regclass AS view, attname FROM pg_attribute
                   WHERE attrelid IN ('outcomes.outcome_rollup'::regclass, 'outcomes.course_outcome_summary'::regclass) AND attnum > 0 LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', member.view, member.attname, meanings ->> member.attname);
    END LOOP;
END
$comments$;

GRANT SELECT ON outcomes.context_hint, outcomes.course_with_results, outcomes.outcome_rollup, outcomes.course_outcome_summary
   TO outcomes_writer, outcomes_reader;
