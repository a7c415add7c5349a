-- Values of unknown members that hold one of these words; each is looked at closer then.
SELECT root_account_uuid, id, event_time, version_hash, {column}::text AS text
  FROM {table}
 WHERE {column} IS NOT NULL AND EXISTS (SELECT FROM unnest($1::text[]) word WHERE position(word IN {column}::text) > 0)
