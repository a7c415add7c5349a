-- The accounts right below an account at a moment, or ($4) all below it; without deleted ones and those below them.
SELECT b.id, b.name, b.workflow_state, b.parent_account_id, b.default_time_zone, root.id AS root_id, count(*) OVER () AS total
  FROM outcomes_internal.accounts_below($1, $2, CASE WHEN $4::boolean THEN NULL ELSE 1 END, $3, NULL) AS b
 CROSS JOIN (SELECT outcomes_internal.root_account($1, $3)) AS root (id)
 WHERE b.distance > 0 AND NOT b.gone
 ORDER BY b.id
 LIMIT $5 OFFSET $6
