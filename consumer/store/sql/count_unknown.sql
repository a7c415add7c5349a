-- The drift report: counts members that no model knows, per partition: two workers never update the same row. Once a partition has
-- $6 members, new ones are counted as '(others)' of their event: a feed that invents names must not fill the table.
WITH counted AS (
    SELECT *
      FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bigint[])
           AS counted (source, partition, event_name, member, events)
),
room AS (
    SELECT source, partition, $6::bigint - count(known.member) AS members
      FROM (SELECT DISTINCT source, partition FROM counted) AS touched
      LEFT JOIN unknown_member AS known USING (source, partition)
     GROUP BY source, partition
),
fresh AS (
    SELECT source, partition, event_name, member,
           row_number() OVER (PARTITION BY source, partition ORDER BY event_name, member) AS number
      FROM counted
      LEFT JOIN unknown_member AS known USING (source, partition, event_name, member)
     WHERE known.source IS NULL
)
INSERT INTO unknown_member AS known (source, partition, event_name, member, events)
SELECT source, partition, event_name, CASE WHEN fresh.number > room.members THEN '(others)' ELSE member END AS name, sum(events)
  FROM counted
  JOIN room USING (source, partition)
  LEFT JOIN fresh USING (source, partition, event_name, member)
 GROUP BY source, partition, event_name, name
 ORDER BY source, partition, event_name, name
    ON CONFLICT (source, partition, event_name, member) DO UPDATE
   SET events = known.events + excluded.events
