-- Times of the newest event of these topics, and of the newest ignored event with this name: initial values of a worker's gauges.
SELECT (SELECT max(last_event_time) FROM stream_position WHERE source = ANY ($1::text[])) AS event,
       (SELECT max(last_event_time) FROM ignored_event WHERE source = ANY ($1::text[]) AND event_name = $2) AS named
