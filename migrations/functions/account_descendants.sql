CREATE OR REPLACE FUNCTION outcomes.account_descendants(
    tenant text, account_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (id bigint, parent_account_id bigint, name text, workflow_state text, distance integer, path text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE known AS MATERIALIZED (
        SELECT a.id, a.parent_account_id, a.name, a.workflow_state
          FROM (SELECT DISTINCT v.id FROM outcomes.account_version v WHERE v.root_account_uuid = $1) seen
         CROSS JOIN LATERAL outcomes.account_at($1, seen.id, $3, $4) a
         WHERE (SELECT outcomes_internal.known_tenant($1))
    ),
    below AS (
        SELECT known.*, 0 AS distance, ARRAY[known.id] AS visited, ARRAY[known.name] AS names FROM known WHERE known.id = $2
         UNION ALL
        SELECT known.*, below.distance + 1, below.visited || known.id, below.names || known.name
          FROM below
          JOIN known ON known.parent_account_id = below.id
         WHERE known.id <> ALL (below.visited)
    )
    SELECT below.id, below.parent_account_id, below.name, below.workflow_state, below.distance, array_to_string(below.names, ' > ')
      FROM below
     ORDER BY below.visited
$$;
COMMENT ON FUNCTION outcomes.account_descendants IS
    'An account (distance 0) and all accounts below it, at a moment (null: now), deleted ones too; none where no event has told of '
    'it by then. path: names from that account down. To be joined with course.account_id.';
