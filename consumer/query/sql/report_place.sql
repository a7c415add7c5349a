-- Of an account's report: whether anything is known of the account ($2; null: the root account), and how the root account writes
-- addresses and times.
SELECT asked.id, asked.id = root.id AS is_root, EXISTS (SELECT FROM account_descendants($1, asked.id, $3, $4)) AS known,
       a.domain, a.default_time_zone, account_level_scales($1, $3, $4) AS account_level
  FROM outcomes_internal.root_account($1, $3, $4) AS root (id)
 CROSS JOIN LATERAL (SELECT coalesce($2::bigint, root.id)) AS asked (id)
  LEFT JOIN LATERAL account_at($1, root.id, $3, $4) AS a ON true
