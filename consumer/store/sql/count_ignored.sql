-- Counts events of other names, per partition, so that two workers never meet on a row.
INSERT INTO ignored_event AS known (source, partition, event_name, events, last_event_time)
SELECT *
  FROM unnest($1::text[], $2::integer[], $3::text[], $4::bigint[], $5::timestamptz[])
    ON CONFLICT (source, partition, event_name) DO UPDATE
   SET events = known.events + excluded.events,
       last_event_time = greatest(known.last_event_time, excluded.last_event_time)
