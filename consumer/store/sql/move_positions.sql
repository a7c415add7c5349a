-- The fence: a position moves only from where this writer believes it to be. Fewer rows than asked for: somebody else owns one.
UPDATE stream_position AS position
   SET next_position = moved.new,
       consumed = position.consumed + moved.applied + moved.superseded + moved.duplicate + moved.ignored + moved.quarantined,
       applied = position.applied + moved.applied,
       superseded = position.superseded + moved.superseded,
       duplicate = position.duplicate + moved.duplicate,
       ignored = position.ignored + moved.ignored,
       quarantined = position.quarantined + moved.quarantined,
       last_event_time = greatest(position.last_event_time, moved.last_event_time),
       updated_at = now()
  FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
              $9::bigint[], $10::timestamptz[])
       AS moved (source, partition, old, new, applied, superseded, duplicate, ignored, quarantined, last_event_time)
 WHERE position.source = moved.source
   AND position.partition = moved.partition
   AND position.next_position = moved.old
