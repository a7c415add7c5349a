-- The names of some users of a tenant; none where this login may not read names.
SELECT user_id, name, short_name, sortable_name, login, sis_user_id
  FROM outcomes_internal.readable_names($1, $2::bigint[])
