-- All rollups are computed here, when they are asked for: of a course, of some of its students, or of one student's outcome; now or at a
-- moment; as rollups, as a summary, or as the results that go into one. Each of these is a query of its own, because each is fast only
-- without what the others need. at null means now, known_at null all that is known.
--
-- mastery_setting and outcome_setting tell which scale and method apply, rollup_score computes. The rules are those of Canvas'
-- app/models/rollup_score.rb, app/helpers/rollup_score_aggregator_helper.rb, lib/outcomes, app/models/account.rb and course.rb
-- (outcome_proficiency) and app/models/outcome_calculation_method.rb.
CREATE OR REPLACE FUNCTION outcomes_internal.text_of_rollup(answer text, students text, given boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql IMMUTABLE AS $text$
DECLARE
    inputs text := $inputs$
    WITH setting AS MATERIALIZED (
        SELECT scale_id, scale_ratings, method_found, found_method, found_int
    ),
    {candidates}
    {cells}
    result AS MATERIALIZED (
        SELECT s.id, {name} COLLATE "C" AS user_uuid, s.learning_outcome_id, s.score, s.possible, s.percent, s.assessed_at,
               CASE WHEN s.artifact_type = 'RubricAssessment' THEN s.artifact_id END AS rubric_assessment_id,
               CASE WHEN s.associated_asset_type = 'Assignment' THEN s.associated_asset_id END AS assignment_id,
               CASE WHEN s.artifact_type = 'Quizzes::QuizSubmission'
                    THEN CASE s.associated_asset_type WHEN 'Quizzes::Quiz' THEN s.associated_asset_id
                                                      WHEN 'Assignment' THEN -s.associated_asset_id END END AS quiz_id
          FROM {state}{persons}
         WHERE s.workflow_state = 'active' AND s.score IS NOT NULL AND s.user_uuid IS NOT NULL{and_here}{and_counts}{and_read_again}
           AND NOT EXISTS (SELECT
                             FROM outcomes_internal.removed_alignment(tenant, course_id, at, known_at) gone
                            WHERE s.associated_asset_type = 'Assignment' AND gone.assignment_id = s.associated_asset_id
                              AND gone.learning_outcome_id = s.learning_outcome_id AND s.event_time <= gone.removed_at)
    ),
    rubric AS MATERIALIZED (
        SELECT DISTINCT r.rubric_assessment_id AS id FROM result r WHERE r.rubric_assessment_id IS NOT NULL
    ),
    assessment AS MATERIALIZED (
        SELECT DISTINCT ON (a.id) a.id, a.submitted_at
          FROM outcomes.rubric_assessment_version a
         WHERE a.root_account_uuid = tenant
           AND a.id = ANY (ARRAY(SELECT rubric.id FROM rubric))
           AND a.event_time <= coalesce(at, 'infinity') AND a.recorded_at <= coalesce(known_at, 'infinity')
         ORDER BY a.id, a.event_time DESC, a.event_name DESC, a.updated_at DESC NULLS LAST, a.version_hash DESC
    ),
    unassessed AS MATERIALIZED (
        SELECT r.id, r.user_uuid, r.assignment_id, r.assessed_at
          FROM result r
         WHERE r.assignment_id IS NOT NULL
           AND (r.rubric_assessment_id IS NULL
                OR (SELECT count(*) FROM rubric) > (SELECT count(*) FROM assessment) -- as a rule all were told
                   AND r.rubric_assessment_id NOT IN (SELECT assessment.id FROM assessment))
    ),
    -- When work was handed in of which no assessment was told: the last time before it was assessed.
    submission AS (
        SELECT r.id, s.submitted_at
          FROM unassessed r
          JOIN outcomes_internal.submission_time(
               tenant, ARRAY(SELECT DISTINCT unassessed.assignment_id FROM unassessed), at, known_at) s
            ON s.assignment_id = r.assignment_id AND s.user_uuid = r.user_uuid
           AND s.submitted_at <= coalesce(r.assessed_at, 'infinity')
           AND (s.resubmitted_at = 'infinity' OR s.resubmitted_at > r.assessed_at)
    ),
    {shown_of_results}
    banks AS (
        SELECT r.user_uuid, r.learning_outcome_id, r.quiz_id
          FROM result r
         WHERE r.quiz_id IS NOT NULL
         GROUP BY r.user_uuid, r.learning_outcome_id, r.quiz_id
        HAVING count(*) > 1
    ),
    -- The banks of a quiz count as one: every row takes the percentage of the whole quiz, which Canvas adds up in a plain loop by result
    -- id. REST tells the assignment of a quiz in place of the quiz: that is the negative id.
    quiz AS (
        SELECT r.id, sum(outcomes_internal.flush_to_zero(r.possible) * outcomes_internal.flush_to_zero(r.percent)) OVER quiz
                     / nullif(sum(outcomes_internal.flush_to_zero(r.possible)) FILTER (WHERE r.percent IS NOT NULL) OVER quiz, 0)
                     AS percent
          FROM result r
          JOIN shown USING (learning_outcome_id)
          JOIN banks USING (user_uuid, learning_outcome_id, quiz_id)
         WHERE shown.merges
        WINDOW quiz AS (PARTITION BY r.user_uuid, r.learning_outcome_id, r.quiz_id
                        ORDER BY r.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    -- Of the few results that need it.
    corrected AS (
        SELECT coalesce(quiz.id, submission.id) AS id, quiz.id IS NOT NULL AS of_quiz, quiz.percent, submission.submitted_at
          FROM quiz
          FULL JOIN submission ON submission.id = quiz.id
    ),
    valued AS (
        SELECT r.id, r.user_uuid, r.learning_outcome_id, r.assessed_at, {more}
               outcomes_internal.whole_second(
                   coalesce(assessment.submitted_at, corrected.submitted_at, r.assessed_at)) AS worked_at,
               CASE WHEN coalesce(merged.percent, r.percent) IS NULL THEN outcomes_internal.flush_to_zero(r.score)
                    ELSE outcomes_internal.flush_to_zero(coalesce(merged.percent, r.percent)) * shown.unit END AS value
          FROM result r
          JOIN shown USING (learning_outcome_id)
          LEFT JOIN assessment ON assessment.id = r.rubric_assessment_id
          LEFT JOIN corrected ON corrected.id = r.id
         CROSS JOIN LATERAL (
            SELECT CASE WHEN corrected.of_quiz THEN corrected.percent
                        WHEN r.quiz_id IS NOT NULL AND shown.merges
                        THEN outcomes_internal.flush_to_zero(r.possible) * outcomes_internal.flush_to_zero(r.percent)
                             / nullif(outcomes_internal.flush_to_zero(r.possible), 0) END) merged (percent)
        OFFSET 0 -- so that what is sorted is as narrow as this
    )
$inputs$;
    shown text := $shown$
    -- Each outcome with the scale and the method that apply to it here.
    shown AS MATERIALIZED (
        SELECT seen.learning_outcome_id, setting.scale_id AS outcome_proficiency_id, applied.*, weights.*,
               CASE WHEN applied.points_possible <= 0 THEN applied.mastery_points ELSE applied.points_possible END AS unit,
               applied.calculation_method NOT IN ('highest', 'n_mastery') AS merges
          FROM (SELECT DISTINCT r.learning_outcome_id FROM {seen} r) seen
         CROSS JOIN setting
          LEFT JOIN LATERAL outcomes.learning_outcome_at(tenant, seen.learning_outcome_id, at, known_at) o ON true
          LEFT JOIN LATERAL outcomes.learning_outcome_at(tenant, seen.learning_outcome_id, {scale_at}, known_at) judged
                 ON {scale_at} IS NOT NULL
         CROSS JOIN LATERAL (
            SELECT CASE WHEN judged.id IS NULL THEN o.rubric_criterion ELSE judged.rubric_criterion END AS rubric_criterion,
                   CASE WHEN judged.id IS NULL THEN o.calculation_method ELSE judged.calculation_method END AS calculation_method,
                   CASE WHEN judged.id IS NULL THEN o.calculation_int ELSE judged.calculation_int END AS calculation_int) own
          LEFT JOIN outcomes_internal.course_outcome_link(tenant, course_id, {outcome}, at, known_at) link USING (learning_outcome_id)
         CROSS JOIN LATERAL outcomes_internal.outcome_setting(
                setting.scale_ratings, setting.method_found, setting.found_method, setting.found_int,
                own.rubric_criterion, own.calculation_method, own.calculation_int) applied
          LEFT JOIN LATERAL outcomes_internal.score_weights(applied.calculation_method, applied.calculation_int) weights ON true
         WHERE o.workflow_state IS DISTINCT FROM 'deleted' AND link.shown IS NOT false
    ),
$shown$;
    scores_of_cells text := $scores$SELECT j.user_uuid, j.learning_outcome_id, j.results, j.last_assessed_at,
               CASE WHEN j.unsure IS NULL THEN round(j.cents) / 100 END AS reached,
               CASE WHEN j.unsure IS NULL THEN round(j.cents)::bigint * 0.01 ELSE exact.score END AS score
          FROM judged j
          LEFT JOIN exact ON exact.unsure = j.unsure AND exact.unit = j.unit
                         AND (exact.calculation_method, exact.calculation_int, exact.mastery_points)
                             IS NOT DISTINCT FROM (j.calculation_method, j.calculation_int, j.mastery_points)
         UNION ALL$scores$;
    and_read_again text := $and$
           AND EXISTS (SELECT FROM read_again)
           AND (s.user_uuid, s.learning_outcome_id) IN (SELECT read_again.user_uuid, read_again.learning_outcome_id FROM read_again)$and$;
    rollup text := $rollup$,
    grouped AS (
        SELECT v.user_uuid, v.learning_outcome_id, count(*) AS results, max(v.assessed_at) AS last_assessed_at, {worked}
               sum(CASE WHEN v.value BETWEEN 0 AND 1e6 THEN v.value ELSE 1e6 END) AS total, max(v.value) AS highest,
               array_agg(v.value ORDER BY v.worked_at NULLS FIRST, v.id) AS "values"
          FROM valued v
         GROUP BY v.user_uuid, v.learning_outcome_id
    ),
    scored AS (
        {scores_of_cells}
        SELECT g.user_uuid, g.learning_outcome_id, g.results, g.last_assessed_at, NULL::double precision AS reached,
               coalesce(outcomes_internal.sure_score(g.cents),
                        outcomes_internal.rollup_score(g.calculation_method, g.calculation_int, g."values", g.mastery_points)) AS score{worked_too}
          FROM (SELECT grouped.*, shown.calculation_method, shown.calculation_int, shown.mastery_points,
                       outcomes_internal.near_score(
                           grouped.results, grouped.total, grouped.highest, grouped."values"[grouped.results],
                           shown.newest_weight, shown.older_weight, shown.mean_weight, shown.highest_weight) * 100 AS cents
                  FROM grouped
                  JOIN shown USING (learning_outcome_id)
                OFFSET 0) g
    ),
    rollup AS (
        SELECT g.user_uuid, g.learning_outcome_id, g.score, g.reached >= g.mastery_points AS mastery,
               g.descriptions[g.level] AS rating, g.colors[g.level] AS color, g.calculation_method, g.calculation_int,
               g.points_possible, g.mastery_points, g.results, g.last_assessed_at,
               g.level, g.points[g.level] AS level_points, g.outcome_proficiency_id{also}
          FROM (SELECT r.*, width_bucket(r.reached, r.points) AS level
                  FROM (SELECT g.user_uuid, g.learning_outcome_id, g.results, g.last_assessed_at, g.score{worked_too},
                               coalesce(g.reached, g.score::double precision) AS reached, shown.calculation_method, shown.calculation_int,
                               shown.points_possible, shown.mastery_points, shown.outcome_proficiency_id, shown.points,
                               shown.descriptions, shown.colors
                          FROM (SELECT * FROM scored g{who_is_here} OFFSET 0) g
                          JOIN shown USING (learning_outcome_id)
                        OFFSET 0) r
                OFFSET 0) g
         WHERE g.score IS NOT NULL
    )
$rollup$;
    summaries text := $summaries$,
    chosen AS MATERIALIZED (
        SELECT r.* FROM rollup r WHERE user_uuids IS NULL OR r.user_uuid IN (SELECT given.name FROM unnest(user_uuids) given (name))
    ),
    summed AS (
        SELECT r.learning_outcome_id, count(*) AS assessed, count(*) FILTER (WHERE r.mastery) AS mastered,
               array_agg(r.reached ORDER BY r.reached) AS scores
          FROM chosen r
         GROUP BY r.learning_outcome_id
    ),
    -- As in Canvas, percentages are of the students who are on a level: without those below the lowest one.
    counted AS (
        SELECT r.learning_outcome_id, r.level, count(*) AS students,
               sum(count(*)) OVER (PARTITION BY r.learning_outcome_id) AS placed
          FROM chosen r
         WHERE r.level > 0
         GROUP BY r.learning_outcome_id, r.level
    )
    SELECT o.learning_outcome_id, outcomes_internal.rollup_score('average', NULL, o.scores, NULL),
           outcomes_internal.shortest_decimal((o.scores[(o.assessed + 1) / 2] + o.scores[o.assessed / 2 + 1]) / 2),
           (SELECT count(DISTINCT r.user_uuid) FROM chosen r), o.assessed, o.mastered,
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
                   r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id, r.event_time, r.created_at
              FROM outcomes.learning_outcome_result r
             WHERE r.root_account_uuid = tenant AND {here}) s$now$;
    candidates_then text := $candidates$candidate AS MATERIALIZED (
        SELECT DISTINCT ON (r.id)
               r.id, r.user_uuid, r.learning_outcome_id, r.score, r.possible, r.percent, r.assessed_at, r.workflow_state,
               r.artifact_type, r.artifact_id, r.associated_asset_type, r.associated_asset_id,
               r.event_time, r.event_name, r.updated_at, r.version_hash, r.created_at
          FROM outcomes.learning_outcome_result_version r
         WHERE r.root_account_uuid = tenant AND {here}
           AND r.event_time <= coalesce(at, 'infinity') AND r.recorded_at <= coalesce(known_at, 'infinity')
         ORDER BY r.id, r.event_time DESC, r.event_name DESC, r.updated_at DESC NULLS LAST, r.version_hash DESC
    ),
    -- A result that has moved to another course, student or outcome since does not count here.
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
    here text := $here$r.result_context_id = course_id
               AND (r.result_context_type = 'Course' OR r.result_context_type IS NULL){and_student}$here$;
    nowhere text := $here$outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NULL{and_student}$here$;
    of_student text := $student$ AND r.user_uuid = ANY (names) AND r.learning_outcome_id = outcome_id$student$;
    of_students text := ' AND r.user_uuid = ANY (names)';
    -- Whose a result is. left_out: whose results count nowhere; these are left out when the results have been added up, which is fewer rows.
    -- names, held_from, held_until: the results of the one student; or else of the few uuids whose results are not all one person's of this
    -- name, and counts_as then tells whose they are.
    persons_of_student text := $persons$
          JOIN unnest(names, held_from, held_until) p (user_uuid, held_from, held_until)
            ON p.user_uuid = s.user_uuid AND {made} >= p.held_from AND {made} < p.held_until$persons$;
    persons text := $persons$
          LEFT JOIN unnest(parted, held_from, held_until, counts_as) p (user_uuid, held_from, held_until, counts_as)
            ON p.user_uuid = s.user_uuid AND {made} >= p.held_from AND {made} < p.held_until$persons$;
    counts_as text := 'CASE WHEN p.user_uuid IS NULL THEN s.user_uuid ELSE p.counts_as END';
    and_counts text := ' AND (p.user_uuid IS NULL OR p.counts_as IS NOT NULL)';
    who_is_here text := ' WHERE g.user_uuid NOT IN (SELECT gone.name FROM unnest(left_out) gone (name))';
    and_asked_for text := ' AND g.user_uuid IN (SELECT given.name FROM unnest(students) given (name))';
    declared text := $declare$
        DECLARE
            names text[];
            held_from timestamptz[];
            held_until timestamptz[];
            parted text[];
            counts_as text[];
            left_out text[];
            scale_id bigint; scale_ratings jsonb;
            method_found boolean; found_method text; found_int integer;
    $declare$;
    ask_student text := $ask$
            SELECT array_agg(u.user_uuid), array_agg(u.held_from), array_agg(u.held_until)
              INTO names, held_from, held_until
              FROM outcomes_internal.student_uuids(tenant, course_id, {student}, at, known_at) u;
    $ask$;
    ask_all text := $ask$
            {find_names}
            SELECT array_agg(p.user_uuid) FILTER (WHERE p.gone), array_agg(p.user_uuid) FILTER (WHERE NOT p.gone),
                   array_agg(p.held_from) FILTER (WHERE NOT p.gone), array_agg(p.held_until) FILTER (WHERE NOT p.gone),
                   array_agg(p.counts_as) FILTER (WHERE NOT p.gone)
              INTO left_out, parted, held_from, held_until, counts_as
              FROM (SELECT p.*, p.counts_as IS NULL AND p.held_from = '-infinity' AND p.held_until = 'infinity' AS gone
                      FROM outcomes_internal.result_person(tenant, course_id, {names}, at, known_at) p
                     WHERE p.counts_as IS DISTINCT FROM p.user_uuid) p;
    $ask$;
    ask_setting text := $ask$
            SELECT found.outcome_proficiency_id, found.outcome_proficiency_ratings, found.outcome_calculation_method_id IS NOT NULL,
                   found.calculation_method, found.calculation_int
              INTO scale_id, scale_ratings, method_found, found_method, found_int
              FROM outcomes.mastery_setting(tenant, 'Course', course_id, coalesce({scale_at}, at), known_at) found;
    $ask$;
    more text := 'r.score, r.possible, r.percent, r.quiz_id, merged.percent AS merged_percent,';
    now_ text;
    from_cells text;
    now_here text;
    then_ text;
    each text;
    whose text := '';
    added_up text := $added$
                ELSIF method_found AND coalesce(found_method, 'highest') IN ('highest', 'average', 'n_mastery') THEN
                    RETURN QUERY {query};$added$;
    body text := $body$
        #variable_conflict use_column
        {declared}
        BEGIN
            {tenant}
            {ask}
            IF course_id IS NULL THEN
                IF at IS NULL AND known_at IS NULL THEN
                    RETURN QUERY {now_nowhere};
                ELSE
                    RETURN QUERY {then_nowhere};
                END IF;
            ELSIF at IS NULL AND known_at IS NULL THEN
                IF parted IS NOT NULL THEN
                    RETURN QUERY {now_here_parted};{added_up}
                ELSE
                    RETURN QUERY {now_here};
                END IF;
            ELSIF parted IS NULL THEN
                RETURN QUERY {then_here};
            ELSE
                RETURN QUERY {then_here_parted};
            END IF;
        END
    $body$;
BEGIN
    inputs := inputs || CASE answer WHEN 'inputs' THEN rows WHEN 'summaries' THEN rollup || summaries ELSE rollup || ' SELECT * FROM rollup' END;
    each := outcomes_internal.text_of_template(inputs, 'cells', '', 'and_read_again', '', 'scores_of_cells', '', 'shown_of_results', shown,
                                               'seen', 'result');
    now_ := outcomes_internal.text_of_template(each, 'candidates', '', 'state', state_now, 'and_here', '');
    then_ := outcomes_internal.text_of_template(each, 'candidates', candidates_then, 'state', state_then, 'and_here', and_here_then);
    IF students = 'one' THEN
        whose := persons_of_student;
    END IF;
    from_cells := outcomes_internal.text_of_template(
        inputs, 'and_read_again', and_read_again, 'scores_of_cells', scores_of_cells, 'shown_of_results', '', 'candidates', '', 'and_here', '',
        'persons', '', 'and_counts', '');
    now_here := CASE students WHEN 'all'
                              THEN outcomes_internal.text_of_template(
                                  from_cells, 'cells', outcomes_internal.text_of_cells(in_order => true), 'shown', shown, 'seen', 'cell',
                                  'state', state_now, 'here', here)
                              ELSE outcomes_internal.text_of_template(now_, 'here', here, 'persons', whose, 'and_counts', '') END;
    added_up := outcomes_internal.text_of_template(added_up, 'query', outcomes_internal.text_of_template(
        from_cells, 'cells', outcomes_internal.text_of_cells(in_order => false), 'shown', shown, 'seen', 'cell', 'state', state_now, 'here', here));
    body := outcomes_internal.text_of_template(body, 'added_up', CASE students WHEN 'all' THEN added_up ELSE '' END, 'now_here', now_here,
        'then_here', outcomes_internal.text_of_template(then_, 'here', here, 'persons', whose, 'and_counts', ''),
        'now_nowhere', outcomes_internal.text_of_template(now_, 'here', nowhere, 'persons', whose, 'and_counts', ''),
        'then_nowhere', outcomes_internal.text_of_template(then_, 'here', nowhere, 'persons', whose, 'and_counts', ''),
        'now_here_parted', outcomes_internal.text_of_template(now_, 'here', here, 'persons', persons, 'name', counts_as,
                                                              'and_counts', and_counts),
        'then_here_parted', outcomes_internal.text_of_template(then_, 'here', here, 'persons', persons, 'name', counts_as,
                                                               'and_counts', and_counts));
    RETURN outcomes_internal.text_of_template(body,
        'tenant', CASE WHEN answer <> 'rollups' THEN 'PERFORM outcomes_internal.known_tenant(tenant);' ELSE '' END,
        'declared', CASE WHEN given THEN 'DECLARE parted text[];' ELSE declared END,
        'ask', CASE WHEN given THEN '' WHEN students = 'one' THEN ask_setting || ask_student ELSE ask_setting || ask_all END,
        'names', CASE students WHEN 'all' THEN 'outcomes_internal.course_uuids(tenant, course_id, at, known_at)' ELSE 'names' END,
        'find_names', CASE students WHEN 'some'
                                    THEN 'names := ARRAY(SELECT u.user_uuid FROM outcomes_internal.uuids_of_same(tenant, students) u);'
                                    ELSE '' END,
        'who_is_here', CASE students WHEN 'one' THEN '' WHEN 'some' THEN who_is_here || and_asked_for ELSE who_is_here END,
        'name', CASE students WHEN 'one' THEN '{student}' ELSE 's.user_uuid' END,
        'made', 'coalesce(s.created_at, s.assessed_at, s.event_time)',
        'and_student', CASE students WHEN 'some' THEN of_students WHEN 'one' THEN of_student ELSE '' END,
        'outcome', CASE students WHEN 'one' THEN 'outcome_id' ELSE 'NULL' END,
        'student', CASE answer WHEN 'inputs' THEN 'rollup_input.user_uuid' ELSE 'student' END,
        'scale_at', CASE WHEN students = 'all' THEN 'scale_at' ELSE 'NULL' END,
        'more', CASE answer WHEN 'inputs' THEN more ELSE '' END,
        'worked', CASE students WHEN 'some' THEN 'max(v.worked_at) AS last_worked_at,' ELSE '' END,
        'worked_too', CASE students WHEN 'some' THEN ', g.last_worked_at' ELSE '' END,
        'also', CASE WHEN answer = 'summaries' THEN ', g.reached' WHEN students = 'some' THEN ', g.last_worked_at' ELSE '' END);
END
$text$;
COMMENT ON FUNCTION outcomes_internal.text_of_rollup IS
    'The body of a function that computes rollups. answer: rollups, summaries, or the inputs of one; students: all, some (students) or '
    'one (student, outcome); given: scale and method are arguments.';
