-- Counts ignored events by name, per partition: two workers never update the same row. Once a partition has $6 names, new names are
-- counted as '(others)', except those in $7: a feed that invents names must not fill the table.
WITH counted AS (
    SELECT *
      FROM unnest($1::text[], $2::integer[], $3::text[], $4::bigint[], $5::timestamptz[])
           AS counted (source, partition, event_name, events, last_event_time)
),
room AS (
    SELECT source, partition, $6::bigint - count(known.event_name) AS names
      FROM (SELECT DISTINCT source, partition FROM counted) AS touched
      LEFT JOIN ignored_event AS known USING (source, partition)
     GROUP BY source, partition
),
fresh AS (
    SELECT source, partition, event_name, row_number() OVER (PARTITION BY source, partition ORDER BY event_name) AS number
      FROM counted
      LEFT JOIN ignored_event AS known USING (source, partition, event_name)
     WHERE known.source IS NULL AND event_name <> ALL ($7::text[])
)
INSERT INTO ignored_event AS known (source, partition, event_name, events, last_event_time)
SELECT source, partition, CASE WHEN fresh.number > room.names THEN '(others)' ELSE event_name END AS name,
       sum(events), max(last_event_time)
  FROM counted
  JOIN room USING (source, partition)
  LEFT JOIN fresh USING (source, partition, event_name)
 GROUP BY source, partition, name
 ORDER BY source, partition, name
    ON CONFLICT (source, partition, event_name) DO UPDATE
   SET events = known.events + excluded.events,
       last_event_time = greatest(known.last_event_time, excluded.last_event_time)
