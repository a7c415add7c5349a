-- The feed's versions of some objects, newest first.
SELECT version.*
  FROM {table}_version AS version
 WHERE version.root_account_uuid = $1 AND version.id = ANY ($2::bigint[]) AND version.event_name <> '{table}_backfilled'
 ORDER BY version.id, version.event_time DESC, version.event_name DESC, version.updated_at DESC NULLS LAST, version.version_hash DESC
