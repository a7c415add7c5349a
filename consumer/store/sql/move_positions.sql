-- The fence: moves a position only from where this writer knows it to be. Fewer updated rows than given: somebody else owns one.
UPDATE stream_position AS position
   SET next_position = move.new,
       consumed = position.consumed + move.applied + move.superseded + move.duplicate + move.ignored + move.quarantined
                + move.erased,
       applied = position.applied + move.applied,
       superseded = position.superseded + move.superseded,
       duplicate = position.duplicate + move.duplicate,
       ignored = position.ignored + move.ignored,
       quarantined = position.quarantined + move.quarantined,
       erased = position.erased + move.erased,
       last_event_time = greatest(position.last_event_time, move.last_event_time),
       updated_at = now()
  FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
              $9::bigint[], $10::bigint[], $11::timestamptz[])
       AS move (source, partition, old, new, applied, superseded, duplicate, ignored, quarantined, erased, last_event_time)
 WHERE position.source = move.source
   AND position.partition = move.partition
   AND position.next_position = move.old
