-- Upserts the newest version of each object if it is newer than the current row. Returns the ids of the rows it wrote, by tenant: to
-- count them by partition here would be a join with the stage, which takes a twentieth of the server's time.
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
SELECT root_account_uuid, array_agg(id) AS ids
  FROM replaced
 GROUP BY root_account_uuid
