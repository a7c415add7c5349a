-- Books that disagree with the counts of ignored events.
WITH counted AS (
    SELECT source, partition, sum(events)::bigint AS events
      FROM ignored_event
     GROUP BY source, partition
)
SELECT format('%s-%s: %s ignored, %s counted by name', source, partition,
              coalesce(ignored, 0), coalesce(events, 0)) AS sentence
  FROM stream_position
  FULL JOIN counted USING (source, partition)
 WHERE coalesce(ignored, 0) <> coalesce(events, 0)
