-- True where a table has an event of this hour. Not EXISTS: Postgres would turn that into a join that reads every event.
(SELECT true
   FROM {table}_version
  WHERE root_account_uuid = $1 AND metadata ? 'root_account_id' AND event_time >= hour AND event_time < hour + interval '1 hour'
  LIMIT 1)
