-- All user ids and uuids of the person, or of those whom Canvas has merged, who has one of the given ones.
SELECT users, uuids
  FROM outcomes_internal.person_keys($1, $2::bigint[], $3::text[], true)
