-- The shard of a tenant, by the global id of its root account, else by what the newest request or event told; null where nothing did.
SELECT coalesce(
           (SELECT a.global_id FROM account AS a WHERE a.root_account_uuid = $1 AND a.id = outcomes_internal.root_account($1, NULL)),
           (SELECT (h.metadata ->> 'root_account_id')::bigint
              FROM context_hint AS h
             WHERE h.root_account_uuid = $1 AND h.metadata ? 'root_account_id' AND outcomes_internal.local_id(h.metadata ->> 'root_account_id') IS NOT NULL
             ORDER BY h.event_time DESC
             LIMIT 1),
           (SELECT c.global_id FROM course AS c WHERE c.root_account_uuid = $1 AND c.global_id IS NOT NULL ORDER BY c.event_time DESC LIMIT 1)
       ) / 10000000000000 AS shard
