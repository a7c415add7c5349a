-- The grading standards of a course or account at a moment, archived ones too, as in Canvas. One that is asked for by id ($5) may also
-- belong to an account above: most standards of a course do.
WITH place AS MATERIALIZED (
    SELECT c.owner_type, c.owner_id
      FROM outcomes_internal.account_chain($1, $2, $3, $4) AS c
     WHERE $5::bigint IS NOT NULL OR c.owner_type = $2 AND c.owner_id = $3
)
SELECT s.id, s.title, s.context_type, s.context_id, s.points_based, s.scaling_factor, s.grading_scheme, count(*) OVER () AS total
  FROM (SELECT DISTINCT v.id
          FROM grading_standard_version AS v
          JOIN place ON place.owner_type = v.context_type AND place.owner_id = v.context_id
         WHERE v.root_account_uuid = $1 AND ($5::bigint IS NULL OR v.id = $5)) AS seen
 CROSS JOIN LATERAL (
        SELECT v.*
          FROM grading_standard_version AS v
         WHERE v.root_account_uuid = $1 AND v.id = seen.id AND v.valid_from <= coalesce($4, now())
         ORDER BY v.valid_from DESC, v.imported_at DESC
         LIMIT 1) AS s
  JOIN place ON place.owner_type = s.context_type AND place.owner_id = s.context_id
 WHERE s.workflow_state <> 'deleted'
 ORDER BY s.id
 LIMIT $6 OFFSET $7
