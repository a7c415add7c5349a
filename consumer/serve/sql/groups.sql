-- The groups of a course or account at a moment, with their parents; without archived and deleted ones.
SELECT g.id, g.title, g.description, g.vendor_guid, g.context_type, g.context_id, g.parent_outcome_group_id,
       p.title AS parent_title, p.vendor_guid AS parent_vendor_guid, p.context_type AS parent_context_type,
       p.context_id AS parent_context_id, g.total
  FROM (SELECT g.*, count(*) OVER () AS total
          FROM (SELECT DISTINCT v.id
                  FROM learning_outcome_group_version AS v
                 WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = $3) AS seen
         CROSS JOIN LATERAL learning_outcome_group_at($1, seen.id, $4) AS g
         WHERE g.context_type = $2 AND g.context_id = $3 AND g.workflow_state = 'active'
         ORDER BY g.id
         LIMIT $5 OFFSET $6) AS g
  LEFT JOIN LATERAL learning_outcome_group_at($1, g.parent_outcome_group_id, $4) AS p ON true
 ORDER BY g.id
