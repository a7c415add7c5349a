-- Brings in what a batch tells of people's names. Of all that events ever told of a person, and of all that REST told, the newest
-- telling is kept, so that neither order nor repetition matters. Sorted: two writers must lock in the same order.
WITH told AS (
    SELECT root_account_uuid, user_id,
           (array_agg(telling ORDER BY (telling ->> 'event_time') COLLATE "C" DESC, telling::text COLLATE "C" DESC)
               FILTER (WHERE NOT rest))[1] AS by_event,
           (array_agg(telling ORDER BY (telling ->> 'event_time') COLLATE "C" DESC, telling::text COLLATE "C" DESC)
               FILTER (WHERE rest))[1] AS by_rest
      FROM unnest($1::text[], $2::bigint[], $3::jsonb[], $4::boolean[]) AS told (root_account_uuid, user_id, telling, rest)
     GROUP BY root_account_uuid, user_id
)
INSERT INTO person_name AS known
       (root_account_uuid, user_id, by_event, by_rest, name, short_name, sortable_name, login, sis_user_id, told_at)
SELECT told.*, names.*
  FROM told
 CROSS JOIN outcomes_internal.newest_names(by_event, by_rest) AS names
 ORDER BY root_account_uuid, user_id
    ON CONFLICT (root_account_uuid, user_id) DO UPDATE
   SET (by_event, by_rest, name, short_name, sortable_name, login, sis_user_id, told_at) = (
           SELECT event, rest, names.*
             FROM outcomes_internal.newer_names(known.by_event, excluded.by_event) AS event
            CROSS JOIN outcomes_internal.newer_names(known.by_rest, excluded.by_rest) AS rest
            CROSS JOIN outcomes_internal.newest_names(event, rest) AS names)
 WHERE outcomes_internal.newer_names(known.by_event, excluded.by_event) IS DISTINCT FROM known.by_event
    OR outcomes_internal.newer_names(known.by_rest, excluded.by_rest) IS DISTINCT FROM known.by_rest
