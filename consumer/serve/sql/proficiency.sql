-- The mastery scale that applies to a course or account at a moment: its own or the nearest ancestor's. One statement with context.sql,
-- because this is the most frequent request.
SELECT asked.*, s.outcome_proficiency_ratings AS ratings
  FROM ({context.sql}) AS asked
  LEFT JOIN LATERAL outcomes_internal.resolved_outcome_proficiency($1, $2, asked.id, $4) AS s ON asked.known IS NOT false
