-- How fresh the projection is, and how many records of all tenants wait in quarantine or were never understood.
SELECT max(last_event_time) AS newest, coalesce(sum(quarantined), 0)::bigint AS quarantined
  FROM stream_position
