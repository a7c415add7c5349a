-- The states of the scales that a course or account owned, as periods; Canvas keeps one row for each context.
SELECT h.*
  FROM outcome_proficiency_history AS h
 WHERE h.root_account_uuid = $1
   AND h.id IN (SELECT v.id FROM outcome_proficiency_version AS v
                 WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = $3)
 ORDER BY h.valid_from, h.id
