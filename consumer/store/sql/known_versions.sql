-- Numbers, from 1, of those versions that are there already.
SELECT array_agg(number)
  FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[])
       WITH ORDINALITY AS asked (root_account_uuid, id, event_time, version_hash, number)
  JOIN {table}_version USING (root_account_uuid, id, event_time, version_hash)
