-- Where every partition and file stands, with its books; the newest last.
SELECT source, partition, label, next_position, consumed, applied, superseded, duplicate, ignored, quarantined,
       erased, last_event_time, updated_at
  FROM stream_position
 ORDER BY source LIKE 'file:%' DESC, updated_at, source, partition
