-- Goes down from parent to child, so that a small account is a small question.
CREATE OR REPLACE FUNCTION outcomes_internal.accounts_below(
    tenant text, account_id bigint, levels integer, at timestamptz, known_at timestamptz)
RETURNS TABLE (id bigint, parent_account_id bigint, name text, workflow_state text, default_time_zone text, distance integer,
               gone boolean, path text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $$
    WITH RECURSIVE below AS (
        SELECT given.id, a.parent_account_id, a.name, a.workflow_state, a.default_time_zone, 0 AS distance,
               a.workflow_state IS NOT DISTINCT FROM 'deleted' AS gone, ARRAY[given.id] AS visited, ARRAY[a.name] AS names
          FROM (SELECT $2 AS id) given
          LEFT JOIN LATERAL outcomes.account_at($1, given.id, $4, $5) a ON true
         UNION ALL
        SELECT a.id, a.parent_account_id, a.name, a.workflow_state, a.default_time_zone, below.distance + 1,
               below.gone OR a.workflow_state IS NOT DISTINCT FROM 'deleted', below.visited || a.id, below.names || a.name
          FROM below
         CROSS JOIN LATERAL (
                SELECT DISTINCT v.id
                  FROM outcomes.account_version v
                 WHERE v.root_account_uuid = $1 AND v.parent_account_id = below.id) seen
         CROSS JOIN LATERAL outcomes.account_at($1, seen.id, $4, $5) a
         WHERE a.parent_account_id = below.id AND a.id <> ALL (below.visited) AND ($3 IS NULL OR below.distance < $3)
    )
    SELECT below.id, below.parent_account_id, below.name, below.workflow_state, below.default_time_zone, below.distance, below.gone,
           array_to_string(below.names, ' > ')
      FROM below
     ORDER BY below.visited
$$;
COMMENT ON FUNCTION outcomes_internal.accounts_below IS
    'An account (distance 0, also where no event has told of it) and the accounts so many levels below it (null: all) at a moment. gone: '
    'deleted, or below a deleted one.';
