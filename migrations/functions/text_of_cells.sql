-- Results are added up as the index tells them, without a table between, in the order of time where the method asks for it. A score
-- that is not close to half a cent needs no more than their sum, the greatest and the newest. The others need all: of 0 or from 10^-3 to
-- 10^3, for which Array#sum gives the double next to the exact sum in any order. What is more than its percentages is read again.
CREATE OR REPLACE FUNCTION outcomes_internal.text_of_cells(in_order boolean) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $text$
DECLARE
    cells text := $cells$cell AS MATERIALIZED (
        SELECT s.user_uuid, s.learning_outcome_id, count(*) AS results, max(s.assessed_at) AS last_assessed_at, max(s.percent) AS highest,
               sum(CASE WHEN s.percent BETWEEN 1e-3 AND 1e3 OR s.percent = 0 THEN s.percent ELSE 1e6 END) AS total,
               array_agg(s.percent{by_time}) AS percents,
               array_agg(CASE WHEN s.possible BETWEEN 1e-3 AND 1e6 AND s.possible * s.percent / s.possible = s.percent
                              THEN s.associated_asset_id END)
                   FILTER (WHERE {not_assessed}s.artifact_type = 'Quizzes::QuizSubmission') AS quiz_ids{unassessed}
          FROM {state}{assessed}
         WHERE s.workflow_state = 'active' AND s.score IS NOT NULL AND s.user_uuid IS NOT NULL
         GROUP BY s.user_uuid, s.learning_outcome_id
    ),
    {shown}
    read_again AS MATERIALIZED (
        SELECT cell.user_uuid, cell.learning_outcome_id
          FROM cell
         WHERE cell.total >= 1e6
            OR CASE WHEN cardinality(cell.quiz_ids) = 1 THEN cell.quiz_ids[1] IS NULL
                    WHEN cardinality(cell.quiz_ids) = 2 THEN (cell.quiz_ids[1] <> cell.quiz_ids[2]) IS NOT TRUE
                    WHEN cardinality(cell.quiz_ids) > 2 THEN (SELECT count(DISTINCT q) < count(*) FROM unnest(cell.quiz_ids) q) END
            OR cell.learning_outcome_id IN (SELECT gone.learning_outcome_id
                                              FROM outcomes_internal.removed_alignment(tenant, course_id, at, known_at) gone
                                             UNION ALL
                                            SELECT shown.learning_outcome_id FROM shown WHERE (shown.unit BETWEEN 1e-2 AND 1e4) IS NOT TRUE){or_handed_in}
    ),
    judged AS MATERIALIZED (
        SELECT c.user_uuid, c.learning_outcome_id, c.results, c.last_assessed_at, c.calculation_method, c.calculation_int, c.unit,
               c.mastery_points, c.cents, CASE WHEN outcomes_internal.sure_score(c.cents) IS NULL THEN c.percents END AS unsure
          FROM (SELECT cell.user_uuid, cell.learning_outcome_id, cell.results, cell.last_assessed_at, cell.percents,
                       shown.calculation_method, shown.calculation_int, shown.unit, shown.mastery_points,
                       outcomes_internal.near_score(
                           cell.results, cell.total * shown.unit, cell.highest * shown.unit, cell.percents[cell.results] * shown.unit,
                           shown.newest_weight, shown.older_weight, shown.mean_weight, shown.highest_weight) * 100 AS cents
                  FROM cell
                  JOIN shown USING (learning_outcome_id)
                 WHERE (cell.user_uuid, cell.learning_outcome_id) NOT IN (SELECT read_again.user_uuid, read_again.learning_outcome_id FROM read_again)
                OFFSET 0) c
    ),
    -- Once for all cells that have the same percentages: rubrics have few levels.
    exact AS MATERIALIZED (
        SELECT d.*, outcomes_internal.rollup_score(d.calculation_method, d.calculation_int,
                                                   ARRAY(SELECT p * d.unit FROM unnest(d.unsure) p), d.mastery_points) AS score
          FROM (SELECT DISTINCT j.calculation_method, j.calculation_int, j.unit, j.mastery_points, j.unsure
                  FROM judged j
                 WHERE j.unsure IS NOT NULL) d
    ),$cells$;
    -- One look-up for each assessment: its answer is remembered.
    assessed text := $assessed$
          LEFT JOIN LATERAL (SELECT a.id, outcomes_internal.whole_second(a.submitted_at) AS submitted_at
                               FROM outcomes.rubric_assessment a
                              WHERE a.root_account_uuid = tenant AND a.id = s.artifact_id
                              LIMIT 1) assessment ON s.artifact_type = 'RubricAssessment'$assessed$;
    by_time text := ' ORDER BY coalesce(assessment.submitted_at, outcomes_internal.whole_second(s.assessed_at)) NULLS FIRST, s.id';
    unassessed text := $unassessed$,
               array_agg(s.associated_asset_id)
                   FILTER (WHERE assessment.id IS NULL AND s.associated_asset_type = 'Assignment') AS unassessed$unassessed$;
    or_handed_in text := $or$
            OR cell.unassessed && ARRAY(
                   SELECT s.assignment_id
                     FROM outcomes.submission s
                    WHERE s.root_account_uuid = tenant
                      AND s.assignment_id = ANY (ARRAY(SELECT DISTINCT unnest(c.unassessed) FROM cell c WHERE c.unassessed IS NOT NULL)))$or$;
BEGIN
    IF in_order THEN
        RETURN outcomes_internal.text_of_template(cells, 'assessed', assessed, 'not_assessed', 'assessment.id IS NULL AND ',
                                                  'by_time', by_time, 'unassessed', unassessed, 'or_handed_in', or_handed_in);
    END IF;
    RETURN outcomes_internal.text_of_template(cells, 'assessed', '', 'not_assessed', '', 'by_time', '', 'unassessed', '', 'or_handed_in', '');
END
$text$;
COMMENT ON FUNCTION outcomes_internal.text_of_cells IS
    'For text_of_rollup: each student and outcome with the percentages of the results that count now, and the score where sums tell it '
    '(judged), or the percentages do that leave it unsure (exact). read_again: where neither does. in_order: for methods that ask which result is newer.';
