-- Rows of Canvas' reports "Outcome Results" and, where $8, "Student Competency" of an account
-- (gems/plugins/account_reports, outcome_results_report.rb and student_assignment_outcome_map_report.rb): of outcomes that the account
-- itself links, in its courses and those of the accounts below it. A row for each link of an outcome and each enrolment of a student.
-- $5: of these terms alone. $6: deleted enrolments and courses too. Students whose enrolment nothing has told are in it without a section.
WITH place AS MATERIALIZED (
    SELECT p.learning_outcome_id, p.learning_outcome_group_id, g.title AS group_title
      FROM (SELECT DISTINCT v.id
              FROM learning_outcome_link_version AS v
             WHERE v.root_account_uuid = $1 AND v.context_type = 'Account' AND v.context_id = $2) AS seen
     CROSS JOIN LATERAL outcomes_internal.outcome_path_of($1, seen.id, $3, $4) AS p
      LEFT JOIN LATERAL learning_outcome_group_at($1, p.learning_outcome_group_id, $3, $4) AS g ON true
     WHERE p.context_type = 'Account' AND p.context_id = $2
),
once AS (
    SELECT DISTINCT v.id
      FROM learning_outcome_result_version AS v
     WHERE ($3::timestamptz IS NOT NULL OR $4::timestamptz IS NOT NULL)
       AND v.root_account_uuid = $1 AND v.learning_outcome_id = ANY (ARRAY(SELECT place.learning_outcome_id FROM place))
),
told AS (
    SELECT r.*
      FROM learning_outcome_result AS r
     WHERE $3::timestamptz IS NULL AND $4::timestamptz IS NULL AND r.root_account_uuid = $1
     UNION ALL
    SELECT r.*
      FROM once
     CROSS JOIN LATERAL learning_outcome_result_at($1, once.id, $3, $4) AS r
),
result AS MATERIALIZED (
    SELECT t.id, t.user_uuid, t.learning_outcome_id, t.result_context_id AS course_id, t.score, t.possible, t.percent, t.mastery,
           t.attempt, t.assessed_at, t.artifact_type, t.artifact_id, t.associated_asset_type AS asset_type,
           t.associated_asset_id AS asset_id, t.event_time, coalesce(t.created_at, t.assessed_at, t.event_time) AS made_at
      FROM told AS t
     WHERE t.learning_outcome_id = ANY (ARRAY(SELECT place.learning_outcome_id FROM place))
       AND outcomes_internal.course_of(t.result_context_type, t.result_context_id) IS NOT NULL
       AND t.workflow_state IS DISTINCT FROM 'deleted' AND t.user_uuid IS NOT NULL
       AND (t.artifact_type <> 'Submission' OR $8 AND t.artifact_type IS NULL)
),
candidate AS MATERIALIZED (
    SELECT r.course_id AS id FROM result AS r
     UNION
    SELECT a.course_id
      FROM outcome_alignment_version AS a
     WHERE $8 AND a.root_account_uuid = $1 AND a.learning_outcome_id = ANY (ARRAY(SELECT place.learning_outcome_id FROM place))
),
course AS MATERIALIZED (
    SELECT candidate.id, c.name, d.sis_course_id, owner.id AS account_id, owner.name AS account_name,
           setting.outcome_proficiency_ratings AS ratings
      FROM candidate
      LEFT JOIN LATERAL course_at($1, candidate.id, $3, $4) AS c ON true
      LEFT JOIN LATERAL course_detail_at($1, candidate.id, $3, $4) AS d ON true
      LEFT JOIN LATERAL (
            SELECT chain.owner_id AS id, a.name
              FROM outcomes_internal.account_chain($1, 'Course', candidate.id, $3, $4) AS chain
              LEFT JOIN LATERAL account_at($1, chain.owner_id, $3, $4) AS a ON true
             WHERE chain.owner_type = 'Account'
             ORDER BY chain.distance
             LIMIT 1) AS owner ON true
     CROSS JOIN LATERAL mastery_setting($1, 'Course', candidate.id, $3, $4) AS setting
     WHERE ($6 OR coalesce(c.workflow_state, 'available') IN ('available', 'completed'))
       AND ($5::bigint[] IS NULL OR d.enrollment_term_id = ANY ($5))
       AND EXISTS (SELECT
                     FROM outcomes_internal.account_chain($1, 'Course', candidate.id, $3, $4) AS above
                    WHERE above.owner_type = 'Account' AND above.owner_id = $2)
),
gone AS MATERIALIZED (
    SELECT course.id AS course_id, g.learning_outcome_id, g.assignment_id, g.removed_at
      FROM course
     CROSS JOIN LATERAL outcomes_internal.removed_alignment($1, course.id, $3, $4) AS g
),
counted AS MATERIALIZED (
    SELECT r.*
      FROM result AS r
      JOIN course ON course.id = r.course_id
     WHERE NOT EXISTS (SELECT
                         FROM gone
                        WHERE r.asset_type = 'Assignment' AND gone.course_id = r.course_id AND gone.assignment_id = r.asset_id
                          AND gone.learning_outcome_id = r.learning_outcome_id AND r.event_time <= gone.removed_at)
),
person AS MATERIALIZED (
    SELECT seen.course_id, p.user_uuid, p.held_from, p.held_until, p.user_id, p.counts_as,
           coalesce(p.counts_as, outcomes_internal.person_key(p.user_id, p.user_uuid)) AS key
      FROM (SELECT r.course_id, array_agg(DISTINCT r.user_uuid) AS uuids FROM counted AS r GROUP BY r.course_id) AS seen
     CROSS JOIN LATERAL outcomes_internal.result_person($1, seen.course_id, seen.uuids, $3, $4) AS p
),
owned AS MATERIALIZED (
    SELECT r.*, p.user_id, p.counts_as, p.key
      FROM counted AS r
      JOIN person AS p
        ON p.course_id = r.course_id AND p.user_uuid = r.user_uuid AND r.made_at >= p.held_from AND r.made_at < p.held_until
),
enrolled AS MATERIALIZED (
    SELECT course.id AS course_id, s.user_id, outcomes_internal.person_key(s.user_id, s.user_uuid) AS key, s.standing,
           e.id AS enrollment_id, e.course_section_id, e.workflow_state, e.type
      FROM course
     CROSS JOIN LATERAL outcomes_internal.course_roster_of($1, course.id, $3, $4) AS s
     CROSS JOIN LATERAL jsonb_to_recordset(s.enrollments) AS e (id bigint, course_section_id bigint, workflow_state text, type text)
),
student AS MATERIALIZED (
    SELECT e.* FROM enrolled AS e WHERE e.type = 'StudentEnrollment' AND ($6 OR e.standing = 'enrolled')
),
aligned AS (
    SELECT course.id AS course_id, a.learning_outcome_id, a.asset_id
      FROM course
     CROSS JOIN LATERAL outcome_alignment_at($1, course.id, $3, $4) AS a
     WHERE $8 AND a.asset_type = 'Assignment' AND a.workflow_state <> 'deleted'
       AND a.learning_outcome_id = ANY (ARRAY(SELECT place.learning_outcome_id FROM place))
     UNION
    SELECT r.course_id, r.learning_outcome_id, r.asset_id
      FROM counted AS r
     WHERE $8 AND r.asset_type = 'Assignment' AND r.artifact_type IS DISTINCT FROM 'Quizzes::QuizSubmission'
),
found AS MATERIALIZED (
    SELECT r.course_id, coalesce(s.user_id, r.user_id) AS user_id, r.key, s.enrollment_id, s.course_section_id, s.workflow_state,
           r.learning_outcome_id, r.id AS result_id, r.asset_type, r.asset_id
      FROM owned AS r
      LEFT JOIN student AS s ON s.course_id = r.course_id AND s.key = r.key
      LEFT JOIN (SELECT DISTINCT e.course_id, e.key FROM enrolled AS e) AS known ON known.course_id = r.course_id AND known.key = r.key
     WHERE NOT $8 AND (s.key IS NOT NULL OR r.counts_as IS NOT NULL AND known.key IS NULL)
     UNION ALL
    SELECT s.course_id, s.user_id, s.key, s.enrollment_id, s.course_section_id, s.workflow_state, a.learning_outcome_id, r.id,
           'Assignment', a.asset_id
      FROM student AS s
      JOIN aligned AS a USING (course_id)
      LEFT JOIN owned AS r
             ON r.course_id = s.course_id AND r.key = s.key AND r.learning_outcome_id = a.learning_outcome_id
            AND r.asset_type = 'Assignment' AND r.asset_id = a.asset_id
     WHERE $8
),
asset AS MATERIALIZED (
    SELECT seen.*, detail.quiz_id, coalesce(a.title, alignment.title) AS title,
           coalesce(a.id, CASE WHEN seen.asset_type = 'Assignment' THEN seen.asset_id END) AS assignment_id
      FROM (SELECT DISTINCT f.course_id, f.learning_outcome_id, f.asset_type, f.asset_id FROM found AS f) AS seen
      LEFT JOIN LATERAL outcomes_internal.assessed_assignment($1, seen.asset_type, seen.asset_id, $3, $4) AS a ON true
      LEFT JOIN LATERAL assignment_detail_at($1, a.id, $3, $4) AS detail ON true
      LEFT JOIN LATERAL (
            SELECT o.title
              FROM outcome_alignment_at($1, seen.course_id, $3, $4) AS o
             WHERE a.title IS NULL AND o.learning_outcome_id = seen.learning_outcome_id AND o.asset_type = seen.asset_type
               AND o.asset_id = seen.asset_id) AS alignment ON true
),
assessment AS MATERIALIZED (
    SELECT seen.id, a.submitted_at
      FROM (SELECT DISTINCT r.artifact_id FROM owned AS r WHERE r.artifact_type = 'RubricAssessment') AS seen (id)
     CROSS JOIN LATERAL rubric_assessment_at($1, seen.id, $3, $4) AS a
),
handed_in AS MATERIALIZED (
    SELECT s.*
      FROM outcomes_internal.submission_time(
           $1, ARRAY(SELECT DISTINCT f.asset_id FROM found AS f WHERE f.asset_type = 'Assignment'), $3, $4) AS s
),
applied AS MATERIALIZED (
    SELECT course.id AS course_id, o.id AS learning_outcome_id, o.title, o.display_name, course.ratings IS NOT NULL AS by_scale,
           scale.points_possible, scale.mastery_points, scale.points, scale.descriptions
      FROM course
     CROSS JOIN (SELECT DISTINCT place.learning_outcome_id AS id FROM place) AS placed
      LEFT JOIN LATERAL learning_outcome_at($1, placed.id, $3, $4) AS o ON true
     CROSS JOIN LATERAL outcomes_internal.outcome_setting(course.ratings, false, NULL, NULL, o.rubric_criterion, NULL, NULL) AS scale
),
name AS MATERIALIZED (
    SELECT n.* FROM outcomes_internal.readable_names($1, ARRAY(SELECT DISTINCT f.user_id FROM found AS f)) AS n
),
section AS MATERIALIZED (
    SELECT s.id, s.name, s.sis_source_id
      FROM (SELECT DISTINCT f.course_section_id FROM found AS f) AS seen (id)
     CROSS JOIN LATERAL course_section_at($1, seen.id, $3, $4) AS s
)
SELECT coalesce(name.sortable_name, name.name) AS student_name, coalesce(f.user_id::text, 'uuid:' || f.key) AS student_id,
       name.sis_user_id, asset.title AS assessment_title,
       CASE WHEN kind.quiz AND asset.quiz_id IS NOT NULL THEN asset.quiz_id ELSE f.asset_id END AS assessment_id,
       CASE WHEN kind.quiz THEN 'quiz' WHEN f.asset_type = 'Assignment' THEN 'assignment' END AS assessment_type,
       coalesce(assessment.submitted_at, handed.submitted_at) AS submitted_at, applied.title AS outcome_name,
       f.learning_outcome_id, r.attempt, r.score, r.possible, r.mastery, course.name AS course_name, f.course_id,
       course.sis_course_id, section.name AS section_name, f.course_section_id, section.sis_source_id AS sis_section_id,
       asset.assignment_id, applied.display_name, applied.by_scale, kind.quiz, applied.points_possible, applied.mastery_points,
       applied.descriptions[level.number] AS rating, applied.points[level.number] AS rating_points, place.group_title,
       place.learning_outcome_group_id, course.account_id, course.account_name, f.workflow_state, f.key
  FROM found AS f
  JOIN course ON course.id = f.course_id
  JOIN place ON place.learning_outcome_id = f.learning_outcome_id
  LEFT JOIN owned AS r ON r.id = f.result_id
  LEFT JOIN applied ON applied.course_id = f.course_id AND applied.learning_outcome_id = f.learning_outcome_id
  LEFT JOIN asset
         ON asset.course_id = f.course_id AND asset.learning_outcome_id = f.learning_outcome_id
        AND asset.asset_type = f.asset_type AND asset.asset_id = f.asset_id
  LEFT JOIN section ON section.id = f.course_section_id
  LEFT JOIN name ON name.user_id = f.user_id
  LEFT JOIN assessment ON r.artifact_type = 'RubricAssessment' AND assessment.id = r.artifact_id
  LEFT JOIN handed_in AS handed
         ON assessment.id IS NULL AND f.asset_type = 'Assignment' AND handed.assignment_id = f.asset_id
        AND handed.user_uuid = coalesce(r.user_uuid, f.key) AND handed.submitted_at <= coalesce(r.assessed_at, 'infinity')
        AND (handed.resubmitted_at = 'infinity' OR handed.resubmitted_at > r.assessed_at)
 CROSS JOIN LATERAL (
        SELECT f.asset_type = 'Quizzes::Quiz' OR r.artifact_type IS NOT DISTINCT FROM 'Quizzes::QuizSubmission' AS quiz,
               CASE WHEN applied.points_possible > 0 THEN applied.points_possible ELSE applied.mastery_points END AS unit) AS kind
 CROSS JOIN LATERAL (
        SELECT width_bucket(
                   CASE WHEN r.percent IS NOT NULL AND NOT $8 THEN r.percent * kind.unit
                        ELSE r.score / nullif(r.possible, 0) * kind.unit END, applied.points) AS number) AS level
 ORDER BY CASE $7::text WHEN 'courses' THEN f.course_id WHEN 'outcomes' THEN f.learning_outcome_id ELSE f.user_id END,
          CASE $7::text WHEN 'users' THEN f.learning_outcome_id ELSE f.user_id END,
          CASE $7::text WHEN 'courses' THEN f.learning_outcome_id ELSE f.course_id END,
          f.key, f.course_section_id, f.enrollment_id, place.learning_outcome_group_id, f.asset_type, f.asset_id, f.result_id
