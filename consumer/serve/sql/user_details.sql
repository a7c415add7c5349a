-- What is known of these users ($2) at a moment, without their names; in a course ($4) also the uuid by which tools there still know one.
SELECT asked.id, u.created_at, u.workflow_state, m.merged_into_user_id, past.user_uuid AS past_uuid,
       identity.user_uuid AS uuid
  FROM unnest($2::bigint[]) AS asked (id)
  LEFT JOIN LATERAL canvas_user_at($1, asked.id, $3) AS u ON true
  LEFT JOIN outcomes_internal.user_uuids($1, $2, $3, NULL) AS identity ON identity.user_id = asked.id
  LEFT JOIN LATERAL user_merge_at($1, asked.id, $3) AS m ON true
  LEFT JOIN LATERAL (
        SELECT p.user_uuid
          FROM user_past_uuid AS p
         WHERE p.root_account_uuid = $1 AND p.course_id = $4::bigint AND p.user_id = asked.id AND p.since <= coalesce($3, 'infinity')
         ORDER BY p.since DESC, p.user_uuid
         LIMIT 1) AS past ON true
