-- Titles of what some results of a tenant assess, those of today: of the assignment, else as REST told it of the alignment.
-- A classic quiz has the title of its assignment.
SELECT r.id, coalesce(assignment.title, alignment.title) AS title
  FROM learning_outcome_result AS r
  LEFT JOIN LATERAL (
       SELECT min(d.id) AS id
         FROM assignment_detail AS d
        WHERE r.associated_asset_type = 'Quizzes::Quiz' AND d.root_account_uuid = $1 AND d.quiz_id = r.associated_asset_id) AS quiz ON true
  LEFT JOIN assignment
         ON assignment.root_account_uuid = $1
        AND assignment.id = CASE r.associated_asset_type WHEN 'Assignment' THEN r.associated_asset_id ELSE quiz.id END
  LEFT JOIN LATERAL (
       SELECT a.title
         FROM outcome_alignment AS a
        WHERE a.root_account_uuid = $1 AND a.course_id = r.result_context_id AND a.learning_outcome_id = r.learning_outcome_id
          AND a.asset_type = r.associated_asset_type AND a.asset_id = r.associated_asset_id) AS alignment ON true
 WHERE r.root_account_uuid = $1 AND r.id = ANY ($2::bigint[]) AND coalesce(assignment.title, alignment.title) IS NOT NULL
