-- One outcome at a moment, whether account-level scales are on then, and whether it has a result by then.
SELECT o.*, account_level_scales($1, $3) AS account_level, friendly.description AS friendly_description,
       EXISTS (SELECT FROM learning_outcome_result AS r
                WHERE r.root_account_uuid = $1 AND r.learning_outcome_id = o.id
                  AND r.created_at <= coalesce($3, 'infinity')) AS assessed
  FROM learning_outcome_at($1, $2, $3) AS o
  LEFT JOIN LATERAL (
        SELECT f.description
          FROM (SELECT DISTINCT v.id
                  FROM outcome_friendly_description_version AS v
                 WHERE v.root_account_uuid = $1 AND v.learning_outcome_id = o.id) AS seen
         CROSS JOIN LATERAL outcome_friendly_description_at($1, seen.id, $3) AS f
         WHERE f.learning_outcome_id = o.id AND f.context_type = o.context_type AND f.context_id = o.context_id
           AND f.workflow_state = 'active'
         ORDER BY f.event_time DESC, f.id DESC
         LIMIT 1) AS friendly ON true
