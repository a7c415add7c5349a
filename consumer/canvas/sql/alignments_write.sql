-- Adds states of alignments. Each was judged by the state of `judged`, null for none; where another one was added meanwhile, what
-- says the same or is older is left. So is one that is there already: it was written before the connection was lost.
INSERT INTO outcome_alignment_version
       (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url,
        event_time, source)
SELECT $1, $2, told.learning_outcome_id, told.asset_type, told.asset_id, told.workflow_state, told.title, told.submission_types,
       told.url, told.event_time, $3
  FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[],
              $12::timestamptz[])
       AS told (learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url, event_time, judged)
  LEFT JOIN LATERAL (
       SELECT version.*
         FROM outcome_alignment_version AS version
        WHERE version.root_account_uuid = $1 AND version.course_id = $2
          AND version.learning_outcome_id = told.learning_outcome_id
          AND version.asset_type = told.asset_type AND version.asset_id = told.asset_id
        ORDER BY version.event_time DESC
        LIMIT 1) AS newest ON true
 WHERE newest.event_time IS NOT DISTINCT FROM told.judged
    OR (newest.event_time < told.event_time
        AND ROW(newest.workflow_state, newest.title, newest.submission_types, newest.url)
            IS DISTINCT FROM ROW(told.workflow_state, told.title, told.submission_types, told.url))
    ON CONFLICT DO NOTHING
