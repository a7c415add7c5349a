-- The books keep the number of retired versions.
INSERT INTO retired_version AS known (table_name, source, partition, until, versions, known_from)
SELECT $1, *
  FROM unnest($2::text[], $3::integer[], $4::timestamptz[], $5::bigint[], $6::timestamptz[])
    ON CONFLICT (table_name, source, partition, until) DO UPDATE
   SET versions = known.versions + excluded.versions,
       known_from = greatest(known.known_from, excluded.known_from),
       retired_at = excluded.retired_at
