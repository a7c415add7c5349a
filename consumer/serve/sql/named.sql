-- Whether any event names a course or account ($3) up to a moment: the feed may have begun after its own event. A statement of its
-- own, because to start one over so many tables takes longer than most answers.
SELECT EXISTS (
        SELECT
          FROM (SELECT root_account_uuid, context_type, context_id, event_time FROM outcome_proficiency_version
                 UNION ALL
                SELECT root_account_uuid, context_type, context_id, event_time FROM outcome_calculation_method_version
                 UNION ALL
                SELECT root_account_uuid, context_type, context_id, event_time FROM learning_outcome_link_version
                 UNION ALL
                SELECT root_account_uuid, context_type, context_id, event_time FROM learning_outcome_group_version
                 UNION ALL
                SELECT root_account_uuid, context_type, context_id, valid_from FROM grading_standard_version
                 UNION ALL
                SELECT root_account_uuid, 'Course', result_context_id, event_time
                  FROM learning_outcome_result_version
                 WHERE coalesce(result_context_type, 'Course') = 'Course'
                 UNION ALL
                SELECT root_account_uuid, 'Course', course_id, event_time FROM outcome_alignment_version
                 UNION ALL
                SELECT root_account_uuid, 'Course', outcomes_internal.local_id(metadata ->> 'context_id'), event_time
                  FROM context_hint
                 WHERE metadata ->> 'context_type' = 'Course' AND metadata ? 'context_account_id'
                 UNION ALL
                SELECT root_account_uuid, 'Account', parent_account_id, event_time FROM account_version
                 UNION ALL
                SELECT root_account_uuid, 'Account', account_id, event_time FROM course_version
                 UNION ALL -- the last one: it has no index by context
                SELECT root_account_uuid, context_type, context_id, event_time FROM learning_outcome_version
               ) AS named (root_account_uuid, context_type, context_id, at)
         WHERE named.root_account_uuid = $1 AND named.context_type = $2 AND named.context_id = $3::bigint
           AND named.at <= coalesce($4::timestamptz, 'infinity'))
    OR $2 = 'Account' AND $3 = outcomes_internal.root_account($1, $4) AS known
