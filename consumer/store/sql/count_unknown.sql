-- The drift report: members that no model knows, per partition, so that two workers never meet on a row.
INSERT INTO unknown_member AS known (source, partition, event_name, member, events)
SELECT *
  FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bigint[])
    ON CONFLICT (source, partition, event_name, member) DO UPDATE
   SET events = known.events + excluded.events
