-- The groups of a course or account at a moment, with their parents; without archived and deleted ones. One by its id ($5), the root ($6),
-- or those right below one ($7), by title.
SELECT g.id, g.title, g.description, g.vendor_guid, g.context_type, g.context_id, g.parent_outcome_group_id,
       p.title AS parent_title, p.vendor_guid AS parent_vendor_guid, p.context_type AS parent_context_type,
       p.context_id AS parent_context_id, g.total
  FROM (SELECT g.*, count(*) OVER () AS total
          FROM (SELECT DISTINCT v.id
                  FROM learning_outcome_group_version AS v
                 WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = $3 AND v.id = coalesce($5, v.id)) AS seen
         CROSS JOIN LATERAL learning_outcome_group_at($1, seen.id, $4) AS g
         WHERE g.context_type = $2 AND g.context_id = $3 AND g.workflow_state = 'active'
           AND (NOT $6::boolean OR g.parent_outcome_group_id IS NULL) AND ($7::bigint IS NULL OR g.parent_outcome_group_id = $7)
         ORDER BY CASE WHEN $7::bigint IS NOT NULL THEN lower(g.title) END, g.id
         LIMIT $8 OFFSET $9) AS g
  LEFT JOIN LATERAL learning_outcome_group_at($1, g.parent_outcome_group_id, $4) AS p ON true
 ORDER BY CASE WHEN $7::bigint IS NOT NULL THEN lower(g.title) END, g.id
