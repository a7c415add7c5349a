-- The positions of the given partitions. A partition that was never read has no row.
SELECT position.source, position.partition, position.next_position
  FROM unnest($1::text[], $2::integer[]) AS given (source, partition)
  JOIN stream_position AS position USING (source, partition)
