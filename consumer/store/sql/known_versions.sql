-- Numbers, from 1, of the given versions that are stored already.
SELECT array_agg(number)
  FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[])
       WITH ORDINALITY AS given (root_account_uuid, id, event_time, version_hash, number)
  JOIN {table}_version USING (root_account_uuid, id, event_time, version_hash)
