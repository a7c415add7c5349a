-- Books that disagree with quarantine. A retried record has left it for what became of it.
WITH counted AS (
    SELECT source, partition, count(*) AS records
      FROM quarantine
     WHERE state <> 'retried'
     GROUP BY source, partition
)
SELECT format('%s-%s: %s quarantined, %s in quarantine', source, partition,
              coalesce(quarantined, 0), coalesce(records, 0)) AS sentence
  FROM stream_position
  FULL JOIN counted USING (source, partition)
 WHERE coalesce(quarantined, 0) <> coalesce(records, 0)
