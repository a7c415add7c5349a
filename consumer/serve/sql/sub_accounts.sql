-- The accounts right below an account at a moment, or ($4) all below it; without deleted ones and those below them.
WITH RECURSIVE below (id) AS (
    SELECT $2::bigint
     UNION
    SELECT a.id
      FROM below
     CROSS JOIN LATERAL (
            SELECT DISTINCT v.id
              FROM account_version AS v
             WHERE v.root_account_uuid = $1 AND v.parent_account_id = below.id) AS seen
     CROSS JOIN LATERAL account_at($1, seen.id, $3) AS a
     WHERE a.parent_account_id = below.id AND a.workflow_state IS DISTINCT FROM 'deleted' AND ($4 OR below.id = $2)
)
SELECT a.id, a.name, a.workflow_state, a.parent_account_id, a.default_time_zone, root.id AS root_id, count(*) OVER () AS total
  FROM below
 CROSS JOIN (SELECT outcomes_internal.root_account($1, $3)) AS root (id)
 CROSS JOIN LATERAL account_at($1, below.id, $3) AS a
 WHERE below.id <> $2
 ORDER BY a.id
 LIMIT $5 OFFSET $6
