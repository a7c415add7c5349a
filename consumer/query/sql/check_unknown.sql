-- Values of unknown members of no version, and such as readers can see.
SELECT format('%s %s of %s: values of unknown members and no such version', table_name, value.id, value.root_account_uuid) AS sentence
  FROM unknown_value AS value
 WHERE table_name = '{table}'
   AND NOT EXISTS (SELECT
                     FROM {table}_version AS version
                    WHERE (version.root_account_uuid, version.id, version.event_time, version.version_hash)
                        = (value.root_account_uuid, value.id, value.event_time, value.version_hash))
UNION ALL
SELECT format('%s %s of %s: values of unknown members in readers'' sight', '{table}', id, root_account_uuid)
  FROM (SELECT root_account_uuid, id FROM {table} WHERE extra IS NOT NULL
         UNION ALL
        SELECT root_account_uuid, id FROM {table}_version WHERE extra IS NOT NULL) AS seen
