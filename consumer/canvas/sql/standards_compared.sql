-- Compares grading standards with the versions that held when REST showed them. The format of the bounds does not matter. REST
-- shows no state, so an archived standard stays archived.
SELECT remote.id, held.id IS NOT NULL AS known,
       ROW(remote.title, remote.context_type, remote.context_id, state.now, remote.points_based, remote.scaling_factor,
           normal_grading_scheme(remote.scheme))
       IS DISTINCT FROM
       ROW(held.title, held.context_type, held.context_id, held.workflow_state, held.points_based, held.scaling_factor,
           held.grading_scheme) AS differs,
       EXISTS (SELECT FROM grading_standard AS current
                WHERE current.root_account_uuid = $1 AND current.id = remote.id AND current.valid_from > $3) AS newer,
       jsonb_build_object('title', held.title, 'context_type', held.context_type, 'context_id', held.context_id,
                          'workflow_state', held.workflow_state, 'points_based', held.points_based,
                          'scaling_factor', held.scaling_factor, 'grading_scheme', held.grading_scheme) AS ours,
       jsonb_build_object('title', remote.title, 'context_type', remote.context_type, 'context_id', remote.context_id,
                          'workflow_state', state.now, 'points_based', remote.points_based,
                          'scaling_factor', remote.scaling_factor, 'grading_scheme', normal_grading_scheme(remote.scheme)) AS canvas
  FROM jsonb_to_recordset($2::jsonb) AS remote (
       id bigint, title text, context_type text, context_id bigint, workflow_state text, points_based boolean,
       scaling_factor numeric, data_version smallint, scheme jsonb)
  LEFT JOIN LATERAL (
       SELECT version.*
         FROM grading_standard_version AS version
        WHERE version.root_account_uuid = $1 AND version.id = remote.id AND version.valid_from <= $3
        ORDER BY version.valid_from DESC, version.imported_at DESC
        LIMIT 1) AS held ON true
 CROSS JOIN LATERAL (SELECT CASE held.workflow_state WHEN 'archived' THEN 'archived' ELSE remote.workflow_state END) AS state (now)
