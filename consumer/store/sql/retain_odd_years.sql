-- Years of rows that no partition but the default one takes.
SELECT coalesce(array_agg(DISTINCT extract(year FROM event_time AT TIME ZONE 'UTC')::integer), '{{}}')
  FROM {table}_default
