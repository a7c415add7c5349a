-- What a row of these tables is taken out by. Of the versioned ones the version tables have the same columns.
CREATE OR REPLACE FUNCTION outcomes_internal.person_column()
RETURNS TABLE (table_name text, column_name text, kind text, value text, condition text) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    VALUES ('canvas_user', 'id', 'user', 'v.id', 'v.id = ANY ($2)'),
           ('canvas_user', 'uuid', 'uuid', 'v.uuid', 'v.uuid = ANY ($3)'),
           ('enrollment', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)'),
           ('enrollment', 'user_uuid', 'uuid', 'v.user_uuid', 'v.user_uuid = ANY ($3)'),
           ('enrollment', 'associated_user_id', 'user', 'v.associated_user_id', 'v.associated_user_id = ANY ($2)'),
           ('enrollment_state', 'id', 'enrollment', 'v.id', 'v.id = ANY ($4)'),
           ('learning_outcome_result', 'user_uuid', 'uuid', 'v.user_uuid', 'v.user_uuid = ANY ($3)'),
           ('learning_outcome_result', 'user_uuid', 'user', $v$CASE WHEN v.user_uuid LIKE 'id:%' THEN substr(v.user_uuid, 4) END$v$,
            'v.user_uuid = ANY (SELECT ''id:'' || u FROM unnest($2) u)'),
           ('rubric_assessment', 'id', 'rubric_assessment', 'v.id', 'v.id = ANY ($6)'),
           ('rubric_assessment', 'artifact_id', 'submission', $v$CASE WHEN v.artifact_type = 'Submission' THEN v.artifact_id END$v$,
            $v$v.artifact_type = 'Submission' AND v.artifact_id = ANY ($5)$v$),
           ('submission', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)'),
           ('user_merge', 'id', 'user', 'v.id', 'v.id = ANY ($2)'),
           ('user_merge', 'merged_into_user_id', 'user', 'v.merged_into_user_id', 'v.merged_into_user_id = ANY ($2)'),
           ('person_name', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)'),
           ('user_identity', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)'),
           ('user_identity', 'user_uuid', 'uuid', 'v.user_uuid', 'v.user_uuid = ANY ($3)'),
           ('user_past_uuid', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)'),
           ('user_past_uuid', 'user_uuid', 'uuid', 'v.user_uuid', 'v.user_uuid = ANY ($3)')
$$;
COMMENT ON FUNCTION outcomes_internal.person_column IS
    'Columns that say whose a row is: the kind of key, its value in a row v, and which rows go with the users $2, uuids $3, enrolments '
    '$4, submissions $5 and rubric assessments $6.';
