-- The courses of an account and of all accounts below it at a moment, in these states ($4; null: in any but deleted).
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
     WHERE a.parent_account_id = below.id AND a.workflow_state IS DISTINCT FROM 'deleted'
)
SELECT c.id, c.name, c.uuid, c.account_id, c.workflow_state, c.created_at, root.id AS root_id, count(*) OVER () AS total
  FROM (SELECT DISTINCT v.id FROM course_version AS v WHERE v.root_account_uuid = $1 AND v.account_id IN (SELECT below.id FROM below)) AS seen
 CROSS JOIN (SELECT outcomes_internal.root_account($1, $3)) AS root (id)
 CROSS JOIN LATERAL course_at($1, seen.id, $3) AS c
 WHERE c.account_id IN (SELECT below.id FROM below)
   AND CASE WHEN $4::text[] IS NULL THEN c.workflow_state IS DISTINCT FROM 'deleted' ELSE c.workflow_state = ANY ($4) END
 ORDER BY c.id
 LIMIT $5 OFFSET $6
