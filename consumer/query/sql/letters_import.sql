-- Adds the told states that differ from what held at that time, and moves the current rows on. Answers for each told standard.
WITH moment AS (
    SELECT clock_timestamp() AS now
), told AS (
    SELECT entry.id, entry.title, entry.context_type, entry.context_id, entry.workflow_state, entry.points_based,
           entry.scaling_factor, entry.data_version,
           CASE entry.data_version WHEN 1 THEN grading_scheme_of_version_1(entry.scheme)
                                   ELSE normal_grading_scheme(entry.scheme) END AS grading_scheme,
           coalesce($3::timestamptz, moment.now) AS valid_from, moment.now AS imported_at
      FROM moment
     CROSS JOIN jsonb_to_recordset($2::jsonb) AS entry (
           id bigint, title text, context_type text, context_id bigint, workflow_state text, points_based boolean,
           scaling_factor numeric, data_version smallint, scheme jsonb)
), added AS (
    INSERT INTO grading_standard_version
           (root_account_uuid, id, title, context_type, context_id, workflow_state, points_based, scaling_factor, data_version,
            grading_scheme, valid_from, imported_at)
    SELECT $1, told.*
      FROM told
      LEFT JOIN LATERAL (
           SELECT version.*
             FROM grading_standard_version AS version
            WHERE version.root_account_uuid = $1 AND version.id = told.id AND version.valid_from <= told.valid_from
            ORDER BY version.valid_from DESC, version.imported_at DESC
            LIMIT 1) AS held ON true
     WHERE ROW(held.title, held.context_type, held.context_id, held.workflow_state, held.points_based, held.scaling_factor,
               held.data_version, held.grading_scheme)
           IS DISTINCT FROM
           ROW(told.title, told.context_type, told.context_id, told.workflow_state, told.points_based, told.scaling_factor,
               told.data_version, told.grading_scheme)
    RETURNING *
), moved AS (
    INSERT INTO grading_standard AS current
    SELECT * FROM added
    ON CONFLICT (root_account_uuid, id) DO UPDATE
       SET title = excluded.title,
           context_type = excluded.context_type,
           context_id = excluded.context_id,
           workflow_state = excluded.workflow_state,
           points_based = excluded.points_based,
           scaling_factor = excluded.scaling_factor,
           data_version = excluded.data_version,
           grading_scheme = excluded.grading_scheme,
           valid_from = excluded.valid_from,
           imported_at = excluded.imported_at
     WHERE current.valid_from <= excluded.valid_from
    RETURNING id
)
SELECT told.*,
       EXISTS (SELECT FROM added WHERE added.id = told.id) AS added,
       EXISTS (SELECT FROM moved WHERE moved.id = told.id) AS moved
  FROM told
 ORDER BY told.id
