-- At one and the same moment the event is believed. Logins and SIS ids may be told by one of both alone: REST shows them to administrators.
CREATE OR REPLACE FUNCTION outcomes_internal.newest_names(by_event jsonb, by_rest jsonb,
    OUT name text, OUT short_name text, OUT sortable_name text, OUT login text, OUT sis_user_id text, OUT told_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT newer ->> 'name', newer ->> 'short_name',
           CASE WHEN by_rest ->> 'name' = newer ->> 'name' THEN by_rest ->> 'sortable_name' ELSE newer ->> 'sortable_name' END,
           coalesce(newer ->> 'login', older ->> 'login'), coalesce(newer ->> 'sis_user_id', older ->> 'sis_user_id'),
           (newer ->> 'event_time')::timestamptz
      FROM (SELECT coalesce((by_rest ->> 'event_time') COLLATE "C" > (by_event ->> 'event_time') COLLATE "C", by_event IS NULL))
           AS newest (is_rest)
     CROSS JOIN LATERAL (SELECT CASE WHEN is_rest THEN by_rest ELSE by_event END, CASE WHEN is_rest THEN by_event ELSE by_rest END)
           AS told (newer, older)
$$;
COMMENT ON FUNCTION outcomes_internal.newest_names IS
    'A person''s names, from the newest event and from what REST showed last, as person_name holds them.';
