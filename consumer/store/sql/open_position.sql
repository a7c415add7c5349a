-- Where a partition or file begins that this database has never read.
INSERT INTO stream_position (source, partition, next_position, label)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (source, partition) DO NOTHING
