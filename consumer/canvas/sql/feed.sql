-- What the feed has told of some objects, newest first.
SELECT told.*
  FROM {table}_version AS told
 WHERE told.root_account_uuid = $1 AND told.id = ANY ($2::bigint[]) AND told.event_name <> '{table}_backfilled'
 ORDER BY told.id, told.event_time DESC, told.event_name DESC, told.updated_at DESC NULLS LAST, told.version_hash DESC
