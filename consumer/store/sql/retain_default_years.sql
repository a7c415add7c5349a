-- Years of the rows in the default partition.
SELECT coalesce(array_agg(DISTINCT extract(year FROM event_time AT TIME ZONE 'UTC')::integer), '{{}}')
  FROM {table}_default
