-- Canvas has shown the whole roster of a course, and all of it is written.
INSERT INTO roster_reading (root_account_uuid, course_id, event_time)
VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
