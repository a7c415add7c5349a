-- For the demo: a course whose mastery scale changed in mid-term, a rollup of it with results enough to tell something and few enough for a
-- terminal, and a whole minute before the change.
SELECT r.course_id, r.user_uuid, r.learning_outcome_id, earlier.moment AS before
  FROM course AS c
 CROSS JOIN LATERAL mastery_setting(c.root_account_uuid, 'Course', c.id, NULL) AS s
 CROSS JOIN LATERAL date_trunc('minute', s.scale_since - interval '1 minute', 'UTC') AS earlier(moment)
  JOIN outcome_rollup AS r ON r.root_account_uuid = c.root_account_uuid AND r.course_id = c.id
 WHERE EXISTS (SELECT
                 FROM outcome_rollup_at(c.root_account_uuid, c.id, earlier.moment) AS was
                WHERE was.user_uuid = r.user_uuid AND was.learning_outcome_id = r.learning_outcome_id
                  AND was.points_possible <> r.points_possible)
 ORDER BY s.scale_owner_type, abs(r.results - 4), r.user_uuid LIKE 'id:%' DESC, r.course_id, r.user_uuid, r.learning_outcome_id
 LIMIT 1
