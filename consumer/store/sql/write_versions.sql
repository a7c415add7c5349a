-- Adds the versions that are new, in the order of the stage (by key). Returns how many per partition.
WITH added AS (
    INSERT INTO {table}_version ({columns})
    SELECT {columns}
      FROM stage_{table}
        ON CONFLICT DO NOTHING
    RETURNING source, partition
)
SELECT source, partition, count(*) AS events
  FROM added
 GROUP BY source, partition
