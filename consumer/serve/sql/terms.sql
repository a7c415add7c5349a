-- The terms of a root account at a moment, in these states ($3), whose name holds a text ($4), or one ($5); the newest start first, as in
-- Canvas.
SELECT t.id, t.name, t.start_at, t.end_at, t.created_at, t.workflow_state, t.grading_period_group_id, t.sis_term_id, count(*) OVER () AS total
  FROM (SELECT DISTINCT v.id FROM enrollment_term_version AS v WHERE v.root_account_uuid = $1) AS seen
 CROSS JOIN LATERAL enrollment_term_at($1, seen.id, $2) AS t
 WHERE ($3::text[] IS NULL OR coalesce(t.workflow_state, 'active') = ANY ($3))
   AND ($4::text IS NULL OR strpos(lower(t.name), lower($4)) > 0) AND ($5::bigint IS NULL OR t.id = $5)
 ORDER BY t.start_at DESC NULLS LAST, t.id DESC
 LIMIT $6 OFFSET $7
