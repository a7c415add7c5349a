-- Suppresses people and takes them out: keys of a tenant by their kinds. Returns how many rows went, by table and partition.
SELECT place, sum(entries)::bigint AS entries
  FROM outcomes_internal.suppress($1, $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
 GROUP BY place
