-- Whether a course or account ($3; null: the root account) is known at a moment and not deleted, and from when on moments can be
-- asked for. Its own event tells best; else it is known where anything names it: the feed may have begun after it was made.
SELECT asked.id, history_begins() AS begins, account_level_scales($1, $4) AS account_level,
       CASE
           WHEN own.workflow_state IS NOT NULL THEN own.workflow_state <> 'deleted'
           WHEN asked.id IS NULL THEN false
           ELSE EXISTS (SELECT FROM outcome_proficiency_version AS v
                         WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = asked.id
                           AND v.event_time <= coalesce($4, 'infinity'))
             OR EXISTS (SELECT FROM outcome_calculation_method_version AS v
                         WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = asked.id
                           AND v.event_time <= coalesce($4, 'infinity'))
             OR EXISTS (SELECT FROM learning_outcome_link_version AS v
                         WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = asked.id
                           AND v.event_time <= coalesce($4, 'infinity'))
             OR $2 = 'Course' AND (
                EXISTS (SELECT FROM learning_outcome_result_version AS v
                         WHERE v.root_account_uuid = $1 AND v.result_context_id = asked.id
                           AND coalesce(v.result_context_type, 'Course') = 'Course' AND v.event_time <= coalesce($4, 'infinity'))
                OR EXISTS (SELECT FROM outcome_alignment_version AS v
                            WHERE v.root_account_uuid = $1 AND v.course_id = asked.id AND v.event_time <= coalesce($4, 'infinity'))
                OR EXISTS (SELECT FROM context_hint AS h
                            WHERE h.root_account_uuid = $1
                              AND h.metadata ->> 'context_type' = 'Course' AND h.metadata ? 'context_account_id'
                              AND local_id(h.metadata ->> 'context_id') = asked.id AND h.event_time <= coalesce($4, 'infinity')))
             OR $2 = 'Account' AND (
                asked.id = root_account($1, $4)
                OR EXISTS (SELECT FROM account_version AS v
                            WHERE v.root_account_uuid = $1 AND v.parent_account_id = asked.id
                              AND v.event_time <= coalesce($4, 'infinity'))
                OR EXISTS (SELECT FROM course_version AS v
                            WHERE v.root_account_uuid = $1 AND v.account_id = asked.id AND v.event_time <= coalesce($4, 'infinity')))
             OR EXISTS (SELECT FROM learning_outcome_group_version AS v
                         WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = asked.id
                           AND v.event_time <= coalesce($4, 'infinity'))
             OR EXISTS (SELECT FROM learning_outcome_version AS v
                         WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = asked.id
                           AND v.event_time <= coalesce($4, 'infinity'))
             OR EXISTS (SELECT FROM grading_standard_version AS v
                         WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = asked.id
                           AND v.valid_from <= coalesce($4, now()))
       END AS known
  FROM (SELECT CASE WHEN $3::bigint IS NULL THEN root_account($1, $4) ELSE $3 END AS id) AS asked
  LEFT JOIN LATERAL (
        SELECT coalesce(c.workflow_state, 'active') FROM course_at($1, asked.id, $4) AS c WHERE $2 = 'Course'
         UNION ALL
        SELECT coalesce(a.workflow_state, 'active') FROM account_at($1, asked.id, $4) AS a WHERE $2 = 'Account') AS own (workflow_state)
    ON true
