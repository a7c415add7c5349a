-- Moves the books of a partition from quarantined to what the retried records became; their newest event counts for freshness as if it had been understood at once.
UPDATE stream_position AS position
   SET consumed = position.consumed + became.consumed,
       applied = position.applied + became.applied,
       superseded = position.superseded + became.superseded,
       duplicate = position.duplicate + became.duplicate,
       ignored = position.ignored + became.ignored,
       quarantined = position.quarantined + became.quarantined,
       last_event_time = greatest(position.last_event_time, became.last_event_time),
       updated_at = now()
  FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
              $9::timestamptz[])
       AS became (source, partition, consumed, applied, superseded, duplicate, ignored, quarantined, last_event_time)
 WHERE position.source = became.source AND position.partition = became.partition
