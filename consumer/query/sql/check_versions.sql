-- Books that disagree with the version tables: applied + superseded is the number of versions that came from there,
-- those that were retired included.
WITH counted AS (
    SELECT source, partition, sum(versions)::bigint AS versions
      FROM ({counts} UNION ALL SELECT source, partition, versions FROM retired_version) AS tables
     GROUP BY source, partition
)
SELECT format('%s-%s: %s applied and superseded, %s versions', source, partition,
              coalesce(applied + superseded, 0), coalesce(versions, 0)) AS sentence
  FROM stream_position
  FULL JOIN counted USING (source, partition)
 WHERE coalesce(applied + superseded, 0) <> coalesce(versions, 0)
