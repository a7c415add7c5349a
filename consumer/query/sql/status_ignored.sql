-- Ignored events, by name.
SELECT event_name, sum(events)::bigint AS events, max(last_event_time) AS last_event_time
  FROM ignored_event
 GROUP BY event_name
 ORDER BY events DESC, event_name
