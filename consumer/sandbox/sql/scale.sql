-- The newest scale of a course or account, deleted or not, or nulls; and the highest ids of this tenant's scales and ratings.
SELECT s.*, ids.scale AS highest_id,
       (SELECT max((rating ->> 'outcome_proficiency_rating_id')::bigint)
          FROM outcome_proficiency AS each
         CROSS JOIN LATERAL jsonb_array_elements(each.outcome_proficiency_ratings) AS rating
         WHERE each.root_account_uuid = $1) AS highest_rating_id
  FROM (SELECT max(each.id) AS scale FROM outcome_proficiency AS each WHERE each.root_account_uuid = $1) AS ids
  LEFT JOIN LATERAL (
        SELECT newest.*
          FROM outcome_proficiency AS newest
         WHERE newest.root_account_uuid = $1 AND newest.context_type = $2 AND newest.context_id = $3
         ORDER BY newest.event_time DESC, newest.id DESC
         LIMIT 1) AS s ON true
