-- Keeps what versions' metadata say about the tree (view context_hint): the newest account of each course, the newest root account,
-- and the first version that names each root account.
INSERT INTO {into}
(SELECT DISTINCT ON (root_account_uuid, outcomes_internal.local_id(metadata ->> 'context_id')) *
   FROM {table}
  WHERE event_time < $1 AND metadata ->> 'context_type' = 'Course' AND metadata ? 'context_account_id'
  ORDER BY root_account_uuid, outcomes_internal.local_id(metadata ->> 'context_id'), event_time DESC, outcomes_internal.local_id(metadata ->> 'context_account_id') DESC)
UNION ALL
(SELECT DISTINCT ON (root_account_uuid) *
   FROM {table}
  WHERE event_time < $1 AND metadata ? 'root_account_id'
  ORDER BY root_account_uuid, event_time DESC, outcomes_internal.local_id(metadata ->> 'root_account_id'))
UNION ALL
(SELECT DISTINCT ON (root_account_uuid, outcomes_internal.local_id(metadata ->> 'root_account_id')) *
   FROM {table}
  WHERE event_time < $1 AND metadata ? 'root_account_id'
  ORDER BY root_account_uuid, outcomes_internal.local_id(metadata ->> 'root_account_id'), event_time)
    ON CONFLICT DO NOTHING
