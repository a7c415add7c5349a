-- Whether anything names a course or account ($3) by a moment: the feed may have begun after its own event. A statement of its own,
-- because beginning one that looks everywhere takes longer than most answers.
SELECT EXISTS (SELECT FROM outcome_proficiency_version AS v
               WHERE v.root_account_uuid = $1 AND v.context_type = asked.type AND v.context_id = asked.id
                 AND v.event_time <= asked.at)
   OR EXISTS (SELECT FROM outcome_calculation_method_version AS v
               WHERE v.root_account_uuid = $1 AND v.context_type = asked.type AND v.context_id = asked.id
                 AND v.event_time <= asked.at)
   OR EXISTS (SELECT FROM learning_outcome_link_version AS v
               WHERE v.root_account_uuid = $1 AND v.context_type = asked.type AND v.context_id = asked.id
                 AND v.event_time <= asked.at)
   OR asked.type = 'Course' AND (
      EXISTS (SELECT FROM learning_outcome_result_version AS v
               WHERE v.root_account_uuid = $1 AND v.result_context_id = asked.id
                 AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.event_time <= asked.at)
      OR EXISTS (SELECT FROM outcome_alignment_version AS v
                  WHERE v.root_account_uuid = $1 AND v.course_id = asked.id AND v.event_time <= asked.at)
      OR EXISTS (SELECT FROM context_hint AS h
                  WHERE h.root_account_uuid = $1
                    AND h.metadata ->> 'context_type' = 'Course' AND h.metadata ? 'context_account_id'
                    AND local_id(h.metadata ->> 'context_id') = asked.id AND h.event_time <= asked.at))
   OR asked.type = 'Account' AND (
      asked.id = root_account($1, $4)
      OR EXISTS (SELECT FROM account_version AS v
                  WHERE v.root_account_uuid = $1 AND v.parent_account_id = asked.id
                    AND v.event_time <= asked.at)
      OR EXISTS (SELECT FROM course_version AS v
                  WHERE v.root_account_uuid = $1 AND v.account_id = asked.id AND v.event_time <= asked.at))
   OR EXISTS (SELECT FROM learning_outcome_group_version AS v
               WHERE v.root_account_uuid = $1 AND v.context_type = asked.type AND v.context_id = asked.id
                 AND v.event_time <= asked.at)
   OR EXISTS (SELECT FROM learning_outcome_version AS v
               WHERE v.root_account_uuid = $1 AND v.context_type = asked.type AND v.context_id = asked.id
                 AND v.event_time <= asked.at)
   OR EXISTS (SELECT FROM grading_standard_version AS v
               WHERE v.root_account_uuid = $1 AND v.context_type = asked.type AND v.context_id = asked.id
                 AND v.valid_from <= coalesce($4, now())) AS known
  FROM (SELECT $2::text, $3::bigint, coalesce($4::timestamptz, 'infinity')) AS asked (type, id, at)
