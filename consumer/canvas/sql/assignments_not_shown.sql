-- Published assignments of a course that Canvas did not show in a list that began at $4. Unpublished ones need a permission.
SELECT held.*
  FROM assignment AS held
 WHERE held.root_account_uuid = $1 AND held.context_type = $2 AND held.context_id = $3
   AND held.workflow_state = 'published' AND held.event_time <= $4
   AND NOT EXISTS (SELECT FROM unnest($5::bigint[]) AS shown (id) WHERE shown.id = held.id)
 ORDER BY held.id
