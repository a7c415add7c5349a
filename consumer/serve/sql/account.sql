-- One account at a moment; only its id where it has no event. The root account is the one whose uuid is the tenant's.
SELECT asked.id, a.name, a.workflow_state, a.parent_account_id, a.default_time_zone, root.id AS root_id
  FROM (SELECT $2::bigint AS id) AS asked
 CROSS JOIN (SELECT outcomes_internal.root_account($1, $3)) AS root (id)
  LEFT JOIN LATERAL account_at($1, asked.id, $3) AS a ON true
