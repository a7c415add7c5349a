-- The drift report: members that no model knows, per partition, so that two workers never meet on a row. When so many of a partition are
-- known ($6), further ones count as one of their event: a feed that invents names must not fill the table.
WITH told AS (
    SELECT *
      FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bigint[]) AS told (source, partition, event_name, member, events)
),
room AS (
    SELECT source, partition, $6::bigint - count(known.member) AS members
      FROM (SELECT DISTINCT source, partition FROM told) AS here
      LEFT JOIN unknown_member AS known USING (source, partition)
     GROUP BY source, partition
),
fresh AS (
    SELECT source, partition, event_name, member,
           row_number() OVER (PARTITION BY source, partition ORDER BY event_name, member) AS number
      FROM told
      LEFT JOIN unknown_member AS known USING (source, partition, event_name, member)
     WHERE known.source IS NULL
)
INSERT INTO unknown_member AS known (source, partition, event_name, member, events)
SELECT source, partition, event_name, CASE WHEN fresh.number > room.members THEN '(others)' ELSE member END AS name, sum(events)
  FROM told
  JOIN room USING (source, partition)
  LEFT JOIN fresh USING (source, partition, event_name, member)
 GROUP BY source, partition, event_name, name
 ORDER BY source, partition, event_name, name
    ON CONFLICT (source, partition, event_name, member) DO UPDATE
   SET events = known.events + excluded.events
