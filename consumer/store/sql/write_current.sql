-- Upserts the newest version of each object if it is newer than the current row. Returns per partition how many rows it wrote.
WITH replaced AS (
    INSERT INTO {table} AS current ({columns})
    SELECT {columns}
      FROM stage_{table}
     WHERE newest
        ON CONFLICT (root_account_uuid, id) DO UPDATE
       SET ({assigned}) = ROW ({excluded})
     WHERE (excluded.event_time, excluded.event_name, coalesce(excluded.updated_at, '-infinity'), excluded.version_hash)
         > (current.event_time, current.event_name, coalesce(current.updated_at, '-infinity'), current.version_hash)
    RETURNING root_account_uuid, id
)
SELECT stage.source, stage.partition, count(*) AS events
  FROM replaced
  JOIN stage_{table} stage USING (root_account_uuid, id)
 WHERE stage.newest
 GROUP BY stage.source, stage.partition
