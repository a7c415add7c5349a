CREATE OR REPLACE FUNCTION outcomes_internal.assessed_assignment(
    tenant text, asset_type text, asset_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.assignment LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT a.*
      FROM (SELECT CASE asset_type
                        WHEN 'Assignment' THEN asset_id
                        WHEN 'Quizzes::Quiz' THEN (SELECT min(d.id)
                                                     FROM outcomes.assignment_detail d
                                                    WHERE d.root_account_uuid = tenant AND d.quiz_id = asset_id) END) asset (id)
     CROSS JOIN LATERAL outcomes.assignment_at(tenant, asset.id, at, known_at) a
$$;
COMMENT ON FUNCTION outcomes_internal.assessed_assignment IS
    'The assignment that a result assesses or an alignment is of, by type and id of the asset: itself, or that of a classic quiz, which '
    'only REST tells. Its title is the title of the asset.';
