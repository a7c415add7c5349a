CREATE OR REPLACE FUNCTION outcomes.outcome_path_at(
    tenant text, context_type text, context_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.outcome_path LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20 AS $$
#variable_conflict use_column
BEGIN
    PERFORM outcomes_internal.known_tenant(tenant);
    RETURN QUERY
    SELECT $1, p.context_type, p.context_id, p.learning_outcome_id, seen.id, p.learning_outcome_group_id, p.titles,
           array_to_string(p.titles, ' > ')
      FROM (SELECT DISTINCT v.id
              FROM outcomes.learning_outcome_link_version v
             WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = $3) seen
     CROSS JOIN LATERAL outcomes_internal.outcome_path_of($1, seen.id, $4, $5) p
     WHERE p.context_type = $2 AND p.context_id = $3;
END
$$;
COMMENT ON FUNCTION outcomes.outcome_path_at IS
    'outcome_path of one course or account (context_type: Course, Account) as it was at a moment; known_at: from what had been recorded '
    'by then. at null is now.';
