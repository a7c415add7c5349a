-- Creates the positions of partitions, or of a file, that this database has never read. One statement: of two workers that start at
-- once, each sees all of them or none.
INSERT INTO stream_position (source, partition, next_position, label)
SELECT *
  FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::text[])
    ON CONFLICT (source, partition) DO NOTHING
