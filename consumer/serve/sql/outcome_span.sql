-- When the first and the newest event about results of an outcome in a course was, up to a moment.
SELECT min(v.event_time) AS first, max(v.event_time) AS newest
  FROM learning_outcome_result_version AS v
 WHERE v.root_account_uuid = $1 AND v.result_context_id = $2 AND v.learning_outcome_id = $3
   AND v.event_time <= coalesce($4::timestamptz, 'infinity')
