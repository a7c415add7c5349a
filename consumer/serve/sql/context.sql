-- A course or account ($3; null: the root account) at a moment: since when history can be asked for, and whether its own event says
-- that it exists and is not deleted. `known` is null without such an event: then named.sql decides.
SELECT asked.id, history_begins() AS begins,
       CASE WHEN asked.id IS NULL THEN false ELSE own.workflow_state <> 'deleted' END AS known
  FROM (SELECT CASE WHEN $3::bigint IS NULL THEN outcomes_internal.root_account($1, $4) ELSE $3 END AS id) AS asked
  LEFT JOIN LATERAL (
        SELECT coalesce(c.workflow_state, 'active') FROM course_at($1, asked.id, $4) AS c WHERE $2 = 'Course'
         UNION ALL
        SELECT coalesce(a.workflow_state, 'active') FROM account_at($1, asked.id, $4) AS a WHERE $2 = 'Account') AS own (workflow_state)
    ON true
