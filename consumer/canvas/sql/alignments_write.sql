-- Adds states of alignments. `compared_with` is the time of the state that each was compared with, null for none. If another
-- writer added a state since, one that is older or says the same is not added. After a lost connection the rows may exist already.
INSERT INTO outcome_alignment_version
       (root_account_uuid, course_id, learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url,
        event_time, source)
SELECT $1, $2, new.learning_outcome_id, new.asset_type, new.asset_id, new.workflow_state, new.title, new.submission_types,
       new.url, new.event_time, $3
  FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[],
              $12::timestamptz[])
       AS new (learning_outcome_id, asset_type, asset_id, workflow_state, title, submission_types, url, event_time, compared_with)
  LEFT JOIN LATERAL (
       SELECT version.*
         FROM outcome_alignment_version AS version
        WHERE version.root_account_uuid = $1 AND version.course_id = $2
          AND version.learning_outcome_id = new.learning_outcome_id
          AND version.asset_type = new.asset_type AND version.asset_id = new.asset_id
        ORDER BY version.event_time DESC
        LIMIT 1) AS newest ON true
 WHERE newest.event_time IS NOT DISTINCT FROM new.compared_with
    OR (newest.event_time < new.event_time
        AND ROW(newest.workflow_state, newest.title, newest.submission_types, newest.url)
            IS DISTINCT FROM ROW(new.workflow_state, new.title, new.submission_types, new.url))
    ON CONFLICT DO NOTHING
