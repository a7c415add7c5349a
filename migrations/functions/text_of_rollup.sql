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
    WITH RECURSIVE setting AS MATERIALIZED (
        {setting}
    ),
    {candidates}
    result AS MATERIALIZED (
        SELECT s.id, {name} COLLATE "C" AS user_uuid, s.learning_outcome_id, s.score, s.possible, s.percent, s.assessed_at,
               CASE WHEN s.artifact_type = 'RubricAssessment' THEN s.artifact_id END AS rubric_assessment_id,
               CASE WHEN s.associated_asset_type = 'Assignment' THEN s.associated_asset_id END AS assignment_id,
               CASE WHEN s.artifact_type = 'Quizzes::QuizSubmission'
                    THEN CASE s.associated_asset_type WHEN 'Quizzes::Quiz' THEN s.associated_asset_id
                                                      WHEN 'Assignment' THEN -s.associated_asset_id END END AS quiz_id
          FROM {state}{persons}
         WHERE s.workflow_state = 'active' AND s.score IS NOT NULL AND s.user_uuid IS NOT NULL{and_here}{and_counts}
           AND NOT EXISTS (SELECT
                             FROM outcomes.outcome_alignment_at(tenant, course_id, at, known_at) gone
                            WHERE gone.workflow_state = 'deleted' AND gone.asset_type = 'Assignment'
                              AND s.associated_asset_type = 'Assignment' AND gone.asset_id = s.associated_asset_id
                              AND gone.learning_outcome_id = s.learning_outcome_id AND s.event_time <= gone.event_time)
    ),
    work AS MATERIALIZED (
        SELECT DISTINCT r.rubric_assessment_id, r.assignment_id
          FROM result r
         WHERE r.rubric_assessment_id IS NOT NULL OR r.assignment_id IS NOT NULL
    ),
    assessment AS MATERIALIZED (
        SELECT DISTINCT ON (a.id) a.id, a.submitted_at
          FROM outcomes.rubric_assessment_version a
         WHERE a.root_account_uuid = tenant
           AND a.id = ANY (ARRAY(SELECT work.rubric_assessment_id FROM work WHERE work.rubric_assessment_id IS NOT NULL))
           AND a.event_time <= coalesce(at, 'infinity') AND a.recorded_at <= coalesce(known_at, 'infinity')
         ORDER BY a.id, a.event_time DESC, a.event_name DESC, a.updated_at DESC NULLS LAST, a.version_hash DESC
    ),
    -- When work was handed in that no assessment tells of; under each uuid of the student.
    submission AS MATERIALIZED (
        SELECT submitted.assignment_id, submitted.user_uuid COLLATE "C" AS user_uuid, submitted.submitted_at
          FROM outcomes_internal.submission_time(
               tenant,
               ARRAY(SELECT DISTINCT work.assignment_id
                       FROM work
                       LEFT JOIN assessment a ON a.id = work.rubric_assessment_id
                      WHERE work.assignment_id IS NOT NULL AND a.id IS NULL),
               at, known_at) submitted
    ),
    -- Each outcome with the scale and the method that apply to it here.
    shown AS MATERIALIZED (
        SELECT seen.learning_outcome_id, setting.scale_id AS outcome_proficiency_id, applied.*,
               CASE WHEN applied.points_possible <= 0 THEN applied.mastery_points ELSE applied.points_possible END AS unit,
               applied.calculation_method NOT IN ('highest', 'n_mastery') AS merges
          FROM (SELECT DISTINCT r.learning_outcome_id FROM result r) seen
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
         WHERE o.workflow_state IS DISTINCT FROM 'deleted' AND link.shown IS NOT false
    ),
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
    valued AS (
        SELECT r.id, r.user_uuid, r.learning_outcome_id, r.assessed_at, {more}
               outcomes_internal.whole_second(
                   coalesce(assessment.submitted_at, submission.submitted_at, r.assessed_at)) AS worked_at,
               CASE WHEN coalesce(merged.percent, r.percent) IS NULL THEN outcomes_internal.flush_to_zero(r.score)
                    ELSE outcomes_internal.flush_to_zero(coalesce(merged.percent, r.percent)) * shown.unit END AS value
          FROM result r
          JOIN shown USING (learning_outcome_id)
          LEFT JOIN assessment ON assessment.id = r.rubric_assessment_id
          LEFT JOIN submission ON submission.assignment_id = CASE WHEN assessment.id IS NULL THEN r.assignment_id END
                              AND submission.user_uuid = r.user_uuid
          LEFT JOIN quiz ON quiz.id = r.id
         CROSS JOIN LATERAL (
            SELECT CASE WHEN quiz.id IS NOT NULL THEN quiz.percent
                        WHEN r.quiz_id IS NOT NULL AND shown.merges
                        THEN outcomes_internal.flush_to_zero(r.possible) * outcomes_internal.flush_to_zero(r.percent)
                             / nullif(outcomes_internal.flush_to_zero(r.possible), 0) END) merged (percent)
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
               s.level, shown.points[s.level] AS level_points, shown.outcome_proficiency_id{also}
          FROM grouped g
          JOIN shown USING (learning_outcome_id)
         CROSS JOIN LATERAL (
            SELECT p.score, p.reached, width_bucket(p.reached, shown.points) AS level
              FROM (SELECT q.score, q.score::double precision AS reached
                      FROM (SELECT outcomes_internal.rollup_score(shown.calculation_method, shown.calculation_int, g."values",
                                                         shown.mastery_points) AS score OFFSET 0) q OFFSET 0) p) s
         WHERE s.score IS NOT NULL
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
    of_student text := $student$ AND r.user_uuid = ANY (ARRAY(SELECT asked.user_uuid FROM asked))
               AND r.learning_outcome_id = outcome_id$student$;
    same text := 'SELECT u.user_uuid FROM outcomes_internal.uuids_of_same(tenant, students) u';
    -- Whose a result is. asked: the results of the one student. person: those that count as another uuid's, or nowhere.
    asked text := $asked$asked AS MATERIALIZED (
        SELECT * FROM {asked} u (user_uuid, held_from, held_until)
    ),$asked$;
    person text := $person$person AS MATERIALIZED (
        SELECT p.*
          FROM outcomes_internal.result_person(tenant, course_id, ARRAY({uuids}), at, known_at) p
         WHERE p.counts_as IS DISTINCT FROM p.user_uuid
    ),$person$;
    -- The uuids of a course's results, from one to the next in the index: there are a hundred times as many results.
    walked text := $walked$walked (user_uuid) AS (
        (SELECT r.user_uuid
           FROM outcomes.learning_outcome_result r
          WHERE r.root_account_uuid = tenant AND r.result_context_id = course_id AND r.user_uuid IS NOT NULL
          ORDER BY r.user_uuid
          LIMIT 1)
         UNION ALL
        SELECT next.user_uuid
          FROM walked
         CROSS JOIN LATERAL (
               SELECT r.user_uuid
                 FROM outcomes.learning_outcome_result r
                WHERE r.root_account_uuid = tenant AND r.result_context_id = course_id AND r.user_uuid > walked.user_uuid
                ORDER BY r.user_uuid
                LIMIT 1) next
    ),
    $walked$;
    made text := 'coalesce(s.created_at, s.assessed_at, s.event_time)';
    persons text := $persons$
          {join} p ON p.user_uuid = s.user_uuid AND {made} >= p.held_from AND {made} < p.held_until$persons$;
    counts_as text := 'CASE WHEN p.user_uuid IS NULL THEN s.user_uuid ELSE p.counts_as END';
    and_counts text := ' AND (p.user_uuid IS NULL OR p.counts_as IS NOT NULL)';
    and_counts_as_student text := ' AND {name} IN (SELECT given.name FROM unnest(students) given (name))';
    setting text := $setting$SELECT found.outcome_proficiency_id AS scale_id, found.outcome_proficiency_ratings AS scale_ratings,
               found.outcome_calculation_method_id IS NOT NULL AS method_found,
               found.calculation_method AS found_method, found.calculation_int AS found_int
          FROM outcomes.mastery_setting(tenant, 'Course', course_id, coalesce({scale_at}, at), known_at) found$setting$;
    setting_given text := 'SELECT scale_id, scale_ratings, method_found, found_method, found_int';
    more text := 'r.score, r.possible, r.percent, r.quiz_id, merged.percent AS merged_percent,';
    body text := $body$
        #variable_conflict use_column
        BEGIN
            {tenant}
            IF at IS NULL AND known_at IS NULL AND course_id IS NOT NULL THEN
                RETURN QUERY {now_here};
            ELSIF course_id IS NOT NULL THEN
                RETURN QUERY {then_here};
            ELSIF at IS NULL AND known_at IS NULL THEN
                RETURN QUERY {now_nowhere};
            ELSE
                RETURN QUERY {then_nowhere};
            END IF;
        END
    $body$;
BEGIN
    body := outcomes_internal.text_of_template(body,
        'now_here', outcomes_internal.text_of_template(inputs, 'candidates', '{whose_now}', 'state', state_now, 'and_here', '', 'here', here) || '{answer}',
        'then_here', outcomes_internal.text_of_template(inputs, 'candidates', candidates_then || '{whose_then}', 'state', state_then, 'and_here', and_here_then,
                                              'here', here) || '{answer}',
        'now_nowhere', outcomes_internal.text_of_template(inputs, 'candidates', '{whose_now}', 'state', state_now, 'and_here', '', 'here', nowhere)
                       || '{answer}',
        'then_nowhere', outcomes_internal.text_of_template(inputs, 'candidates', candidates_then || '{whose_then}', 'state', state_then, 'and_here', and_here_then,
                                                 'here', nowhere) || '{answer}');
    RETURN outcomes_internal.text_of_template(body,
        'tenant', CASE WHEN answer <> 'rollups' THEN 'PERFORM outcomes_internal.known_tenant(tenant);' ELSE '' END,
        'answer', CASE answer WHEN 'inputs' THEN rows WHEN 'summaries' THEN rollup || summaries ELSE rollup || ' SELECT * FROM rollup' END,
        'whose_now', CASE students WHEN 'all' THEN walked || replace(person, '{uuids}', 'SELECT walked.user_uuid FROM walked')
                                   WHEN 'some' THEN person ELSE asked END,
        'whose_then', CASE students WHEN 'all' THEN replace(person, '{uuids}', 'SELECT DISTINCT candidate.user_uuid FROM candidate')
                                    WHEN 'some' THEN person ELSE asked END,
        'uuids', same,
        'asked', CASE WHEN given THEN 'unnest(names, held_from, held_until)'
                      ELSE 'outcomes_internal.student_uuids(tenant, course_id, {student}, at, known_at)' END,
        'persons', persons,
        'join', CASE students WHEN 'one' THEN 'JOIN asked' ELSE 'LEFT JOIN person' END,
        'and_counts', CASE students WHEN 'all' THEN and_counts WHEN 'some' THEN and_counts || and_counts_as_student ELSE '' END,
        'name', CASE students WHEN 'one' THEN '{student}' ELSE counts_as END,
        'made', made,
        'and_student', CASE students WHEN 'some' THEN ' AND r.user_uuid = ANY (ARRAY(' || same || '))' WHEN 'one' THEN of_student ELSE '' END,
        'outcome', CASE students WHEN 'one' THEN 'outcome_id' ELSE 'NULL' END,
        'student', CASE answer WHEN 'inputs' THEN 'rollup_input.user_uuid' ELSE 'student' END,
        'setting', CASE WHEN given THEN setting_given ELSE setting END,
        'scale_at', CASE WHEN students = 'all' THEN 'scale_at' ELSE 'NULL' END,
        'more', CASE answer WHEN 'inputs' THEN more ELSE '' END,
        'worked', CASE students WHEN 'some' THEN 'max(v.worked_at) AS last_worked_at,' ELSE '' END,
        'also', CASE WHEN answer = 'summaries' THEN ', s.reached' WHEN students = 'some' THEN ', g.last_worked_at' ELSE '' END);
END
$text$;
COMMENT ON FUNCTION outcomes_internal.text_of_rollup IS
    'The body of a function that computes rollups. answer: rollups, summaries, or the inputs of one; students: all, some (students) or '
    'one (student, outcome); given: scale and method are arguments.';
