CREATE OR REPLACE FUNCTION outcomes.account_descendants(
    tenant text, account_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (id bigint, parent_account_id bigint, name text, workflow_state text, distance integer, path text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $$
    SELECT b.id, b.parent_account_id, b.name, b.workflow_state, b.distance, b.path
      FROM (SELECT b.*, count(*) OVER () AS accounts FROM outcomes_internal.accounts_below($1, $2, NULL, $3, $4) b) b
     WHERE (SELECT outcomes_internal.known_tenant($1))
       AND (b.accounts > 1 OR coalesce(b.name, b.workflow_state) IS NOT NULL OR b.id = outcomes_internal.root_account($1, $3, $4))
$$;
COMMENT ON FUNCTION outcomes.account_descendants IS
    'An account (distance 0) and all accounts below it, at a moment (null: now), deleted ones too. Without a name where no event has told '
    'of it, as of the root account in a feed that began late; no row where nothing at all has. path: names from that account down. To be '
    'joined with course.account_id.';
