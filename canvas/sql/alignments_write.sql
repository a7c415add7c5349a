-- Adds states of alignments; one that is there already was written before the connection was lost.
INSERT INTO outcome_alignment_version
       (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url,
        event_time, source)
SELECT $1, $2, told.learning_outcome_id, told.asset_type, told.asset_id, told.workflow_state, told.title, told.submission_types,
       told.url, told.event_time, $3
  FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[])
       AS told (learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url, event_time)
    ON CONFLICT DO NOTHING
