-- Where the partitions of a topic begin that this database has never read, in one statement: two workers that start at once see
-- all of them or none.
INSERT INTO stream_position (source, partition, next_position)
SELECT *
  FROM unnest($1::text[], $2::integer[], $3::bigint[])
    ON CONFLICT (source, partition) DO NOTHING
