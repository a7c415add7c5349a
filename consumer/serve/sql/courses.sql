-- The courses of these accounts ($2) and of all accounts below them, and those with these ids ($7), at a moment, in these states ($4; null:
-- in any but deleted), of a term ($5), whose name holds a text ($6); with what only REST tells of them. Unless $10, only those that are there today as well:
-- a right goes with the course.
WITH place AS MATERIALIZED (
    SELECT b.id
      FROM unnest($2::bigint[]) AS asked (id)
     CROSS JOIN LATERAL outcomes_internal.accounts_below($1, asked.id, NULL, $3, NULL) AS b
     WHERE NOT b.gone
)
SELECT c.id, c.name, c.uuid, c.account_id, c.workflow_state, c.created_at, root.id AS root_id, count(*) OVER () AS total,
       d.id IS NOT NULL AS detailed, d.course_code, d.start_at, d.end_at, d.sis_course_id, d.enrollment_term_id, t.name AS term_name,
       t.start_at AS term_start_at, t.end_at AS term_end_at
  FROM (SELECT v.id FROM course_version AS v WHERE v.root_account_uuid = $1 AND v.account_id IN (SELECT place.id FROM place)
         UNION
        SELECT unnest($7::bigint[])) AS seen
 CROSS JOIN (SELECT outcomes_internal.root_account($1, $3)) AS root (id)
 CROSS JOIN LATERAL course_at($1, seen.id, $3) AS c
  LEFT JOIN LATERAL course_detail_at($1, c.id, $3) AS d ON true
  LEFT JOIN LATERAL enrollment_term_at($1, d.enrollment_term_id, $3) AS t ON true
 WHERE (c.account_id IN (SELECT place.id FROM place) OR c.id = ANY ($7))
   AND CASE WHEN $4::text[] IS NULL THEN c.workflow_state IS DISTINCT FROM 'deleted' ELSE c.workflow_state = ANY ($4) END
   AND ($3::timestamptz IS NULL OR $10::boolean OR c.id = ANY ($7)
        OR EXISTS (SELECT
                     FROM course_at($1, c.id, NULL) AS now
                    WHERE now.account_id IN (SELECT b.id
                                               FROM unnest($2::bigint[]) AS asked (id)
                                              CROSS JOIN LATERAL outcomes_internal.accounts_below($1, asked.id, NULL, NULL, NULL) AS b)))
   AND ($5::bigint IS NULL OR d.enrollment_term_id = $5) AND ($6::text IS NULL OR strpos(lower(c.name), lower($6)) > 0)
 ORDER BY c.id
 LIMIT $8 OFFSET $9
