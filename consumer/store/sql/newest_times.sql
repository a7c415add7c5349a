-- The newest event of these topics, and the newest of that name: where a worker's gauges go on that has just been started.
SELECT (SELECT max(last_event_time) FROM stream_position WHERE source = ANY ($1::text[])) AS event,
       (SELECT max(last_event_time) FROM ignored_event WHERE source = ANY ($1::text[]) AND event_name = $2) AS named
