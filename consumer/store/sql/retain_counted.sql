-- If a result does not count at the cutoff, keeps the newest version that did: a timeline then shows a restored result, not a new one.
INSERT INTO {into}
SELECT DISTINCT ON (version.root_account_uuid, version.id) version.*
  FROM {into} AS held
  JOIN {table} AS version USING (root_account_uuid, id)
 WHERE (held.workflow_state = 'active' AND held.score IS NOT NULL) IS NOT TRUE
   AND version.workflow_state = 'active' AND version.score IS NOT NULL AND version.event_time < $1
 ORDER BY version.root_account_uuid DESC, version.id DESC, version.event_time DESC, version.event_name DESC,
       version.updated_at DESC NULLS LAST, version.version_hash DESC
    ON CONFLICT DO NOTHING
