-- Where the given partitions stand; one that was never read has no row.
SELECT position.source, position.partition, position.next_position
  FROM unnest($1::text[], $2::integer[]) AS asked (source, partition)
  JOIN stream_position AS position USING (source, partition)
