-- The accounts above each of these courses, or accounts ($2, $3) with themselves, today: a right holds where things are now.
SELECT asked.id, array_agg(c.owner_id) AS accounts
  FROM unnest($3::bigint[]) AS asked (id)
 CROSS JOIN LATERAL outcomes_internal.account_chain($1, $2, asked.id, NULL) AS c
 WHERE c.owner_type = 'Account'
 GROUP BY asked.id
