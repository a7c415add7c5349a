-- Which of the told grading standards differ from what held when they were told. How bounds were stored is no difference; REST tells
-- no state, so one that is archived stays so.
SELECT told.id, held.id IS NOT NULL AS known,
       ROW(told.title, told.context_type, told.context_id, state.now, told.points_based, told.scaling_factor,
           normal_grading_scheme(told.scheme))
       IS DISTINCT FROM
       ROW(held.title, held.context_type, held.context_id, held.workflow_state, held.points_based, held.scaling_factor,
           held.grading_scheme) AS differs,
       EXISTS (SELECT FROM grading_standard AS current
                WHERE current.root_account_uuid = $1 AND current.id = told.id AND current.valid_from > $3) AS newer,
       jsonb_build_object('title', held.title, 'context_type', held.context_type, 'context_id', held.context_id,
                          'workflow_state', held.workflow_state, 'points_based', held.points_based,
                          'scaling_factor', held.scaling_factor, 'grading_scheme', held.grading_scheme) AS ours,
       jsonb_build_object('title', told.title, 'context_type', told.context_type, 'context_id', told.context_id,
                          'workflow_state', state.now, 'points_based', told.points_based,
                          'scaling_factor', told.scaling_factor, 'grading_scheme', normal_grading_scheme(told.scheme)) AS canvas
  FROM jsonb_to_recordset($2::jsonb) AS told (
       id bigint, title text, context_type text, context_id bigint, workflow_state text, points_based boolean,
       scaling_factor numeric, data_version smallint, scheme jsonb)
  LEFT JOIN LATERAL (
       SELECT version.*
         FROM grading_standard_version AS version
        WHERE version.root_account_uuid = $1 AND version.id = told.id AND version.valid_from <= $3
        ORDER BY version.valid_from DESC, version.imported_at DESC
        LIMIT 1) AS held ON true
 CROSS JOIN LATERAL (SELECT CASE held.workflow_state WHEN 'archived' THEN 'archived' ELSE told.workflow_state END) AS state (now)
