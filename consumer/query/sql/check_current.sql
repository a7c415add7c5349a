-- Objects whose current row is not the newest of their versions, whole.
WITH newest AS (
    SELECT DISTINCT ON (root_account_uuid, id) {columns}
      FROM {table}_version
     ORDER BY root_account_uuid, id, event_time DESC, event_name DESC, coalesce(updated_at, '-infinity') DESC, version_hash DESC
)
SELECT format('{table} %s of %s: %s', id, root_account_uuid,
              CASE WHEN newest.event_time IS NULL THEN 'has no version'
                   WHEN current.event_time IS NULL THEN 'has no current row'
                   ELSE 'is not the newest of its versions' END) AS sentence
  FROM newest
  FULL JOIN {table} AS current USING (root_account_uuid, id)
 WHERE ROW({newest}) IS DISTINCT FROM ROW({current})
