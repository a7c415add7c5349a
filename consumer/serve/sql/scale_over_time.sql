-- Which scale applied to a course or account, as periods, and its owner. Periods can begin at any event of a scale, a method or the
-- tree: rollup_moment has those of a course and of the root, `above` adds those of the accounts above an account.
WITH RECURSIVE above (id) AS (
    SELECT $3::bigint WHERE $2 = 'Account'
     UNION
    SELECT v.parent_account_id
      FROM above
      JOIN account_version AS v ON v.root_account_uuid = $1 AND v.id = above.id
     WHERE v.parent_account_id IS NOT NULL
),
moment AS (
    SELECT m.at FROM outcomes_internal.rollup_moment($1, CASE WHEN $2 = 'Course' THEN $3 END, NULL, NULL) AS m
     UNION
    SELECT v.event_time
      FROM above
      JOIN account_version AS v ON v.root_account_uuid = $1 AND v.id = above.id
     UNION
    SELECT v.event_time
      FROM above
      JOIN outcome_proficiency_version AS owned
        ON owned.root_account_uuid = $1 AND owned.context_type = 'Account' AND owned.context_id = above.id
      JOIN outcome_proficiency_version AS v ON v.root_account_uuid = $1 AND v.id = owned.id
),
state AS (
    SELECT moment.at, s.outcome_proficiency_id, s.scale_owner_type, s.scale_owner_id, s.outcome_proficiency_ratings,
           ROW(s.outcome_proficiency_id, s.scale_owner_type, s.scale_owner_id, s.outcome_proficiency_ratings) AS state
      FROM moment
      LEFT JOIN LATERAL outcomes_internal.resolved_outcome_proficiency($1, $2, $3, moment.at) AS s ON true
),
changed AS (
    SELECT state.*, lag(state.state) OVER (ORDER BY state.at) AS before FROM state
)
SELECT c.at AS valid_from, lead(c.at) OVER (ORDER BY c.at) AS valid_to, c.outcome_proficiency_id, c.scale_owner_type, c.scale_owner_id,
       c.outcome_proficiency_ratings
  FROM changed AS c
 WHERE c.before IS NULL AND c.outcome_proficiency_id IS NOT NULL OR c.before IS NOT NULL AND c.state IS DISTINCT FROM c.before
 ORDER BY c.at
