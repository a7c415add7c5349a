-- The newest scale of a context, and Canvas' id of it. Negative ids are made up by backfills.
SELECT scale.*, max(scale.id) FILTER (WHERE scale.id > 0) OVER () AS canvas_id
  FROM outcome_proficiency AS scale
 WHERE scale.root_account_uuid = $1
   AND scale.id IN (SELECT version.id FROM outcome_proficiency_version AS version
                     WHERE version.root_account_uuid = $1 AND version.context_type = $2 AND version.context_id = $3)
   AND scale.context_type = $2 AND scale.context_id = $3
 ORDER BY scale.event_time DESC, scale.event_name DESC, scale.updated_at DESC NULLS LAST, scale.version_hash DESC
 LIMIT 1
