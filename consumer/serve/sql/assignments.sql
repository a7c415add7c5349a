-- The assignments of a course at a moment, with what only REST tells of them: of these ids ($4), whose title holds a text ($5), in an
-- order ($6). No event tells positions, so without an order they are by id.
SELECT a.id, a.title, a.context_id, a.assignment_group_id, a.due_at, a.unlock_at, a.lock_at, a.points_possible, a.submission_types,
       a.workflow_state, a.updated_at, d.quiz_id, d.post_manually, d.grading_type, count(*) OVER () AS total
  FROM (SELECT DISTINCT v.id
          FROM assignment_version AS v
         WHERE v.root_account_uuid = $1 AND v.context_id = $2 AND ($4::bigint[] IS NULL OR v.id = ANY ($4))) AS seen
 CROSS JOIN LATERAL assignment_at($1, seen.id, $3) AS a
  LEFT JOIN LATERAL assignment_detail_at($1, a.id, $3) AS d ON true
 WHERE a.context_id = $2 AND coalesce(a.context_type, 'Course') = 'Course' AND a.workflow_state IN ('published', 'unpublished')
   AND ($5::text IS NULL OR strpos(lower(a.title), lower($5)) > 0)
 ORDER BY CASE WHEN $6::text = 'name' THEN lower(a.title) END, CASE WHEN $6 = 'due_at' THEN a.due_at END NULLS LAST, a.id
 LIMIT $7 OFFSET $8
