-- Moves counts of a partition from `quarantined` to what the retried records retried. Their newest event counts for freshness.
UPDATE stream_position AS position
   SET consumed = position.consumed + retried.consumed,
       applied = position.applied + retried.applied,
       superseded = position.superseded + retried.superseded,
       duplicate = position.duplicate + retried.duplicate,
       ignored = position.ignored + retried.ignored,
       quarantined = position.quarantined + retried.quarantined,
       erased = position.erased + retried.erased,
       last_event_time = greatest(position.last_event_time, retried.last_event_time),
       updated_at = now()
  FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
              $9::bigint[], $10::timestamptz[])
       AS retried (source, partition, consumed, applied, superseded, duplicate, ignored, quarantined, erased, last_event_time)
 WHERE position.source = retried.source AND position.partition = retried.partition
