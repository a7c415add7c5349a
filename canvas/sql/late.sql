-- Of objects whose newest version is a snapshot: the newest one that the feed has told, where it was written after that snapshot
-- was asked for ($3: or so shortly before that it may not have been seen).
SELECT version.*
  FROM {table} AS held
 CROSS JOIN LATERAL (
        SELECT told.*
          FROM {table}_version AS told
         WHERE told.root_account_uuid = held.root_account_uuid AND told.id = held.id AND told.event_name <> held.event_name
         ORDER BY told.event_time DESC, told.event_name DESC, told.updated_at DESC NULLS LAST, told.version_hash DESC
         LIMIT 1) AS version
 WHERE held.root_account_uuid = $1 AND held.id = ANY ($2::bigint[]) AND held.event_name = '{table}_backfilled'
   AND version.recorded_at > held.event_time - $3::interval
