CREATE OR REPLACE FUNCTION outcomes.outcome_alignment_at(
    tenant text, course_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.outcome_alignment LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 AS $$
    SELECT DISTINCT ON (v.learning_outcome_id, v.asset_type, v.asset_id)
           v.root_account_uuid, v.course_id, v.learning_outcome_id, v.asset_type, v.asset_id, v.workflow_state, v.title,
           v.submission_types, v.url, v.event_time
      FROM outcomes.outcome_alignment_version v
     WHERE v.root_account_uuid = coalesce(tenant, '') AND v.course_id = outcome_alignment_at.course_id
       AND v.event_time <= coalesce(at, 'infinity') AND v.recorded_at <= coalesce(known_at, 'infinity')
       AND (SELECT outcomes_internal.known_tenant(tenant))
     ORDER BY v.learning_outcome_id, v.asset_type, v.asset_id, v.event_time DESC
$$;
COMMENT ON FUNCTION outcomes.outcome_alignment_at IS
    'The alignments of a course as REST had told them by a moment, removed ones as deleted; at null is now.';
