-- Enrolments of a course that are not deleted, and that Canvas did not show in a list that began at $4. A section that was cross-listed
-- after the enrolment was told has taken it along, without an event of it: then it is where the section is.
SELECT held.*
  FROM enrollment AS held
  LEFT JOIN course_section AS moved
    ON moved.root_account_uuid = held.root_account_uuid AND moved.id = held.course_section_id AND moved.event_time > held.event_time
 WHERE held.root_account_uuid = $1 AND $2 = 'Course'
   AND (held.course_id = $3
        OR held.course_section_id IN (SELECT section.id FROM course_section AS section
                                       WHERE section.root_account_uuid = $1 AND section.course_id = $3))
   AND coalesce(moved.course_id, held.course_id) = $3
   AND held.workflow_state <> 'deleted' AND held.event_time <= $4
   AND NOT EXISTS (SELECT FROM unnest($5::bigint[]) AS shown (id) WHERE shown.id = held.id)
 ORDER BY held.id
