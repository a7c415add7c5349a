-- Courses whose rosters a SIS import may have changed without events.
SELECT course_id
  FROM roster_due
 WHERE root_account_uuid = $1
