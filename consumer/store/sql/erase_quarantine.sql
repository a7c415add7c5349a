-- Takes records out of quarantine; the books count their events as erased.
WITH gone AS (
    DELETE FROM quarantine WHERE id = ANY ($1::bigint[]) RETURNING source, partition
)
UPDATE stream_position AS position
   SET quarantined = position.quarantined - went.records, erased = position.erased + went.records, updated_at = now()
  FROM (SELECT source, partition, count(*) AS records FROM gone GROUP BY source, partition) AS went
 WHERE position.source = went.source AND position.partition = went.partition
