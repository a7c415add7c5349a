-- Active sections of a course that Canvas did not show in a list that began at $4.
SELECT held.*
  FROM course_section AS held
 WHERE held.root_account_uuid = $1 AND $2 = 'Course' AND held.course_id = $3
   AND held.workflow_state = 'active' AND held.event_time <= $4
   AND NOT EXISTS (SELECT FROM unnest($5::bigint[]) AS shown (id) WHERE shown.id = held.id)
 ORDER BY held.id
