-- The books of a partition whose events were taken out: see trial_ignored.
UPDATE stream_position
   SET applied = applied - $3, ignored = ignored + $3, last_event_time = nullif(last_event_time, $4), updated_at = now()
 WHERE source = $1 AND partition = $2
